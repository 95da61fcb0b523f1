"""Newton's method on very many small, separate problems at once: one K x K block a prompt, prompts along the
last axis."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rlhf.ratings.rankings import Floats, incidence, pair_index

Terms = Callable[[Floats], tuple[Floats, Floats]]
"""Scores (k, p) to the log-likelihood's gradient (k, p) and its information by pair (pairs, p)."""

MAX_STEPS = 100
TOLERANCE = 1e-5
"""Logits. Newton's error is squared by each step: after a last step this small nothing is left above 1e-9."""


@dataclass(frozen=True)
class Fit:
    """Where the posterior of a group has its maximum.

    `scores` (k, p) in logits; `information` (k, k, p) of likelihood plus prior there, and its `inverse`.
    """

    scores: Floats
    information: Floats
    inverse: Floats


def laplacian(weights: Floats, size: int, diagonal: float) -> Floats:
    """Matrices (k, k, p): w_ij (e_i - e_j)(e_i - e_j)' summed over pairs, and `diagonal` on top.

    Likelihoods here depend on differences only, so the rows of their information add up to nothing and the
    pairs (pairs, p) say it all.
    """
    first, second = pair_index(size)
    matrix = np.empty((size, size, weights.shape[-1]))
    matrix[first, second] = matrix[second, first] = -weights
    every = np.arange(size)
    matrix[every, every] = np.abs(incidence(size)).T @ weights + diagonal
    return matrix


def invert(matrix: Floats) -> Floats:
    """Inverses of positive definite matrices (k, k, p), in place, by sweeping each pivot in turn.

    Goodnight (1979), A tutorial on the SWEEP operator. LAPACK through numpy takes one matrix at a time, which
    for k = 4 costs several times this.
    """
    for i in range(len(matrix)):
        pivot = 1.0 / matrix[i, i]
        row = matrix[i] * pivot
        column = matrix[:, i].copy()
        column[i] = 0.0
        matrix -= column[:, None] * row[None]
        matrix[:, i] = -column * pivot
        matrix[i] = row
        matrix[i, i] = pivot
    return matrix


def maximise(
    terms: Terms, prior_mean: Floats, sigma: float, start: Floats | None = None, steepness: float = 1.0
) -> Fit:
    """Scores of greatest posterior density under independent N(prior_mean, sigma^2) priors.

    Steps are shortened by log(1 + r)/r, r being the step's range times `steepness` (the largest factor on a
    difference): for likelihoods whose third derivative is at most `steepness` times the second that never
    overshoots and stays quadratic near the end (Sun and Tran-Dinh 2019, Generalized self-concordant
    functions, equation 43). Raises FloatingPointError if the last of `MAX_STEPS` steps is still long.
    """
    scores = (prior_mean if start is None else start).copy()
    precision = sigma**-2
    for _ in range(MAX_STEPS):
        gradient, curvature = terms(scores)
        information = laplacian(curvature, len(scores), precision)
        inverse = invert(information.copy())
        step = np.einsum("ijp,jp->ip", inverse, gradient - precision * (scores - prior_mean))
        reach = np.maximum((step.max(0) - step.min(0)) * steepness, 1e-300)
        scores += step * (np.log1p(reach) / reach)
        longest = float(reach.max(initial=0.0))
        if longest < TOLERANCE:
            return Fit(scores, information, inverse)
    raise FloatingPointError(f"Newton's method still moves by {longest:.1e} logits after {MAX_STEPS} steps.")
