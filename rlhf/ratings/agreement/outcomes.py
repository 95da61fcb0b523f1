"""Outcomes of pairs of responses: the first better (+1), a tie (0), the second better (-1)."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlhf.ratings.rankings import Floats, Ints, by_size, columns_shown, pair_index

BLOCK = 2**22
"""Numbers in one block of work: 32 megabytes."""


Outcomes = NDArray[np.int8]


def common_outcomes(
    one: NDArray[np.integer], other: NDArray[np.integer]
) -> Iterator[tuple[Ints, Outcomes, Outcomes]]:
    """What each row of `one` (n, K) and the same row of `other` (n, K) say of the pairs of responses that both show.

    Rows that share the same number of responses come together: their places (r,), then the outcomes (r, pairs) by
    the one and by the other. Rows that share fewer than two responses have no pair, and do not come.
    """
    both = (one > 0) & (other > 0)
    for size, at in by_size(both):
        x, y = one[at], other[at]
        if size < both.shape[1]:
            columns = columns_shown(both[at], size)
            x, y = np.take_along_axis(x, columns, axis=1), np.take_along_axis(y, columns, axis=1)
        first, second = pair_index(size)
        yield at, _sign(x[:, second], x[:, first]), _sign(y[:, second], y[:, first])


def _sign(later: NDArray[np.integer], earlier: NDArray[np.integer]) -> Outcomes:
    return np.sign(later - earlier).astype(np.int8)


def shown_bits(levels: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Which responses each row of `levels` (N, K) shows: one bit each, in the 64-bit words (N, W) that this takes."""
    # One number to compare for up to 64 responses, not one for each byte; the bits past K stay 0.
    packed = np.packbits(levels > 0, axis=1)
    words = max(1, -(-levels.shape[1] // 64))
    padded = np.zeros((len(levels), 8 * words), np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded.view(np.uint64)


def ratio(part: ArrayLike, whole: ArrayLike) -> Floats:
    """part / whole, NaN where there is nothing to divide by."""
    share: Floats = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)
    return share
