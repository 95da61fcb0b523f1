"""Which prompt to rank next: where one more ranking most likely puts a wrong order right."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlhf.ratings.rankings import BadRankings, Floats, Ints, pair_index


def flip_risk(elo: ArrayLike, stderr: ArrayLike, rankings: ArrayLike) -> Floats:
    """How much each prompt (P,) would gain from one more ranking; infinite for a prompt that nobody ranked.

    The sum over pairs of Phi(-|d| / sd), the chance that the true order of a pair is not the one shown,
    divided by n + 1, for the n + 1st ranking moves scores by about 1 / (n + 1) of what the first did. `elo`
    and `stderr` are (P, K) as `Ratings` has them, NaN where there is no response; `rankings` (P,) counts the
    rankings so far. Keep a share of uniform picks beside it (a fifth), or the prompts that were hard to order
    are all that an evaluation sees.

    Raises `BadRankings` where shapes differ or a ranked prompt has no standard errors.
    """
    scores, errors, count = np.asarray(elo, float), np.asarray(stderr, float), np.asarray(rankings)
    if scores.ndim != 2 or errors.shape != scores.shape or count.shape != scores.shape[:1]:
        raise BadRankings(
            f"elo {scores.shape}, stderr {errors.shape} and rankings {count.shape} do not fit: "
            "give (P, K), (P, K) and (P,)."
        )
    shown = np.isfinite(scores)
    if (shown & ~np.isfinite(errors)).any():
        prompt = int(np.nonzero(shown & ~np.isfinite(errors))[0][0])
        raise BadRankings(f"Prompt {prompt} has scores without standard errors: rate by another method than elo.")
    first, second = pair_index(scores.shape[1])
    gap = np.abs(scores[:, first] - scores[:, second])
    spread = difference_error(errors, shown, first, second)
    # Two scores known exactly are certain to be in order, unless they are equal: then a coin decides.
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(spread > 0.0, gap / spread, np.where(gap > 0.0, np.inf, 0.0))
    # A pair counts where both were shown; the others are NaN so far.
    risk = np.where(shown[:, first] & shown[:, second], normal_tail(distance), 0.0).sum(1)
    return np.where(shown.any(1), risk / (count + 1.0), np.inf)


def difference_error(stderr: Floats, shown: NDArray[np.bool_], first: Ints, second: Ints) -> Floats:
    """Standard errors (P, pairs) of differences of scores, from those of the scores (P, K).

    The covariances of k centred scores add up to nothing in each row, so they are -var / (k - 1) on average.
    That makes the variance of a difference k / (k - 1) times the sum of the two.
    """
    count = shown.sum(1, keepdims=True)
    # One response alone has no difference; any factor will do.
    widen = count / np.maximum(count - 1, 1)
    error: Floats = np.sqrt(widen * (stderr[:, first] ** 2 + stderr[:, second] ** 2))
    return error


def normal_tail(x: Floats) -> Floats:
    """P(N(0, 1) > x) for x >= 0, within 7.5e-8 (Abramowitz and Stegun 1964, formula 26.2.17)."""
    t = 1.0 / (1.0 + 0.2316419 * x)
    series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail: Floats = np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi) * series
    return tail
