"""From the maximum of a posterior to its mean and its spread."""

from dataclasses import replace

import numpy as np

from rlhf.ratings.davidson import curvature_slope
from rlhf.ratings.likelihood import Likelihood, gather, scatter_pairs
from rlhf.ratings.newton import Fit, ground, invert, pair_variance
from rlhf.ratings.rankings import Floats, Group, add_by_response, differences, pair_index

FURTHEST = 0.5
"""Standard deviations; where the mean of a difference seems further from its maximum, the expansion has
failed."""


def at_mean(fit: Fit, tie: float, overlap: float) -> Fit:
    """The fit moved from the posterior's maximum to its mean, information and covariance with it.

    A response that won all is held back by the prior alone, and its posterior is skewed away from the others.
    To first order the mean is further out by half the covariance times the gradient of -log det of the
    information (Lindley 1980, Approximate Bayesian methods). Without this the sigma that predicts best comes
    out up to twice the true spread, and intervals too short. `overlap` is the factor from the inverse of the
    information to a variance.
    """
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
    shorten = np.minimum(1.0, FURTHEST / np.maximum(far.max(0, initial=0.0), FURTHEST))
    shift *= shorten
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
    plain, inflated = np.full(fit.weights.shape, 1e-300), np.zeros(fit.weights.shape)
    for batch in group.batches:
        heat = None if temperature is None else temperature[batch.annotator]
        curvature = model.of_batch(batch, gather(batch, fit.scores), heat)[1]
        information = scatter_pairs(batch, group, curvature)
        plain += information
        inflated += model.inflation(batch.size) * information
    return inflated / plain
