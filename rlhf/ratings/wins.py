"""Win rates: how often one version's answers beat another's, and how sure that is. The one definition of the project.

Several answers to one prompt share its difficulty, so a prompt is one observation: errors are taken over prompts, and
more draws a prompt make each observation sharper, not more of them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rlhf.ratings.rankings import Floats
from rlhf.ratings.versions import NORMAL_QUANTILE, PRIOR_VOTES


@dataclass(frozen=True)
class Estimate:
    """A mean over prompts with its standard error and the ends of its 95% interval."""

    mean: float
    error: float
    low: float
    high: float


def outcomes(mine: ArrayLike, theirs: ArrayLike) -> Floats:
    """1 where my answer has the higher score, 0 where theirs has, 0.5 where they are equal.

    `mine` (P, A) and `theirs` (P, B) are scores of answers to P prompts; each of mine meets each of theirs (P, A, B).
    """
    left, right = np.asarray(mine, float)[:, :, None], np.asarray(theirs, float)[:, None, :]
    won: Floats = (left > right) + 0.5 * (left == right)
    return won


def shares(mine: ArrayLike, theirs: ArrayLike) -> Floats:
    """For each prompt the share of its meetings that mine wins, (P,): see `outcomes`."""
    won: Floats = outcomes(mine, theirs).mean((1, 2))
    return won


def win_rate(won: Floats) -> Estimate:
    """The mean of P shares of prompts, each from 0 to 1.

    One prompt that is won and one that is lost, made up, go into the variance (not into the mean), as on the
    leaderboard: without them ten wins of ten would be certain.
    """
    mean, count = float(won.mean()), len(won)
    variance = (((won - mean) ** 2).sum() + PRIOR_VOTES / 4) / (count + PRIOR_VOTES)
    error = float(np.sqrt(variance / count))
    reach = NORMAL_QUANTILE * error
    return Estimate(mean, error, max(0.0, mean - reach), min(1.0, mean + reach))


def mean(values: Floats) -> Estimate:
    """The mean of P numbers, one a prompt; its error is unknown (NaN) for a single one."""
    count = len(values)
    error = float(values.std(ddof=1) / np.sqrt(count)) if count > 1 else float("nan")
    middle = float(values.mean())
    return Estimate(middle, error, middle - NORMAL_QUANTILE * error, middle + NORMAL_QUANTILE * error)
