"""What the other rankings of a prompt say about each ranking: the honest measure of a fit.

Leaving a ranking out moves the maximum by one Newton step. With C the covariance of its m responses, H its
own information and g its gradient, the others' covariance is (C^-1 - H)^-1 and their scores are lower by that
times g. So the step needs an m x m inverse, whatever the size of the prompt.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlhf.ratings.davidson import probability
from rlhf.ratings.likelihood import Likelihood, gather
from rlhf.ratings.newton import Fit, invert, laplacian
from rlhf.ratings.rankings import Batch, Floats, Group, Ints, incidence, pair_index

NODES = np.array([-np.sqrt(3.0), 0.0, np.sqrt(3.0)])
WEIGHTS = np.array([1.0, 4.0, 1.0]) / 6.0
"""Gauss-Hermite rule of three points for a standard normal: exact to the fifth power."""


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


def leave_out(group: Group, fit: Fit, model: Likelihood, temperature: Floats | None) -> Iterator[LeftOut]:
    """The left-out view of every ranking of the group, one batch after the other."""
    for batch in group.batches:
        heat = None if temperature is None else temperature[batch.annotator]
        scores = gather(batch, fit.scores)
        gradient, curvature = model.of_batch(batch, scores, heat)
        information = _local_information(batch, fit)
        covariance = invert(information - laplacian(curvature, batch.size, 0.0))
        scores = scores - np.einsum("ijn,jn->in", covariance, gradient)
        first, second = pair_index(batch.size)
        variance = covariance[first, first] + covariance[second, second] - 2.0 * covariance[first, second]
        mean = incidence(batch.size) @ scores
        yield LeftOut(batch.size, mean, np.sqrt(variance), batch.outcome, batch.annotator)


def _local_information(batch: Batch, fit: Fit) -> Floats:
    """Information (m, m, n) on each ranking's own responses, all others of the prompt averaged over."""
    if batch.items is None:
        return fit.information.take(batch.row, axis=2)
    return invert(fit.inverse[batch.items[:, None], batch.items[None], batch.row])


def predictive(left: LeftOut, tie: float, temperature: Floats | None) -> Floats:
    """Probability (pairs, n) of each outcome for one who has seen all other rankings, their uncertainty
    included."""
    total = np.zeros_like(left.mean)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        d = left.mean + node * left.sd
        if temperature is not None:
            d *= temperature[left.annotator]
        total += weight * probability(left.outcome, d, tie)
    return total


def log_loss(left: LeftOut, tie: float, temperature: Floats | None) -> tuple[float, int]:
    """Sum of -log probability over the pairs, and how many; ties are left out where the model has none (tie =
    0)."""
    loss = -np.log(predictive(left, tie, temperature))
    if tie > 0.0:
        return float(loss.sum()), loss.size
    decided = left.outcome != 0
    return float(loss[decided].sum()), int(decided.sum())
