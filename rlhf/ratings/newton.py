"""Newton's method on very many small, separate problems at once, prompts along the last axis.

The models here see differences of scores only, and a normal prior on k scores, centred, is one on their
differences too: precision / k on every pair. So all information is a weight on pairs, and its matrix the
Laplacian of a weighted graph. That matrix sends equal scores to zero; with the last response held at 0
("grounded") it is (k - 1) x (k - 1) and has an inverse, from which the variance of every difference follows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rlhf.ratings.rankings import Floats, add_by_response, pair_index
from store.errors import NotConverged

Terms = Callable[[Floats], tuple[Floats, Floats]]
"""Scores (k, p) to the log-likelihood's gradient (k, p) and its information by pair (pairs, p)."""

LARGE = 30
"""Rows of a matrix from which LAPACK, one matrix at a time, is faster than a loop over rows for all at once."""
MAX_STEPS = 100
"""Six to ten are usual, 40 were seen with temperatures far apart; a fit that takes more is broken, not slow."""
CLOSE = 0.5
"""Logits; below this a full step is safe and the error is squared by each."""
TOLERANCE = 3e-5
"""Logits; what is left after a last step this small is below 1e-9."""


@dataclass(frozen=True)
class Fit:
    """Where the posterior of a group has its maximum.

    `scores` (k, p) in logits, with mean 0 in each prompt; `weights` (pairs, p), the information of likelihood
    and prior by pair, `prior_weight` of it the prior's; `covariance` (k - 1, k - 1, p), of the differences
    from the last response.
    """

    scores: Floats
    weights: Floats
    prior_weight: float
    covariance: Floats


def ground(weights: Floats, size: int) -> Floats:
    """The (k - 1, k - 1, p) matrix of the information `weights` (pairs, p), the last response held at 0."""
    first, second = pair_index(size)
    matrix = np.empty((size, size, weights.shape[-1]))
    matrix[first, second] = matrix[second, first] = -weights
    every = np.arange(size)
    # Equal scores change nothing, so each row of the whole matrix adds up to 0.
    matrix[every, every] = add_by_response(weights, size, 1)
    return matrix[:-1, :-1]


def unground(matrix: Floats) -> Floats:
    """The weights (pairs, p) that `ground` makes `matrix` (k - 1, k - 1, p) from."""
    size = len(matrix) + 1
    whole = np.empty((size, size, matrix.shape[-1]))
    whole[:-1, :-1] = -matrix
    whole[:-1, -1] = matrix.sum(1)
    return whole[pair_index(size)]


def invert(matrix: Floats) -> Floats:
    """Inverses of positive definite matrices (n, n, p), grown by one row and column at a time.

    With B the inverse so far, b the new column and c the new corner, u = B b and s = 1 / (c - b'u): the new
    inverse is B + s u u', bordered by -s u and s. LAPACK through numpy takes one matrix at a time: 15 times slower
    at n = 3, as fast at 30, twice as fast at 58. So large matrices are left to it.
    """
    if len(matrix) >= LARGE:
        return np.ascontiguousarray(np.moveaxis(np.linalg.inv(np.moveaxis(matrix, -1, 0)), 0, -1))
    inverse = np.empty_like(matrix)
    for n in range(len(matrix)):
        border = matrix[:n, n]
        moved = np.einsum("ijp,jp->ip", inverse[:n, :n], border)
        corner = 1.0 / (matrix[n, n] - np.einsum("ip,ip->p", border, moved))
        scaled = moved * corner
        inverse[:n, :n] += scaled[:, None] * moved[None]
        inverse[:n, n] = inverse[n, :n] = -scaled
        inverse[n, n] = corner
    return inverse


def solve(matrix: Floats, right: Floats) -> tuple[Floats, Floats | None]:
    """x (n, p) in `matrix` (n, n, p) x = `right` (n, p), and the inverses (n, n, p) where these came with it.

    For a large matrix a solution takes a third of the time of the inverse, which only the last step is asked for.
    """
    if len(matrix) >= LARGE:
        solution = np.linalg.solve(np.moveaxis(matrix, -1, 0), right.T[:, :, None])
        return solution[:, :, 0].T.astype(np.float64, copy=False), None
    inverse = invert(matrix)
    return np.einsum("ijp,jp->ip", inverse, right), inverse


def pair_variance(covariance: Floats) -> Floats:
    """Variances (pairs, p) of all differences, from `Fit.covariance` (k - 1, k - 1, p)."""
    last = len(covariance)
    first, second = pair_index(last + 1)
    own = np.zeros((last + 1, covariance.shape[-1]))
    own[:last] = covariance[np.arange(last), np.arange(last)]
    variance = own[first] + own[second]
    inner = second < last
    variance[inner] -= 2.0 * covariance[first[inner], second[inner]]
    return variance


def maximise(
    terms: Terms, prior_mean: Floats, sigma: float, start: Floats | None = None, steepness: float = 1.0
) -> Fit:
    """Scores of greatest posterior density under independent N(prior_mean, sigma^2) priors, centred.

    `prior_mean` and `start` are (k, p). Long steps are shortened by log(1 + r)/r, r being the step's range
    times `steepness` (the largest factor on a difference): where the third derivative is at most `steepness`
    times the second that cannot overshoot (Sun and Tran-Dinh 2019, Generalized self-concordant functions,
    section 4). Raises `NotConverged` if the last of `MAX_STEPS` steps is still long.
    """
    k = len(prior_mean)
    centre = prior_mean - prior_mean.mean(0)
    scores = centre.copy() if start is None else start.copy()
    precision = sigma**-2
    for _ in range(MAX_STEPS):
        gradient, weights = terms(scores)
        gradient -= precision * (scores - centre)
        # The prior on k centred scores as a weight on each pair (see the top of this file).
        weights += precision / k
        matrix = ground(weights, k)
        step = np.zeros_like(scores)
        step[:-1], covariance = solve(matrix, gradient[:-1])
        reach = steepness * (step.max(0) - step.min(0))
        # The response that was held at 0 moves like the others: only differences were solved for.
        step -= step.mean(0)
        longest = float(reach.max(initial=0.0))
        if longest > CLOSE:
            step *= np.where(reach > CLOSE, np.log1p(reach) / np.maximum(reach, CLOSE), 1.0)
        scores += step
        if longest < TOLERANCE:
            # `weights` and `covariance` are those before the last step, which was too small to change them.
            return Fit(scores, weights, precision / k, invert(matrix) if covariance is None else covariance)
    raise NotConverged(
        f"The fit of the scores still moves by {longest:.1e} logits after {MAX_STEPS} steps: "
        "rate with method elo, which fits nothing, and report these rankings."
    )
