"""`rate`: rankings in, Elo-scale scores with standard errors out."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from rlhf.ratings.distinct import find_kinds
from rlhf.ratings.elo import play_in_order
from rlhf.ratings.leave_out import standard_errors
from rlhf.ratings.likelihood import Davidson, Likelihood, PlackettLuce
from rlhf.ratings.problem import Setting, make_problems
from rlhf.ratings.rankings import (
    BadRankings,
    Floats,
    Rankings,
    check_rankings,
    group_rankings,
)
from rlhf.ratings.tuning import (
    DEFAULT_SIGMA,
    fit_annotators,
    log_loss_by_annotator,
    make_sample,
    mean_log_loss,
    tune_sigma,
    tune_tie,
)

CENTRE = 1000.0
"""Elo; the mean score of the responses to one prompt."""
# `training.losses` has its own ELO_PER_LOGIT: losses and ratings may not import each other, so that each can be used
# without the other, and the number is part of what Elo means. `versions.BASE_ELO` is 1000 too, for another reason:
# there it is where one version stands, here the mean of a prompt.
ELO_PER_LOGIT = 400.0 / np.log(10.0)
"""Ten to one is 400 points on the Elo scale, log(10) in logits."""
MOST_TIED = 0.9
"""Share of ties up to which the first guess of the tie parameter follows it; at 1 it would be infinite."""
METHODS = ("davidson", "elo", "plackett_luce")


@dataclass(frozen=True)
class Ratings:
    """Scores of P prompts x K responses on the Elo scale, and how sure they are.

    `elo` and `stderr` are (P, K) in Elo, NaN for a response that no ranking of its prompt showed. The scores
    of a prompt have mean 1000, and only their differences mean anything: scores of different prompts cannot
    be compared. `stderr` is that of the centred score. `reliability` (A,) is each annotator's temperature, 1
    for the median one and near 0 for one who clicks at random. `sigma` is the spread of the prior in logits
    (1 logit is 173.7 Elo), `tie` Davidson's parameter. `log_loss` is the mean over pairs of -log P(what was
    chosen | all other rankings), in nats.
    """

    elo: Floats
    stderr: Floats
    reliability: Floats
    sigma: float
    tie: float
    log_loss: float

    def win_probability(
        self, prompt: ArrayLike, i: ArrayLike, j: ArrayLike, annotator: ArrayLike | None = None
    ) -> Floats:
        """Probability that response `i` of `prompt` is put above `j` by one who ties neither.

        All are numbers or arrays that fit each other, and so is the result. By `annotator`, at that one's
        temperature, or by the median annotator. Averaged over the uncertainty of the scores, so that two
        responses seen once are closer to even than their Elo says, by E[logistic(N(d, v))] = logistic(d /
        sqrt(1 + pi v / 8)) (MacKay 1992, The evidence framework applied to classification networks). Without
        standard errors (method elo) v is 0. NaN where either was not shown.
        """
        where, first, second = (np.asarray(index, np.intp) for index in (prompt, i, j))
        # The errors are of centred scores, which are negatively correlated: a difference varies more than the sum of
        # the two variances, by k / (k - 1) on average (`flip_risk.difference_error`).
        heat = 1.0 if annotator is None else self.reliability[np.asarray(annotator)]
        count = np.isfinite(self.elo[where]).sum(-1)
        widen = np.where(first == second, 0.0, count / np.maximum(count - 1, 1))
        error = np.nan_to_num(self.stderr)
        variance = widen * (error[where, first] ** 2 + error[where, second] ** 2) / ELO_PER_LOGIT**2
        gap = (self.elo[where, first] - self.elo[where, second]) / ELO_PER_LOGIT
        chance: Floats = 1.0 / (1.0 + np.exp(-heat * gap / np.sqrt(1.0 + np.pi / 8.0 * heat * heat * variance)))
        return chance


def rate(  # noqa: PLR0913 - one call for a researcher, named options only
    levels: ArrayLike,
    prompt: ArrayLike,
    annotator: ArrayLike | None = None,
    *,
    method: str = "davidson",
    sigma: float | None = None,
    tie: float | None = None,
    reliability: bool = False,
    prior_mean: ArrayLike | None = None,
) -> Ratings:
    """Scores of all prompts' responses from N rankings of up to K responses each.

    `levels` (N, K): 1 is best, equal levels are a tie, -1 was not shown; only their order counts. `prompt`
    (N,) numbers the prompt of each ranking from 0, `annotator` (N,) who made it. Two rankings of one prompt
    by one person are two observations. `method` is

    - davidson: Bradley-Terry with ties and a normal prior, maximum a posteriori, sandwich standard errors
    - plackett_luce: whole rankings instead of pairs, same prior; ties are shared (Breslow), not predicted
    - elo: the sequential chess rule in order of arrival; no standard errors, no log-loss (NaN)

    `sigma` (logits) and `tie` are tuned on left-out rankings unless given. `reliability` also fits a
    temperature to each annotator and weighs by it. `prior_mean` (P, K), in Elo, is where scores start from,
    such as the leaderboard score of the version that wrote the response; only its differences within a prompt
    matter.

    Raises `BadRankings`, a ValueError, for levels, numbers, shapes or options that mean nothing.
    """
    rankings = check_rankings(levels, prompt, annotator)
    _check_options(method, sigma, tie, reliability and annotator is None)
    prior = _check_prior_mean(prior_mean, rankings)
    if method == "elo":
        return _rate_by_elo(rankings, prior)
    setting, loss = _settle(rankings, prior, Wanted(method, sigma, tie, reliability))
    elo = np.full((rankings.prompts, rankings.levels.shape[1]), np.nan)
    stderr = elo.copy()
    # A prior mean or a temperature sets prompts apart whose rankings are the same.
    alike = prior is None and not reliability
    kinds = find_kinds(rankings, whole=method == "plackett_luce") if alike else None
    for problem in make_problems(rankings if kinds is None else kinds.rankings, prior):
        group, fit = problem.group, problem.solve(setting)
        errors = standard_errors(group, fit, setting.model, setting.temperature)
        elo[group.prompts, group.columns] = CENTRE + ELO_PER_LOGIT * fit.scores
        stderr[group.prompts, group.columns] = ELO_PER_LOGIT * errors
    if kinds is not None:
        elo, stderr = elo[kinds.stands_for], stderr[kinds.stands_for]
    heat = np.ones(rankings.annotators) if setting.temperature is None else setting.temperature
    return Ratings(elo, stderr, heat, setting.sigma, setting.model.tie, loss)


@dataclass(frozen=True)
class Wanted:
    """The options of one call of `rate`; None means that it is to be tuned."""

    method: str
    sigma: float | None
    tie: float | None
    reliability: bool


def _settle(rankings: Rankings, prior: Floats | None, wanted: Wanted) -> tuple[Setting, float]:
    """Tune what the caller left open, in turn: sigma and tie on a sample, temperatures on all rankings.

    Returns the setting for the final fit and the mean left-out log-loss, in nats a pair.
    """
    tied = wanted.method == "davidson"
    model: Likelihood = Davidson(wanted.tie or 0.0) if tied else PlackettLuce()
    inflation = [model.inflation(size) for size in range(rankings.levels.shape[1] + 1)]
    sample = make_sample(rankings, prior, inflation)
    setting = Setting(model, DEFAULT_SIGMA if wanted.sigma is None else wanted.sigma, sample.overlap)
    open_tie, open_sigma = tied and wanted.tie is None, sample.repeated and wanted.sigma is None
    if open_tie:
        # Equal responses are tied with probability tie / (2 + tie), which this solves for tie.
        start = Davidson(2.0 * sample.tied / (1.0 - min(sample.tied, MOST_TIED)))
        setting = tune_tie(sample, replace(setting, model=start), 2)
    problems = make_problems(rankings, prior) if wanted.reliability else []
    # Twice with temperatures: sigma is smaller as long as clickers count in full.
    for _ in range(2 if wanted.reliability else 1):
        if open_sigma:
            setting = tune_sigma(sample, setting)
        if open_tie:
            setting = tune_tie(sample, setting, 2)
        if wanted.reliability:
            setting = fit_annotators(problems, setting, rankings.annotators)
    # Tuning counts overlapping pairs once (`Setting.overlap`); the scores themselves are the plain maximum.
    return replace(setting, overlap=1.0), mean_log_loss(sample, setting)


def left_out_loss(levels: ArrayLike, prompt: ArrayLike, annotator: ArrayLike, *, sigma: float, tie: float) -> Floats:
    """How badly all other rankings of the same prompts predict those of each annotator (A,).

    The mean over pairs of -log P(what was chosen | all other rankings), in nats, with temperature 1 for
    everybody. log 3 = as bad as guessing between better, tie and worse; log 2 where ties do not occur. The
    arguments are those of `rate`, with the `sigma` and `tie` that it found. NaN for an annotator who ranked
    no pair.
    """
    rankings = check_rankings(levels, prompt, annotator)
    _check_options("davidson", sigma, tie, False)
    setting = Setting(Davidson(tie), sigma)
    lost, pairs = log_loss_by_annotator(make_problems(rankings, None), setting, rankings.annotators)
    with np.errstate(invalid="ignore"):
        return lost / np.where(pairs > 0, pairs, np.nan)


def _rate_by_elo(rankings: Rankings, prior: Floats | None) -> Ratings:
    elo = np.full((rankings.prompts, rankings.levels.shape[1]), np.nan)
    for group in group_rankings(rankings):
        place = (group.prompts, group.columns)
        start = np.zeros(group.columns.shape) if prior is None else prior[place] * ELO_PER_LOGIT
        played = play_in_order(group, start)
        elo[place] = CENTRE + played - played.mean(0)
    nan = float("nan")
    return Ratings(elo, np.full_like(elo, np.nan), np.ones(rankings.annotators), nan, nan, nan)


def _check_options(method: str, sigma: float | None, tie: float | None, nameless: bool) -> None:
    if method not in METHODS:
        raise BadRankings(f"There is no method {method!r}: choose one of {', '.join(METHODS)}.")
    if sigma is not None and not 0.0 < sigma < np.inf:
        raise BadRankings(f"sigma is {sigma}: give a positive number of logits, or None to tune it.")
    if tie is not None and not 0.0 <= tie < np.inf:
        raise BadRankings(f"tie is {tie}: give 0 or a positive number, or None to tune it.")
    if nameless:
        raise BadRankings(
            "reliability is a number for each annotator and annotator is None: pass who made each ranking."
        )


def _check_prior_mean(prior_mean: ArrayLike | None, rankings: Rankings) -> Floats | None:
    """`prior_mean` in logits about 0, or None."""
    if prior_mean is None:
        return None
    mean = np.asarray(prior_mean, float)
    expected = (rankings.prompts, rankings.levels.shape[1])
    if mean.shape != expected:
        raise BadRankings(f"prior_mean has shape {mean.shape} and there are {expected[0]} prompts of {expected[1]}.")
    unknown = (rankings.levels > 0) & ~np.isfinite(mean[rankings.prompt])
    if unknown.any():
        row, column = (int(place[0]) for place in np.nonzero(unknown))
        raise BadRankings(
            f"prior_mean of prompt {rankings.prompt[row]} is {mean[rankings.prompt[row], column]} "
            f"for response {column}, which was shown: give a number, 1000 where nothing is known."
        )
    logits: Floats = (mean - CENTRE) / ELO_PER_LOGIT
    return logits
