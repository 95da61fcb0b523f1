"""How well annotators rank prompts whose right order is known ("gold")."""

import numpy as np
from numpy.typing import ArrayLike

from rlhf.ratings import BadRankings
from rlhf.ratings.agreement.outcomes import common_outcomes, ratio
from rlhf.ratings.rankings import Floats, Ints

GOLD_BAR = 0.7
"""Accuracy on gold prompts that an annotator should reach."""
GOLD_DOUBT = 0.95
"""Probability of being below `GOLD_BAR` from which an annotator is flagged."""
GRID = 20_000
"""Points at which the Beta distribution is summed: right to four decimals."""


def gold_accuracy(
    levels: ArrayLike, annotator: ArrayLike, people: int, gold: ArrayLike | None
) -> tuple[Floats, Ints]:
    """Share of the known pairs that each annotator (A,) ordered right, and on how many gold rankings (A,).

    Each ranking counts once, by its share of right pairs. Pairs that `gold` ties are not asked about.
    """
    if gold is None:
        return np.full(people, np.nan), np.zeros(people, np.intp)
    given, who, known = np.asarray(levels), np.asarray(annotator, np.intp), np.asarray(gold)
    if known.shape != given.shape or known.dtype.kind not in "iu":
        raise BadRankings(f"gold is {known.dtype} {known.shape}: give whole numbers {given.shape}, -1 if unknown.")
    right, asked = np.zeros(len(given)), np.zeros(len(given))
    for at, outcome, answer in common_outcomes(given, known):
        asked[at] = (answer != 0).sum(1)
        right[at] = ((outcome == answer) & (answer != 0)).sum(1)
    # By ranking, not by pair: the pairs of one ranking are not independent trials.
    share = ratio(right, asked)
    judged = np.isfinite(share)
    count = np.bincount(who[judged], minlength=people)
    return ratio(np.bincount(who[judged], share[judged], people), count), count


def doubt_gold(accuracy: Floats, count: Ints) -> Floats:
    """P(true accuracy < `GOLD_BAR`) for observed `accuracy` (A,) on `count` (A,) gold rankings.

    With a uniform prior it is Beta(1 + right, 1 + wrong), whose distribution function is summed on a fine
    grid. A ranking is one trial, of which a part may be right, for its pairs are not independent.
    """
    right = np.nan_to_num(accuracy) * count
    grid = (np.arange(GRID) + 0.5) / GRID
    doubt = np.empty(len(right))
    for person, (hit, miss) in enumerate(zip(right, count - right, strict=True)):
        # In logarithms: after a thousand rankings the density itself is below the smallest number there is.
        log_density = hit * np.log(grid) + miss * np.log1p(-grid)
        density = np.exp(log_density - log_density.max())
        doubt[person] = density[grid < GOLD_BAR].sum() / density.sum()
    return doubt
