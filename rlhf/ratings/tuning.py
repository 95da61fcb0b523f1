"""The three things a fit cannot know beforehand, chosen so that left-out rankings are predicted best.

They are the spread of the scores (sigma), how readily people tie (tie), and how far each annotator can be
trusted (reliability, a temperature: the factor on every difference that annotator sees).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlhf.ratings.davidson import probability, slope_and_curvature, tie_share
from rlhf.ratings.leave_out import NODES, WEIGHTS, LeftOut, leave_out, log_loss
from rlhf.ratings.likelihood import Likelihood
from rlhf.ratings.newton import Fit, maximise
from rlhf.ratings.rankings import Floats, Group, Rankings, group_rankings

DEFAULT_SIGMA = 1.4
"""Logits, 243 Elo: the spread of the scores of one prompt's responses when no prompt is ranked twice."""
SIGMA_GRID = np.geomspace(0.2, 8.0, 10)
SIGMA_DOUBT = 0.5
"""How far, in log sigma, one expects to be from the default: decides only where there are few rankings."""
RELIABILITY_SPREAD = 1.0
"""Standard deviation of log temperature between annotators; the median is 1."""
SAMPLE_PAIRS = 60_000
"""Pairs that sigma and tie are tuned on: they come out within about 2% of what all pairs would give."""
ROUNDS = 20
SETTLED = 0.02


@dataclass(frozen=True)
class Setting:
    """What a fit takes for granted: the model with its tie parameter, sigma, and each annotator's temperature
    (A,)."""

    model: Likelihood
    sigma: float
    temperature: Floats | None = None


@dataclass
class Problem:
    """A group with its prior mean (k, p) in logits and the latest fit, from which the next one starts."""

    group: Group
    prior_mean: Floats
    fit: Fit | None = None

    def solve(self, setting: Setting) -> Fit:
        """The fit under `setting`."""
        steepness = 1.0 if setting.temperature is None else float(setting.temperature.max(initial=1.0))
        terms = setting.model.of_group(self.group, setting.temperature)
        start = None if self.fit is None else self.fit.scores
        self.fit = maximise(terms, self.prior_mean, setting.sigma, start, steepness)
        return self.fit

    def left_out(self, setting: Setting) -> Iterator[LeftOut]:
        """The left-out view of every ranking after a fit under `setting`."""
        return leave_out(self.group, self.solve(setting), setting.model, setting.temperature)


def make_problems(rankings: Rankings, prior_mean: Floats | None) -> list[Problem]:
    """One problem a group; `prior_mean` (P, K) in logits, None for 0 everywhere."""
    problems = []
    for group in group_rankings(rankings):
        mean = (
            np.zeros(group.columns.shape) if prior_mean is None else prior_mean[group.prompts, group.columns]
        )
        problems.append(Problem(group, mean))
    return problems


def sample_prompts(rankings: Rankings) -> tuple[Rankings, bool]:
    """Rankings enough to tune on, spread over the prompts, and whether they tell about sigma.

    Only a prompt ranked twice can: alone, a ranking is as well explained by any spread.
    """
    size = (rankings.levels > 0).sum(1)
    ranked = np.bincount(rankings.prompt[size > 1], minlength=rankings.prompts)
    repeated = bool((ranked > 1).any())
    useful = np.flatnonzero(ranked > 1 if repeated else ranked > 0)
    pairs = np.bincount(rankings.prompt, size * (size - 1) / 2, rankings.prompts)[useful].sum()
    stride = max(1, int(pairs) // SAMPLE_PAIRS)
    chosen = np.zeros(rankings.prompts, bool)
    chosen[useful[::stride]] = True
    return rankings.of_prompts(chosen), repeated


def tune_sigma(problems: Sequence[Problem], setting: Setting) -> Setting:
    """`setting` with the sigma that predicts left-out rankings best, between the first and last of
    `SIGMA_GRID`."""
    grid = np.log(SIGMA_GRID)
    loss = np.array([_doubtful_loss(problems, replace(setting, sigma=float(sigma))) for sigma in SIGMA_GRID])
    best = int(np.clip(loss.argmin(), 1, len(grid) - 2))
    low, mid, high = loss[best - 1 : best + 2]
    bend = low - 2.0 * mid + high
    shift = 0.5 * (low - high) / bend if bend > 0.0 else 0.0
    log_sigma = grid[best] + (grid[1] - grid[0]) * np.clip(shift, -1.0, 1.0)
    return replace(setting, sigma=float(np.exp(log_sigma)))


def _doubtful_loss(problems: Sequence[Problem], setting: Setting) -> float:
    """Left-out loss in nats, pairs weighted as `inflation` says, plus the penalty for leaving the default
    sigma."""
    total = 0.5 * (np.log(setting.sigma / DEFAULT_SIGMA) / SIGMA_DOUBT) ** 2
    for problem in problems:
        for left in problem.left_out(setting):
            total += log_loss(left, setting.model.tie, setting.temperature)[0] / setting.model.inflation(
                left.size
            )
    return float(total)


def tie_update(problems: Sequence[Problem], setting: Setting) -> float:
    """The next tie parameter: with it as many ties are expected as there are.

    One made-up undecided pair that was no tie keeps it finite when everything is tied. No tie at all gives 0.
    """
    tie = setting.model.tie
    ties, expected = 0, tie / (2.0 + tie)
    for problem in problems:
        for left in problem.left_out(setting):
            ties += int((left.outcome == 0).sum())
            for node, weight in zip(NODES, WEIGHTS, strict=True):
                d = left.mean + node * left.sd
                if setting.temperature is not None:
                    d *= setting.temperature[left.annotator]
                expected += weight * float(tie_share(d, tie).sum())
    return tie * ties / expected if ties else 0.0


def annotator_step(problems: Sequence[Problem], setting: Setting, log_heat: Floats) -> Floats:
    """The next log temperatures (A,): one Newton step towards what predicts each annotator's rankings best.

    The likelihood of an outcome is averaged over the left-out view; its prior is a normal on the logarithm
    with median 0.
    """
    people = len(log_heat)
    slope, information = np.zeros(people), np.zeros(people)
    for problem in problems:
        for left in problem.left_out(setting):
            pull, weight = _temperature_terms(left, setting)
            share = 1.0 / setting.model.inflation(left.size)
            slope += share * np.bincount(left.annotator, pull, people)
            information += share * np.bincount(left.annotator, weight, people)
    precision = RELIABILITY_SPREAD**-2
    step = (slope - precision * log_heat) / (information + precision)
    return log_heat + np.clip(step, -1.0, 1.0)


def _temperature_terms(left: LeftOut, setting: Setting) -> tuple[Floats, Floats]:
    """Gradient and expected information (n,) of each ranking in the logarithm of its annotator's
    temperature."""
    tie = setting.model.tie
    heat = (
        np.ones(len(left.annotator)) if setting.temperature is None else setting.temperature[left.annotator]
    )
    pull, weight, total = np.zeros(left.mean.shape), np.zeros(left.mean.shape), np.zeros(left.mean.shape)
    for node, share in zip(NODES, WEIGHTS, strict=True):
        d = (left.mean + node * left.sd) * heat
        likely = share * probability(left.outcome, d, tie)
        slope, curvature = slope_and_curvature(d, tie)
        pull += likely * d * (0.5 * left.outcome - slope)
        weight += share * d * d * curvature
        total += likely
    return (pull / total).sum(0), weight.sum(0)
