"""Krippendorff's alpha of pairs of responses, with an interval."""

import numpy as np
from numpy.typing import ArrayLike

from rlhf.ratings.agreement.outcomes import BLOCK, shown_bits
from rlhf.ratings.rankings import Floats, Group, Ints, Rankings, check_rankings, group_rankings, pair_numbers

RESAMPLES = 1000
"""Of the bootstrap: the ends of a 95% interval are then sure to about a twentieth of its width."""


def krippendorff_alpha(levels: ArrayLike, prompt: ArrayLike, *, seed: int = 0) -> tuple[float, float, float]:
    """Krippendorff's alpha for the ordinal outcomes (-1, 0, 1) of pairs, and a 95% interval.

    alpha = 1 - D_o / D_e, observed over expected disagreement (Krippendorff 2011, Computing Krippendorff's
    alpha-reliability, section on ordinal data). A unit is a pair of responses of one prompt, in both
    orders, so that names do not matter. The interval is a Bayesian bootstrap (Rubin 1981) of whole prompts:
    pairs of one prompt come from the same rankings, and a bootstrap of single pairs is too narrow. NaN where
    no prompt is ranked twice or every pair is tied. The arguments are those of `rate`.
    """
    return alpha_of_rankings(check_rankings(levels, prompt, None), seed)


def alpha_of_rankings(rankings: Rankings, seed: int) -> tuple[float, float, float]:
    """Alpha and its 95% interval of all the rankings, repeats by one person included (see `once`)."""
    coincidences = _coincidences(rankings)
    alpha = float(_alpha_of(coincidences.sum(0, keepdims=True))[0])
    prompts = len(coincidences)
    if np.isnan(alpha):
        return alpha, alpha, alpha
    # Exponential weights are Dirichlet ones but for their sum, which alpha does not depend on.
    rng = np.random.default_rng(seed)
    # All resamples at once would be a thousand numbers a prompt.
    at_once = max(1, BLOCK // prompts)
    sizes = [min(at_once, RESAMPLES - done) for done in range(0, RESAMPLES, at_once)]
    drawn = [
        _alpha_of((rng.standard_exponential((size, prompts)) @ coincidences.reshape(prompts, 9)).reshape(-1, 3, 3))
        for size in sizes
    ]
    low, high = np.nanquantile(np.concatenate(drawn), [0.025, 0.975])
    return alpha, float(low), float(high)


def _coincidences(rankings: Rankings) -> Floats:
    """For each prompt ranked twice, how often two rankings gave a pair the outcomes c and k (p, 3, 3)."""
    total = np.zeros((rankings.prompts, 3, 3))
    for group in group_rankings(rankings):
        count = _count_outcomes(group)
        pairs = count[:, None] * count[None]
        pairs[np.arange(3), np.arange(3)] -= count
        total[group.prompts] = np.moveaxis((pairs / np.maximum(count.sum(0) - 1.0, 1.0)).sum(2), -1, 0)
    # The same pairs in the other order, in which a win is a loss.
    total += total[:, ::-1, ::-1]
    met: Floats = total[total.sum((1, 2)) > 0.0]
    return met


def _count_outcomes(group: Group) -> Floats:
    """How many rankings gave each pair of each prompt of the group each outcome, (3, pairs, p)."""
    k, prompts = group.columns.shape
    pairs = k * (k - 1) // 2
    count = np.zeros((3, pairs, prompts))
    for batch in group.batches:
        place = ((batch.outcome + np.intp(1)) * pairs + pair_numbers(batch, k)) * prompts + batch.row
        count += np.bincount(place.ravel(), minlength=count.size).reshape(count.shape)
    return count


def _alpha_of(coincidences: Floats) -> Floats:
    """Alpha (b,) of coincidence matrices (b, 3, 3)."""
    margin = coincidences.sum(2)
    total = margin.sum(1)
    # The ordinal distance of two outcomes: how many observations lie from one to the other, the ends counted half.
    reached = np.cumsum(margin, axis=1)
    steps = reached[:, None] - reached[:, :, None] + 0.5 * (margin[:, :, None] - margin[:, None])
    distance = steps * steps
    observed = (coincidences * distance).sum((1, 2))
    expected = (margin[:, :, None] * margin[:, None] * distance).sum((1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0.0, 1.0 - (total - 1.0) * observed / expected, np.nan)


def once(rankings: Rankings) -> Rankings:
    """Each person's first ranking of the same responses: repeats by one person do not count as agreement."""
    shown = shown_bits(rankings.levels).view(np.int64)
    asked = np.column_stack([rankings.prompt, rankings.annotator, shown])
    first: Ints = np.unique(asked, axis=0, return_index=True)[1]
    return rankings.pick(np.sort(first))
