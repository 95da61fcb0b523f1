"""What the other rankings of a prompt say about each ranking: the honest measure of a fit.

Leaving a ranking out moves the maximum by one Newton step: with C the covariance that the other rankings
leave and g the ranking's own gradient, the scores of its responses fall by C g. C needs only the information
on the ranking's m responses, so an m x m inverse, whatever the size of the prompt. One step is cheap enough
for every ranking there is, and slightly flattering, for it starts where the left-out ranking still counted;
`tuning`, which would exploit that, fits again without the ranking and asks for the `view` of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlhf.ratings.davidson import outcome_probability
from rlhf.ratings.laplace import at_mean
from rlhf.ratings.likelihood import Likelihood, gather
from rlhf.ratings.newton import Fit, ground, invert, pair_variance, unground
from rlhf.ratings.rankings import Batch, Floats, Group, Ints, differences


def _gauss_hermite(points: int) -> tuple[tuple[float, float], ...]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    return tuple(zip(nodes.tolist(), (weights / weights.sum()).tolist(), strict=True))


RULE = _gauss_hermite(5)
"""Nodes and weights that average over a standard normal; exact to the ninth power."""
SHORT_RULE = _gauss_hermite(3)
"""The same, exact to the fifth power, where all rankings are gone over many times."""


@dataclass(frozen=True)
class LeftOut:
    """Pairs of one batch as the other rankings of their prompts see them.

    `mean` and `sd` (pairs, n) of the difference first - second, in logits; the batch's own `outcome` (pairs,
    n) and `annotator` (n,).
    """

    size: int
    mean: Floats
    sd: Floats
    outcome: NDArray[np.int8]
    annotator: Ints


def leave_out(
    group: Group, fit: Fit, model: Likelihood, temperature: Floats | None, overlap: float
) -> Iterator[LeftOut]:
    """The left-out view of every ranking of the group, one batch after the other.

    `temperature` is by annotator (A,); `overlap` is the factor from the inverse of the information to a
    variance.
    """
    for batch in group.batches:
        heat = None if temperature is None else temperature[batch.annotator]
        scores = gather(batch, fit.scores)
        gradient, own = model.of_batch(batch, scores, heat)
        weights = fit.weights.take(batch.row, axis=1) if batch.items is None else _local_weights(batch, fit)
        covariance = invert(ground(np.maximum(weights - own, fit.prior_weight), batch.size))
        scores[:-1] -= np.einsum("ijn,jn->in", covariance, gradient[:-1])
        yield _left_out(batch, scores, covariance, overlap)


def view(group: Group, fit: Fit, tie: float, overlap: float) -> Iterator[LeftOut]:
    """The held rankings of the group as a fit without them sees them."""
    mean = at_mean(fit, tie, overlap)
    for batch in group.held:
        yield _left_out(batch, gather(batch, mean.scores), _local_covariance(batch, mean), overlap)


def _left_out(batch: Batch, scores: Floats, covariance: Floats, overlap: float) -> LeftOut:
    sd = np.sqrt(overlap * pair_variance(covariance))
    return LeftOut(batch.size, differences(scores), sd, batch.outcome, batch.annotator)


def _local_covariance(batch: Batch, fit: Fit) -> Floats:
    """Covariance (m - 1, m - 1, n) of each ranking's responses, as differences from the last of them."""
    if batch.items is None:
        return fit.covariance.take(batch.row, axis=2)
    last = len(fit.covariance)
    whole = np.zeros((last + 1, last + 1, fit.scores.shape[1]))
    whole[:last, :last] = fit.covariance
    local = whole[batch.items[:, None], batch.items[None], batch.row]
    border = local[:-1, -1]
    return local[:-1, :-1] - border[:, None] - border[None] + local[-1, -1]


def _local_weights(batch: Batch, fit: Fit) -> Floats:
    """Information by pair (pairs, n) on each ranking's responses, all others averaged over."""
    return unground(invert(_local_covariance(batch, fit)))


def predictive(left: LeftOut, tie: float, temperature: Floats | None) -> Floats:
    """Probability (pairs, n) of each outcome given all other rankings, uncertainty included."""
    heat = 1.0 if temperature is None else temperature[left.annotator]
    total = np.zeros_like(left.mean)
    for node, weight in RULE:
        total += weight * outcome_probability(left.outcome, (left.mean + node * left.sd) * heat, tie)
    return total


def log_loss(left: LeftOut, tie: float, temperature: Floats | None) -> tuple[float, int]:
    """Sum of -log probability over the pairs, and how many; ties do not count where tie = 0."""
    chance = predictive(left, tie, temperature)
    if tie == 0.0:
        chance = chance[left.outcome != 0]
    return -float(np.log(chance).sum()), chance.size
