"""Outcomes of pairs of responses: the first better (+1), a tie (0), the second better (-1)."""

import numpy as np
from numpy.typing import NDArray

from rlhf.ratings.rankings import Floats, pair_index

BLOCK = 2**22
"""Numbers in one block of work: 32 megabytes."""


def pair_outcomes(levels: NDArray[np.integer]) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Outcome (n, pairs) of every pair of `levels` (n, K), and whether both were shown."""
    first, second = pair_index(levels.shape[1])
    shown = (levels[:, first] > 0) & (levels[:, second] > 0)
    return np.sign(levels[:, second] - levels[:, first]).astype(np.int8) * shown, shown


def ratio(part: NDArray, whole: NDArray) -> Floats:
    """part / whole, NaN where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)
