"""Sequential Elo: the chess rule, which people know, and the baseline of the other methods.

Elo (1978), The Rating of Chessplayers: after each game a rating moves by K (S - E), E = 1 / (1 + 10^((other -
own)/400)). A ranking is played as all its pairs at once, each against the ratings before it; a tie is half a
win. What comes last weighs most, so the order of arrival changes the result, and there is no standard error.
"""

import numpy as np

from rlhf.ratings.likelihood import gather
from rlhf.ratings.rankings import Batch, Floats, Group, Ints, add_by_response, differences

K_FACTOR = 32.0
"""Elo; the most that one pair moves a score. The value for players of no known strength, as responses are."""
POINTS_PER_TEN = 400.0
"""Elo; the difference at which the odds are ten to one."""


def play_in_order(group: Group, start: Floats) -> Floats:
    """Ratings (k, p) after every ranking of each prompt in its order of arrival, from `start` (k, p)."""
    ratings = start.copy()
    turns = _turns(group)
    # The first ranking of every prompt at once, then the second of every prompt: within a prompt the order is kept.
    for turn in range(max((int(turn.max()) + 1 for turn in turns if len(turn)), default=0)):
        for batch, own in zip(group.batches, turns, strict=True):
            now = np.flatnonzero(own == turn)
            if len(now):
                _play(_select(batch, now), ratings)
    return ratings


def _turns(group: Group) -> list[Ints]:
    """For each ranking of each batch, how many of its prompt came before it."""
    row = np.concatenate([batch.row for batch in group.batches]) if group.batches else np.empty(0, np.intp)
    arrival = np.concatenate([batch.arrival for batch in group.batches]) if group.batches else row
    # By prompt, then by arrival; within a prompt the place after its first ranking is the turn.
    order = np.lexsort((arrival, row))
    place = np.arange(len(row))
    first = np.maximum.accumulate(np.where(np.diff(row[order], prepend=-1) != 0, place, 0))
    turn = np.empty_like(place)
    turn[order] = place - first
    return np.split(turn, np.cumsum([len(batch.row) for batch in group.batches])[:-1])


def _select(batch: Batch, chosen: Ints) -> Batch:
    items = None if batch.items is None else batch.items[:, chosen]
    return Batch(
        batch.size,
        batch.row[chosen],
        items,
        batch.outcome[:, chosen],
        batch.annotator[chosen],
        batch.arrival[chosen],
    )


def _play(batch: Batch, ratings: Floats) -> None:
    """Move `ratings` (k, p) by one ranking a prompt."""
    before = gather(batch, ratings)
    expected = 1.0 / (1.0 + 10.0 ** (-differences(before) / POINTS_PER_TEN))
    gain = K_FACTOR * (0.5 * (batch.outcome + 1.0) - expected)
    items = np.arange(batch.size)[:, None] if batch.items is None else batch.items
    # What the first of a pair gains the second loses, so the mean of a prompt stays.
    ratings[items, batch.row] = before + add_by_response(gain, batch.size, -1)
