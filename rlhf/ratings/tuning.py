"""What is chosen by how well left-out rankings are predicted: sigma, tie and each annotator's temperature.

Sigma is the spread of the scores of one prompt, tie the readiness to call two responses equal.

A temperature is the factor on every difference that an annotator sees. It is 1 for the median annotator and near
0 for one who clicks at random, whose rankings then weigh almost nothing. Nobody is thrown out. It is found by
expectation-maximisation in the manner of Dawid and Skene (1979): scores given temperatures, then temperatures
given how all other rankings predict each ranking, so that no annotator's own rankings count in their favour.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlhf.ratings.leave_out import RULE, SHORT_RULE, LeftOut, log_loss, predictive
from rlhf.ratings.likelihood import Davidson, outcome_probability, slope_and_curvature, tie_probability
from rlhf.ratings.problem import Problem, Setting, make_problems
from rlhf.ratings.rankings import Batch, Floats, Ints, Rankings

DEFAULT_SIGMA = 1.4
"""Logits, 243 Elo: the spread of the scores of one prompt's responses when no prompt is ranked twice."""
STRIDE, STEPS = 1.6, 2
"""Sigma is sought between the default times STRIDE^-STEPS and STRIDE^STEPS: .55 to 3.6 logits, 95 to 620 Elo."""
STEP = 1.15
"""Ratio of the best sigma to the neighbours through which a parabola finds the optimum."""
SIGMA_DOUBT = 0.5
"""Standard deviation of log sigma about the default before any data: matters only where there are few rankings."""
SAMPLE_PAIRS = 30_000
"""Pairs that sigma and tie are tuned on; so many give them to within a few percent."""
FEW = 8
"""Rankings of a prompt up to which each is left out by a fit of its own; beyond, one Newton step will do."""


@dataclass(frozen=True)
class Sample:
    """The rankings that sigma and tie are tuned on: problems whose rankings are left out in turn.

    `repeated` tells whether any prompt is ranked twice: alone, a ranking is as well explained by any sigma.
    `overlap` is the mean number of times the information of a ranking is counted in its pairs, `tied` the
    share of tied pairs.
    """

    problems: Sequence[Problem]
    repeated: bool
    overlap: float
    tied: float


def make_sample(rankings: Rankings, prior_mean: Floats | None, inflation: Sequence[float]) -> Sample:
    """Rankings enough to tune on, spread evenly over the prompts; `inflation` is by size of ranking."""
    # Every stride-th prompt rather than the first ones: prompts may be sorted by source or by difficulty.
    size = (rankings.levels > 0).sum(1)
    ranked = np.bincount(rankings.prompt[size > 1], minlength=rankings.prompts)
    repeated = bool((ranked > 1).any())
    useful = np.flatnonzero(ranked > 1 if repeated else ranked > 0)
    pairs = size * (size - 1) / 2
    stride = 1 + int(np.bincount(rankings.prompt, pairs, rankings.prompts)[useful].sum()) // SAMPLE_PAIRS
    chosen = np.zeros(rankings.prompts, bool)
    chosen[useful[::stride]] = True
    at = np.flatnonzero(chosen[rankings.prompt] & (size > 1))
    few = ranked[rankings.prompt[at]] <= FEW
    problems = _held_in_turn(rankings.pick(at[few]), prior_mean)
    problems += make_problems(rankings.pick(at[~few]), prior_mean)
    weight = np.bincount(size[at], pairs[at], len(inflation))
    overlap = float(weight @ np.asarray(inflation) / weight.sum()) if len(at) else 1.0
    ties = [np.mean(batch.outcome == 0) for problem in problems for batch in _all_batches(problem)]
    return Sample(problems, repeated, overlap, float(np.mean(ties)) if ties else 0.0)


def _all_batches(problem: Problem) -> Sequence[Batch]:
    return problem.group.held or problem.group.batches


def _held_in_turn(rankings: Rankings, prior_mean: Floats | None) -> list[Problem]:
    """As many copies of each prompt as it has rankings, each with another ranking held."""
    count = np.bincount(rankings.prompt, minlength=rankings.prompts)
    start = np.cumsum(count) - count
    each = count[rankings.prompt]
    copy = np.repeat(np.arange(len(each)), each)
    within = np.arange(len(copy)) - np.repeat(np.cumsum(each) - each, each)
    at: Ints = np.repeat(start[rankings.prompt], each) + within
    copies = replace(rankings.pick(at), prompt=copy, prompts=len(each), held=at == copy)
    return make_problems(copies, None if prior_mean is None else prior_mean[rankings.prompt])


def tune_sigma(sample: Sample, setting: Setting) -> Setting:
    """`setting` with the sigma that predicts best: downhill from the default, then two parabolas.

    Only the nearest valley counts: far out, where one ranking moves a score by several logits, a posterior is
    no longer normal and its predictions flatter a sigma that is far too large.
    """
    losses: dict[float, float] = {}

    def loss(log_sigma: float) -> float:
        if log_sigma not in losses:
            losses[log_sigma] = _doubtful_loss(sample, replace(setting, sigma=float(np.exp(log_sigma))))
        return losses[log_sigma]

    # Downhill in strides from the default, then a parabola through wide neighbours, then one through close ones. Each
    # loss is a fit of the whole sample; this takes six to nine.
    place = 0
    for direction in (1, -1):
        while abs(place + direction) <= STEPS and loss(_at(place + direction)) < loss(_at(place)):
            place += direction
    centre = _valley(loss, _at(place), np.log(STRIDE))
    centre = _valley(loss, centre, np.log(STEP))
    return replace(setting, sigma=float(np.exp(np.clip(centre, _at(-STEPS), _at(STEPS)))))


def _at(place: int) -> float:
    return float(np.log(DEFAULT_SIGMA) + place * np.log(STRIDE))


def _valley(loss: Callable[[float], float], centre: float, step: float) -> float:
    """The lowest point of the parabola through `centre` and its neighbours, no further than they are."""
    low, mid, high = loss(centre - step), loss(centre), loss(centre + step)
    bend = low - 2.0 * mid + high
    # Where the loss bends down there is no lowest point: go a whole step towards the lower side.
    shift = 0.5 * (low - high) / bend if bend > 0.0 else np.sign(low - high)
    return float(centre + step * np.clip(shift, -1.0, 1.0))


def _doubtful_loss(sample: Sample, setting: Setting) -> float:
    """Left-out loss in nats, each ranking's divided by its inflation, plus a penalty for leaving the default."""
    total = 0.5 * (np.log(setting.sigma / DEFAULT_SIGMA) / SIGMA_DOUBT) ** 2
    for problem in sample.problems:
        for left in problem.left_out(setting):
            loss, _ = log_loss(left, setting.model.tie, setting.temperature)
            total += loss / setting.model.inflation(left.size)
    return float(total)


def mean_log_loss(sample: Sample, setting: Setting) -> float:
    """Mean -log probability of the sample's pairs, each predicted without its ranking; NaN without pairs."""
    lost = [
        log_loss(left, setting.model.tie, setting.temperature)
        for problem in sample.problems
        for left in problem.left_out(setting)
    ]
    pairs = sum(count for _, count in lost)
    return sum(loss for loss, _ in lost) / pairs if pairs else float("nan")


def tune_tie(sample: Sample, setting: Setting, rounds: int) -> Setting:
    """`setting` with the tie parameter under which as many ties are expected as there are."""
    # Without a tie in the sample the best parameter is 0, and no step gets there: the steps are factors.
    for _ in range(rounds if sample.tied else 0):
        setting = replace(setting, model=Davidson(_next_tie(sample.problems, setting)))
    return setting if sample.tied else replace(setting, model=Davidson(0.0))


def _next_tie(problems: Sequence[Problem], setting: Setting) -> float:
    """One step to where the log-loss is lowest in tie: there as many ties are expected as there are.

    The expectation is over the differences, given all other rankings and the outcome. One made-up pair of
    equals that was no tie keeps it finite when everything is tied.
    """
    tie = setting.model.tie
    ties, expected = 0, tie / (2.0 + tie)
    for problem in problems:
        for left in problem.left_out(setting):
            ties += int((left.outcome == 0).sum())
            heat = 1.0 if setting.temperature is None else setting.temperature[left.annotator]
            chance, tied = np.zeros_like(left.mean), np.zeros_like(left.mean)
            for node, weight in RULE:
                d = (left.mean + node * left.sd) * heat
                likely = weight * outcome_probability(left.outcome, d, tie)
                chance += likely
                tied += likely * tie_probability(d, tie)
            expected += float((tied / chance).sum())
    return tie * ties / expected


SPREAD = 1.0
"""Standard deviation of the logarithm of the temperature between annotators; its median is 0."""
ROUNDS = 20
"""At most; four to eight are usual, and only people with few rankings each may need them all."""
UNLIKELY = 1e-300
"""Probability below which an outcome counts as impossible and pulls a temperature no further."""
SETTLED = 0.02
"""Log temperature; the rounds stop when nobody moves more."""


def fit_annotators(problems: Sequence[Problem], setting: Setting, people: int) -> Setting:
    """`setting` with a temperature for each of `people` annotators."""
    log_heat = np.zeros(people) if setting.temperature is None else np.log(setting.temperature)
    busy = np.zeros(people, bool)
    for problem in problems:
        for batch in problem.group.batches:
            busy[batch.annotator] = True
    for _ in range(ROUNDS if busy.any() else 0):
        before = log_heat
        log_heat = log_heat + _step(problems, setting, log_heat)
        # Only the product of temperature and scores is seen in the data: the median annotator fixes the scale.
        log_heat[busy] -= np.median(log_heat[busy])
        setting = replace(setting, temperature=np.exp(log_heat))
        if np.abs(log_heat - before).max() < SETTLED:
            break
    return setting


def _step(problems: Sequence[Problem], setting: Setting, log_heat: Floats) -> Floats:
    """One Newton step (A,) in log temperature, at most 1 long, towards the best left-out prediction."""
    people = len(log_heat)
    slope, information = np.zeros(people), np.zeros(people)
    for problem in problems:
        for left in problem.left_out(setting):
            pull, weight = _terms(left, setting)
            share = 1.0 / setting.model.inflation(left.size)
            slope += share * np.bincount(left.annotator, pull, people)
            information += share * np.bincount(left.annotator, weight, people)
    precision = SPREAD**-2
    # At most a factor of e a round: the scores still rest on the temperatures of the round before.
    return np.clip((slope - precision * log_heat) / (information + precision), -1.0, 1.0)


def _terms(left: LeftOut, setting: Setting) -> tuple[Floats, Floats]:
    """Gradient and information (n,) of each ranking in its annotator's log temperature."""
    tie = setting.model.tie
    heat = 1.0 if setting.temperature is None else setting.temperature[left.annotator]
    half = 0.5 * left.outcome
    pull, weight, total = np.zeros(left.mean.shape), np.zeros(left.mean.shape), np.zeros(left.mean.shape)
    for node, share in SHORT_RULE:
        d = (left.mean + node * left.sd) * heat
        likely = share * outcome_probability(left.outcome, d, tie)
        slope, curvature = slope_and_curvature(d, tie)
        pull += likely * d * (half - slope)
        weight += share * d * d * curvature
        total += likely
    # Where people contradict each other a temperature can grow until what was said has probability 0.
    return (pull / np.maximum(total, UNLIKELY)).sum(0), weight.sum(0)


def log_loss_by_annotator(problems: Sequence[Problem], setting: Setting, people: int) -> tuple[Floats, Floats]:
    """Sum of -log probability, in nats, over the pairs of each annotator (A,), and how many pairs (A,) these are.

    Each ranking is left out in turn and predicted from all others.
    """
    lost, pairs = np.zeros(people), np.zeros(people)
    for problem in problems:
        for left in problem.left_out(setting):
            # A model without ties gives them no probability: they are not asked about.
            counted = (left.outcome != 0) | (setting.model.tie > 0.0)
            chance = np.where(counted, predictive(left, setting.model.tie, setting.temperature), 1.0)
            lost += np.bincount(left.annotator, -np.log(chance).sum(0), people)
            pairs += np.bincount(left.annotator, counted.sum(0), people)
    return lost, pairs
