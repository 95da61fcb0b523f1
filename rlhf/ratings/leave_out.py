"""From the maximum of a posterior to its mean and its spread, and what the other rankings say about each ranking.

The latter is the honest measure of a fit.

Leaving a ranking out moves the maximum by one Newton step: with C the covariance that the other rankings
leave and g the ranking's own gradient, the scores of its responses fall by C g. C needs only the information
on the ranking's m responses, so an m x m inverse, whatever the size of the prompt. One step is cheap enough
for every ranking there is, and slightly flattering, for it starts where the left-out ranking still counted;
`tuning`, which would exploit that, fits again without the ranking and asks for the `view` of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rlhf.ratings.likelihood import Likelihood, curvature_slope, gather, outcome_probability, scatter_pairs
from rlhf.ratings.newton import Fit, ground, invert, pair_variance, unground
from rlhf.ratings.rankings import Batch, Floats, Group, Ints, add_by_response, differences, pair_index

FURTHEST = 0.5
"""Standard deviations between mean and maximum of a difference, at most. A first-order expansion that says more has
failed, which happens where one response won everything and sigma is large."""
NO_INFORMATION = 1e-300
"""Stands for no ranking of a pair: divides no sum by zero, and adds nothing to any other."""


def at_mean(fit: Fit, tie: float, overlap: float) -> Fit:
    """The fit moved from the posterior's maximum to its mean, information and covariance with it.

    A response that won all is held back by the prior alone, and its posterior is skewed away from the others.
    To first order the mean is further out by half the covariance times the gradient of -log det of the
    information (Lindley 1980, Approximate Bayesian methods). Without this the sigma that predicts best comes
    out up to twice the true spread, and intervals too short. `overlap` is the factor from the inverse of the
    information to a variance.
    """
    # Only the likelihood is skewed: the prior's information is the same everywhere.
    k = len(fit.scores)
    own = fit.weights - fit.prior_weight
    bend = curvature_slope(differences(fit.scores), tie)
    variance = pair_variance(fit.covariance)
    pull = add_by_response(own * bend * variance, k, -1)
    shift = np.zeros_like(fit.scores)
    shift[:-1] = (-0.5 * overlap) * np.einsum("ijp,jp->ip", fit.covariance, pull[:-1])
    shift -= shift.mean(0)
    moved = differences(shift)
    far = np.abs(moved) / np.sqrt(overlap * variance)
    # The furthest pair shortens the shift of its whole prompt, so that the shift keeps its direction.
    shorten = np.minimum(1.0, FURTHEST / np.maximum(far.max(0, initial=0.0), FURTHEST))
    shift *= shorten
    # In the exponent, for information stays positive however far the scores moved.
    weights = own * np.exp(bend * moved * shorten) + fit.prior_weight
    return replace(fit, scores=fit.scores + shift, weights=weights, covariance=invert(ground(weights, k)))


def standard_errors(group: Group, fit: Fit, model: Likelihood, temperature: Floats | None) -> Floats:
    """Standard errors (k, p), in logits, of the scores centred within the prompt.

    White (1982), Maximum likelihood estimation of misspecified models, theorem 3.2: V = A^-1 B A^-1 with A
    the information of likelihood and prior. The variance B of the score is the likelihood's information times
    `inflation`, for the pairs of one ranking are dependent, plus the prior's. What is reported is the
    maximum, so its distance from the mean counts as well. `temperature` is by annotator (A,).
    """
    first, second = pair_index(len(fit.scores))
    mean = at_mean(fit, model.tie, 1.0)
    inflation = _mean_inflation(group, fit, model, temperature)
    weights = inflation * (mean.weights - mean.prior_weight) + mean.prior_weight
    covariance = np.zeros((len(fit.scores), *fit.scores.shape))
    covariance[:-1, :-1] = mean.covariance
    # Centring takes the mean off rows and off columns; the row's mean goes here, the column's in the loop.
    covariance -= covariance.mean(0)
    variance = (mean.scores - fit.scores) ** 2
    for i, row in enumerate(covariance - covariance.mean(1)[:, None]):
        moved = row[first] - row[second]
        variance[i] += (moved * moved * weights).sum(0)
    return np.sqrt(variance)


def _mean_inflation(group: Group, fit: Fit, model: Likelihood, temperature: Floats | None) -> Floats | float:
    """How often the information on each pair (pairs, p) is counted, on average over its rankings."""
    if len(group.batches) <= 1:
        return model.inflation(group.batches[0].size if group.batches else 2)
    plain, inflated = np.full(fit.weights.shape, NO_INFORMATION), np.zeros(fit.weights.shape)
    for batch in group.batches:
        heat = None if temperature is None else temperature[batch.annotator]
        curvature = model.of_batch(batch, gather(batch, fit.scores), heat)[1]
        information = scatter_pairs(batch, group, curvature)
        plain += information
        inflated += model.inflation(batch.size) * information
    mean: Floats = inflated / plain
    return mean


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
        # Taking a ranking's own information away can only leave rounding errors below the prior's.
        weights = fit.weights.take(batch.row, axis=1) if batch.items is None else _local_weights(batch, fit)
        covariance = invert(ground(np.maximum(weights - own, fit.prior_weight), batch.size))
        # At the maximum all gradients add up to 0, so that of the others is minus the own one: one Newton step.
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
    # A row of zeros for the response held at 0, then the reference moves to the last of the ranking's own.
    whole = np.zeros((last + 1, last + 1, fit.scores.shape[1]))
    whole[:last, :last] = fit.covariance
    local = whole[batch.items[:, None], batch.items[None], batch.row]
    border = local[:-1, -1]
    covariance: Floats = local[:-1, :-1] - border[:, None] - border[None] + local[-1, -1]
    return covariance


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
        # Without a tie parameter a tie has no probability, and -log of it no value.
        chance = chance[left.outcome != 0]
    return -float(np.log(chance).sum()), chance.size
