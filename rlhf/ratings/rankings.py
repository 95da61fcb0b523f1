"""Rankings as arrays: checked, sorted by prompt and cut into groups that numpy can work on at once.

A ranking is a row of levels: 1 is best, equal levels are a tie, -1 was not shown. Only the order of the
levels matters, so gaps (1, 5, 9) change nothing. Prompts that show the same number of responses form groups;
within a group the rankings that hold the same number of responses form batches. Every array below has the
long axis last, so that a step of the arithmetic is one pass over contiguous memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from store.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

NOT_SHOWN = -1
GROUP_CELLS = 2**17
"""Numbers in one (k, k, p) block of a group: a megabyte, so that a group's work stays in the cache."""


class BadRankings(BadInput, ValueError):
    """Rankings or options that no score can be made from; the message says which, and the remedy.

    A ValueError as well, for whoever uses the ratings as a library.
    """


@dataclass(frozen=True)
class Batch:
    """The rankings of one group that hold the same number of responses.

    For n rankings of m = `size` responses each: `row` (n,) is the place of each ranking's prompt in the group;
    `items` (m, n) the places of the ranked responses among the prompt's, ascending, or None where every response
    of the prompt is ranked; `outcome` (pairs, n) is +1 where the first response of the pair is better, -1 where
    the second is, 0 for a tie; `annotator` and `arrival`, the place among all rankings of the group, are (n,).
    """

    size: int
    row: Ints
    items: Ints | None
    outcome: NDArray[np.int8]
    annotator: Ints
    arrival: Ints


@dataclass(frozen=True)
class Group:
    """Prompts that show the same number of responses k, and their rankings.

    `prompts` (p,) are prompt numbers; `columns` (k, p) tells which column of the caller's `levels` each
    response is. `held` are batches to be predicted, not fitted.
    """

    prompts: Ints
    columns: Ints
    batches: tuple[Batch, ...]
    held: tuple[Batch, ...] = ()


@dataclass(frozen=True)
class Rankings:
    """Checked rankings, sorted by prompt.

    `levels` (N, K) with -1 for not shown, `prompt` (N,), `annotator` (N,). The sort is stable: the rankings
    of one prompt stay in order of arrival. `held` (N,) marks rankings that are to be predicted, not fitted.
    """

    levels: NDArray[np.integer]
    prompt: Ints
    annotator: Ints
    prompts: int
    annotators: int
    held: NDArray[np.bool_] | None = None

    def pick(self, at: Ints) -> "Rankings":
        """The rankings at the places `at`, in that order, which must keep prompts together."""
        return replace(self, levels=self.levels[at], prompt=self.prompt[at], annotator=self.annotator[at])


def columns_shown(shown: NDArray[np.bool_], size: int) -> Ints:
    """Columns (n, size) of the true values of `shown` (n, K), ascending; each row has `size` of them."""
    columns: Ints = np.flatnonzero(shown.ravel()).reshape(-1, size) % shown.shape[1]
    return columns


def only_shown(levels: NDArray[np.integer], size: int) -> tuple[Ints | None, NDArray[np.integer]]:
    """The columns (n, size) that rankings of `size` responses show, None for all of them, and the levels there.

    A vote between two of a prompt's fifty responses becomes a row of two: work by pair is then on 1 pair, not 1,225.
    """
    if size == levels.shape[1]:
        return None, levels
    columns = columns_shown(levels > 0, size)
    return columns, np.take_along_axis(levels, columns, axis=1)


def by_size(shown: NDArray[np.bool_]) -> Iterator[tuple[int, Ints]]:
    """Each number m >= 2 of responses that some row of `shown` (N, K) shows, and the rows (n,) that show so many."""
    size = shown.sum(1)
    for m in np.flatnonzero(np.bincount(size, minlength=2)[2:]) + 2:
        yield int(m), np.flatnonzero(size == m)


@lru_cache
def pair_index(size: int) -> tuple[Ints, Ints]:
    """First and second response of each pair of `size` responses, (size * (size - 1) / 2,) each."""
    return np.triu_indices(size, 1)


def pair_numbers(batch: Batch, k: int) -> Ints:
    """The place of each pair of each ranking among the pairs of the prompt's k responses, in `pair_index(k)`.

    (pairs, n), or (pairs, 1) where every ranking holds all k.
    """
    first, second = pair_index(batch.size)
    if batch.items is None:
        return np.arange(len(first))[:, None]
    one, other = batch.items[first], batch.items[second]
    # The pairs of all responses before `one`, then those of `one` itself.
    return one * (2 * k - one - 1) // 2 + other - one - 1


def differences(scores: Floats) -> Floats:
    """First less second score of each pair, (pairs, n), of `scores` (k, n).

    Pairs with the same first response lie together, so each step is one pass over contiguous memory. A matrix
    product with a table of signs would be shorter, and slower by far where BLAS threads wait for a busy core.
    """
    k = len(scores)
    result = np.empty((k * (k - 1) // 2, scores.shape[1]))
    for first, pairs in _pairs_by_first(k):
        np.subtract(scores[first], scores[first + 1 :], out=result[pairs])
    return result


def add_by_response(values: Floats, size: int, sign: int) -> Floats:
    """`values` (pairs, n) added up by response, (size, n).

    A pair counts in full for its first response and times `sign`, +1 or -1, for its second.
    """
    result = np.zeros((size, values.shape[1]))
    for first, pairs in _pairs_by_first(size):
        own = values[pairs]
        result[first] += own.sum(0)
        result[first + 1 :] += own if sign > 0 else -own
    return result


def _pairs_by_first(size: int) -> Iterator[tuple[int, slice]]:
    """Each response that is the first of a pair, and the slice of its pairs in `pair_index(size)`."""
    start = 0
    for first in range(size - 1):
        end = start + size - 1 - first
        yield first, slice(start, end)
        start = end


def check_rankings(levels: ArrayLike, prompt: ArrayLike, annotator: ArrayLike | None) -> Rankings:
    """Rankings sorted by prompt, or `BadRankings` with the row, the number and the remedy."""
    checked = _check_levels(levels)
    count = len(checked)
    prompts = _check_numbers("prompt", prompt, count)
    annotators = np.zeros(count, np.intp) if annotator is None else _check_numbers("annotator", annotator, count)
    total = int(prompts.max(initial=-1)) + 1
    people = int(annotators.max(initial=-1)) + 1 if annotator is not None else 0
    # Most callers have them sorted. A stable sort, for sequential Elo depends on the order of arrival.
    if (prompts[1:] < prompts[:-1]).any():
        order = np.argsort(prompts, kind="stable")
        checked, prompts, annotators = checked[order], prompts[order], annotators[order]
    return Rankings(checked, prompts, annotators, total, people)


def _check_levels(levels: ArrayLike) -> NDArray[np.integer]:
    array = np.asarray(levels)
    if array.ndim != 2:
        raise BadRankings(
            f"levels has {array.ndim} dimensions and needs 2: one row a ranking, one column a response."
        )
    if array.size == 0:
        return np.full(array.shape, NOT_SHOWN, np.int16)
    if array.dtype.kind not in "iuf":
        raise BadRankings(f"levels holds {array.dtype}, not numbers: give whole numbers, 1 for the best.")
    wrong = (array < 1) & (array != NOT_SHOWN)
    if array.dtype.kind == "f":
        wrong |= ~np.isfinite(array) | (array != np.floor(array))
    if wrong.any():
        row, column = (int(place[0]) for place in np.nonzero(wrong))
        raise BadRankings(
            f"Ranking {row} gives response {column} the level {array[row, column]}: "
            "a level is a whole number from 1 (best), or -1 for a response that was not shown."
        )
    return _compact(array)


def _compact(array: NDArray[np.number]) -> NDArray[np.integer]:
    """Levels as 16-bit numbers, a quarter of the memory; larger ones are replaced by their rank."""
    if array.max() > np.iinfo(np.int16).max:
        distinct, rank = np.unique(array, return_inverse=True)
        smaller = rank.reshape(array.shape) + (distinct[0] != NOT_SHOWN)
        return np.where(array == NOT_SHOWN, NOT_SHOWN, smaller).astype(np.int32)
    return array.astype(np.int16)


def _check_numbers(name: str, values: ArrayLike, count: int) -> Ints:
    array = np.asarray(values)
    if array.shape != (count,):
        raise BadRankings(
            f"{name} has shape {array.shape} and there are {count} rankings: give one number a ranking."
        )
    if array.size == 0:
        return np.empty(0, np.intp)
    whole = array.dtype.kind in "iu" or (array.dtype.kind == "f" and bool((array == np.floor(array)).all()))
    if not whole or array.min() < 0:
        raise BadRankings(f"{name} must hold whole numbers from 0, such as a row number of your own table.")
    return array.astype(np.intp)


def group_rankings(rankings: Rankings) -> Iterator[Group]:
    """Groups of at most `GROUP_CELLS` cells; each prompt with a shown response is in exactly one of them."""
    if not len(rankings.prompt):
        return
    shown = rankings.levels > 0
    start = np.flatnonzero(np.diff(rankings.prompt, prepend=-1))
    present = rankings.prompt[start]
    shown_ever = np.logical_or.reduceat(shown, start, axis=0)
    count = shown_ever.sum(1)
    end = np.append(start[1:], len(rankings.prompt))
    for k in np.unique(count[count > 0]):
        same = np.flatnonzero(count == k)
        # A prompt is never divided, so one of very many responses may exceed the limit alone.
        step = max(1, GROUP_CELLS // int(k * k))
        for chunk in (same[at : at + step] for at in range(0, len(same), step)):
            yield _make_group(rankings, present[chunk], shown_ever[chunk], (start[chunk], end[chunk]))


def _make_group(rankings: Rankings, prompts: Ints, shown: NDArray[np.bool_], span: tuple[Ints, Ints]) -> Group:
    start, end = span
    k = int(shown[0].sum())
    row = np.repeat(np.arange(len(prompts)), end - start)
    before = np.cumsum(end - start) - (end - start)
    # Where the rankings of these prompts are, one prompt after the other, without a loop over prompts.
    at = np.arange(len(row)) + np.repeat(start - before, end - start)
    columns = columns_shown(shown, k)
    levels = rankings.levels[at]
    if k < shown.shape[1]:
        levels = np.take_along_axis(levels, columns[row], axis=1)
    size = (levels > 0).sum(1)

    def batches(kept: NDArray[np.bool_]) -> tuple[Batch, ...]:
        sizes = np.flatnonzero(np.bincount(size[kept], minlength=2)[2:]) + 2
        places = (np.flatnonzero(kept & (size == m)) for m in sizes)
        return tuple(_make_batch(chosen, row, levels, rankings.annotator[at]) for chosen in places)

    if rankings.held is None:
        return Group(prompts, columns.T, batches(size > 1))
    held = rankings.held[at]
    return Group(prompts, columns.T, batches(~held), batches(held))


def _make_batch(chosen: Ints, row: Ints, levels: NDArray[np.integer], annotator: Ints) -> Batch:
    """One batch out of a group's `levels` (n, k): the `chosen` rankings, which are of one size."""
    levels = levels[chosen]
    size = int((levels[0] > 0).sum())
    places, ranked = only_shown(levels, size)
    items = None if places is None else np.ascontiguousarray(places.T)
    first, second = pair_index(size)
    ranked = np.ascontiguousarray(ranked.T)
    # Level 1 is best: a larger level of the second is a win of the first.
    outcome = np.sign(ranked[second] - ranked[first]).astype(np.int8)
    return Batch(size, row[chosen], items, outcome, annotator[chosen], chosen)
