"""The table of agreement: a row for each annotator, who agrees with whom, and which prompts people dispute."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rlhf.ratings import BadRankings, Ratings, left_out_loss, rate
from rlhf.ratings.agreement.alpha import alpha_of_rankings, once
from rlhf.ratings.agreement.gold import GOLD_DOUBT, doubt_gold, gold_accuracy
from rlhf.ratings.agreement.meetings import meetings
from rlhf.ratings.agreement.outcomes import ratio
from rlhf.ratings.rankings import Floats, Ints, check_rankings

PRIOR_PAIRS = 6.0
"""Pairs by which a disputed share is drawn to the mean: as many as two rankings of four responses compare."""


@dataclass(frozen=True)
class AnnotatorRow:
    """What is known of one annotator; NaN where there are no data for it.

    `rankings` is how many were made; `tau` (-1 to 1) the mean Kendall tau-b with others on shared prompts;
    `log_loss`, in nats a pair, how badly all others predict this annotator (log 3 = guessing); `reliability`
    the temperature that `rate` finds (1 for the median annotator, 0 for clicks at random); `consistency`
    (0 to 1) the share of pairs that came out the same when this annotator ranked a prompt again, over `repeats`
    such pairs of rankings; `gold_accuracy` (0 to 1) over `gold` rankings of known prompts, `flagged` when it is
    below `GOLD_BAR` with probability over `GOLD_DOUBT`; `seconds` the median time of a ranking.
    """

    annotator: int
    rankings: int
    tau: float
    log_loss: float
    reliability: float
    consistency: float
    repeats: int
    gold_accuracy: float
    gold: int
    flagged: bool
    seconds: float


@dataclass(frozen=True)
class Agreement:
    """`alpha` with its 95% interval, one row an annotator, and who agrees with whom.

    `tau` (A, A) is the mean Kendall tau-b of two annotators over the `shared` (A, A) pairs of rankings of one
    prompt, NaN where there is none. `disputed` (P,) is the chance that two people differ on a pair of the
    prompt's responses (a tie against an order is half), NaN for a prompt with fewer than two people; `compared`
    (P,) counts the pairs and meetings that it rests on.
    """

    alpha: float
    low: float
    high: float
    annotators: list[AnnotatorRow]
    tau: Floats
    shared: Ints
    disputed: Floats
    compared: Floats

    def most_disputed(self, count: int = 10) -> list[int]:
        """The numbers of at most `count` prompts on which people disagree, most disputed first.

        In order of the disputed share drawn towards the mean of all prompts by `PRIOR_PAIRS` pairs, so that one
        disagreement on one pair is no greater dispute than many on many.
        """
        disputed = np.nan_to_num(self.disputed)
        mean = (disputed * self.compared).sum() / max(self.compared.sum(), 1.0)
        weight = self.compared + PRIOR_PAIRS
        order = np.argsort(-(disputed * self.compared + mean * PRIOR_PAIRS) / weight, kind="stable")
        return [int(prompt) for prompt in order if disputed[prompt] > 0.0][:count]


def measure_agreement(
    levels: ArrayLike,
    prompt: ArrayLike,
    annotator: ArrayLike,
    *,
    seconds: ArrayLike | None = None,
    gold: ArrayLike | None = None,
    fitted: Ratings | None = None,
    seed: int = 0,
) -> Agreement:
    """Agreement over N rankings of up to K responses; `levels`, `prompt` and `annotator` are those of `rate`.

    `seconds` (N,) is the time each took, NaN where unknown. `gold` (N, K) holds the right levels for each
    ranking of a prompt whose order is known, -1 elsewhere (as for whoever made the order known); pairs that it ties
    are not asked. `fitted` is the result of `rate` on the same rankings with `reliability=True`; without it the fit
    is done here, which is half of the work. `seed` is that of the bootstrap.
    Raises `BadRankings` where arrays do not fit.
    """
    rankings = check_rankings(levels, prompt, annotator)
    people = rankings.annotators
    fitted = fitted or rate(levels, prompt, annotator, reliability=True)
    met = meetings(rankings)
    # `gold` and `seconds` are in the caller's order; `rankings` is sorted by prompt.
    accuracy, asked = gold_accuracy(levels, annotator, people, gold)
    columns = zip(
        np.bincount(rankings.annotator, minlength=people).tolist(),
        ratio(met.tau.sum(1), met.shared.sum(1)).tolist(),
        left_out_loss(levels, prompt, annotator, sigma=fitted.sigma, tie=fitted.tie).tolist(),
        fitted.reliability.tolist(),
        ratio(met.same, met.asked).tolist(),
        met.repeats.tolist(),
        accuracy.tolist(),
        asked.tolist(),
        (doubt_gold(accuracy, asked) > GOLD_DOUBT).tolist(),
        _median_seconds(annotator, people, seconds).tolist(),
        strict=True,
    )
    rows = [AnnotatorRow(person, *line) for person, line in enumerate(columns)]
    tau = ratio(met.tau, met.shared)
    return Agreement(
        *alpha_of_rankings(once(rankings), seed), rows, tau, met.shared, ratio(met.differ, met.pairs), met.pairs
    )


def _median_seconds(annotator: ArrayLike, people: int, seconds: ArrayLike | None) -> Floats:
    if seconds is None:
        return np.full(people, np.nan)
    who, times = np.asarray(annotator), np.asarray(seconds, float)
    if times.shape != who.shape:
        raise BadRankings(f"seconds has shape {times.shape}: give one time a ranking, {who.shape}.")
    known = [times[(who == person) & np.isfinite(times)] for person in range(people)]
    return np.array([np.median(own) if len(own) else np.nan for own in known])
