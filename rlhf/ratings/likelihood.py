"""What a model of rankings gives to the fit, and how rankings add up to prompts."""

from typing import Protocol

import numpy as np

from rlhf.ratings.newton import Terms
from rlhf.ratings.rankings import Batch, Floats, Group, Ints, pair_index


class Likelihood(Protocol):
    """A log-concave model of rankings that depends on differences of scores only."""

    @property
    def tie(self) -> float:
        """Davidson's tie parameter of the model's pairs; 0 leaves ties unpredicted."""

    def inflation(self, size: int) -> float:
        """How often the information of a ranking of `size` responses is counted in its pairs."""

    def of_batch(self, batch: Batch, scores: Floats, temperature: Floats | None) -> tuple[Floats, Floats]:
        """Gradient (m, n) and information by pair (pairs, n) of each ranking at `scores` (m, n).

        `temperature` (n,) multiplies the scores of each ranking; None is 1 everywhere.
        """

    def of_group(self, group: Group, temperature: Floats | None) -> Terms:
        """The same summed over the rankings of each prompt; `temperature` is by annotator (A,)."""


def gather(batch: Batch, values: Floats) -> Floats:
    """The prompts' `values` (k, p) at each ranking's responses, (m, n)."""
    if batch.items is None:
        return values.take(batch.row, axis=1)
    return values[batch.items, batch.row]


def scatter_items(batch: Batch, group: Group, values: Floats) -> Floats:
    """`values` (m, n) by ranked response, added up to (k, p) by response of the prompt."""
    k, prompts = group.columns.shape
    if batch.items is None:
        return np.array([_add_up(batch.row, line, prompts) for line in values])
    place = batch.items * prompts + batch.row
    return _add_up(place, values, k * prompts).reshape(k, prompts)


def scatter_pairs(batch: Batch, group: Group, values: Floats) -> Floats:
    """`values` (pairs, n) by pair of a ranking, added up to (pairs, p) by pair of the prompt."""
    k, prompts = group.columns.shape
    if batch.items is None:
        return np.array([_add_up(batch.row, line, prompts) for line in values])
    first, second = (batch.items[side] for side in pair_index(batch.size))
    number = first * (2 * k - first - 1) // 2 + second - first - 1
    pairs = k * (k - 1) // 2
    return _add_up(number * prompts + batch.row, values, pairs * prompts).reshape(pairs, prompts)


def _add_up(place: Ints, values: Floats, length: int) -> Floats:
    return np.bincount(place.ravel(), values.ravel(), length).astype(np.float64, copy=False)


def sum_batches(model: Likelihood, group: Group, temperature: Floats | None) -> Terms:
    """The likelihood of prompts as the sum over rankings; `temperature` is by annotator (A,)."""
    k, prompts = group.columns.shape
    heat = [None if temperature is None else temperature[batch.annotator] for batch in group.batches]

    def terms(scores: Floats) -> tuple[Floats, Floats]:
        gradient = np.zeros((k, prompts))
        curvature = np.zeros((k * (k - 1) // 2, prompts))
        for batch, own in zip(group.batches, heat, strict=True):
            pull, weight = model.of_batch(batch, gather(batch, scores), own)
            gradient += scatter_items(batch, group, pull)
            curvature += scatter_pairs(batch, group, weight)
        return gradient, curvature

    return terms


def pair_totals(group: Group) -> tuple[Floats, Floats]:
    """Half the wins less losses of each pair's first response, and the votes on it, (pairs, p) each."""
    k, prompts = group.columns.shape
    wins = np.zeros((k * (k - 1) // 2, prompts))
    votes = np.zeros_like(wins)
    for batch in group.batches:
        wins += scatter_pairs(batch, group, batch.outcome * np.float64(0.5))
        if batch.items is None:
            votes += np.bincount(batch.row, minlength=prompts)
        else:
            votes += scatter_pairs(batch, group, np.ones(batch.outcome.shape))
    return wins, votes
