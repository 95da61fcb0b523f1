"""Can what people prefer be foretold at all, from what the base model makes of the responses? numpy only.

A policy trained against a reward model that has learned nothing gets worse while its reward rises. Accuracy on a
handful of held-out prompts cannot tell, so the question is put to all ranked prompts: a ridge regression on the
base's last hidden states is fitted to the scores of most prompts and foretells those of the others, each prompt being
left out once. Whether it does better than chance is judged by permutation: the same fit to scores that were
shuffled within each prompt (Fisher 1935, The design of experiments, section 21; for predictions on left-out data
Ojala and Garriga 2010, Permutation tests for studying classifier performance). Where nothing can be learned the test
says otherwise with probability alpha, whatever the number of prompts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FOLDS = 5
"""Parts of the prompts, each left out once."""
RIDGE = 0.1
"""Of the features' total variance: the regression is to foretell from 16 prompts as well as from 1,600."""
BLIND = 1e-12
"""Below this a sum of squares is nothing: all predictions, or all scores, are the same."""


@dataclass(frozen=True)
class Foretold:
    """How well the scores of left-out prompts were foretold.

    `correlation` of foretold and given scores, both centred in their prompt, from -1 to 1; `z`, how many standard
    deviations of the permutations it lies above their mean; `p`, the share of permutations that did as well, at least
    1 / (permutations + 1); `gain`, what the response foretold to be best is above its prompt's mean, in the scores'
    unit, with its 95% interval over prompts; `prompts` that have an order.
    """

    correlation: float
    z: float
    p: float
    gain: float
    gain_low: float
    gain_high: float
    prompts: int


def foretell(
    features: Sequence[Floats], scores: Sequence[Floats], *, permutations: int = 499, seed: int = 0
) -> Foretold:
    """How well the scores (K,) of each prompt's responses follow from their features (K, H), on prompts left out.

    Prompts whose responses all have the same score say nothing and are passed over; with fewer than `FOLDS` others
    nothing can be told: p is 1.
    """
    ordered = [i for i, score in enumerate(scores) if np.ptp(score) > 0]
    if len(ordered) < FOLDS:
        return Foretold(0.0, 0.0, 1.0, 0.0, 0.0, 0.0, len(ordered))
    rng = np.random.default_rng(seed)
    centred = [np.asarray(features[i], float) - np.mean(features[i], axis=0) for i in ordered]
    given = [np.asarray(scores[i], float) - np.mean(scores[i]) for i in ordered]
    sizes = np.array([len(score) for score in given])
    fold = np.repeat(rng.permutation(len(ordered)) % FOLDS, sizes)
    # The first column is what people said, the others are permutations of it within each prompt.
    targets = np.concatenate([_shuffled(score, permutations, rng) for score in given])
    foretold = _left_out(np.concatenate(centred), targets, fold)
    correlation = _correlation(foretold, targets)
    by_chance = correlation[1:]
    spread = float(by_chance.std()) or 1.0
    gain = _gain(foretold[:, 0], targets[:, 0], sizes)
    error = 1.96 * float(gain.std(ddof=1)) / np.sqrt(len(gain))
    return Foretold(
        correlation=float(correlation[0]),
        z=float((correlation[0] - by_chance.mean()) / spread),
        p=float((1 + (by_chance >= correlation[0]).sum()) / (1 + permutations)),
        gain=float(gain.mean()),
        gain_low=float(gain.mean() - error),
        gain_high=float(gain.mean() + error),
        prompts=len(ordered),
    )


def _shuffled(score: Floats, times: int, rng: np.random.Generator) -> Floats:
    """The score (K,) and that many permutations of it, (K, 1 + times)."""
    return np.column_stack([score, rng.permuted(np.tile(score, (times, 1)), axis=1).T])


def _left_out(features: Floats, targets: Floats, fold: NDArray[np.intp]) -> Floats:
    """What each row's targets (N, M) are foretold to be by the rows of the other folds."""
    foretold = np.zeros_like(targets)
    for part in range(FOLDS):
        learned, left = features[fold != part], features[fold == part]
        strength = RIDGE * (learned**2).sum() / features.shape[1]
        foretold[fold == part] = left @ _ridge(learned, targets[fold != part], strength)
    return foretold


def _ridge(x: Floats, y: Floats, strength: float) -> Floats:
    """Weights (H, M) of the ridge regression of y (N, M) on x (N, H), by whichever of its two forms is smaller."""
    rows, width = x.shape
    strength = max(strength, BLIND)
    if rows < width:
        weights = x.T @ np.linalg.solve(x @ x.T + strength * np.eye(rows), y)
    else:
        weights = np.linalg.solve(x.T @ x + strength * np.eye(width), x.T @ y)
    return np.asarray(weights, float)


def _correlation(foretold: Floats, targets: Floats) -> Floats:
    """Correlation (M,) of the columns of two (N, M) matrices; 0 where one of them is all zero."""
    norm: Floats = np.sqrt((foretold**2).sum(0) * (targets**2).sum(0))
    found: Floats = np.where(norm > BLIND, (foretold * targets).sum(0) / np.maximum(norm, BLIND), 0.0)
    return found


def _gain(foretold: Floats, given: Floats, sizes: NDArray[np.intp]) -> Floats:
    """For each prompt, the centred score of the response foretold to be best, (P,)."""
    ends = np.cumsum(sizes)
    return np.array([given[end - k + foretold[end - k : end].argmax()] for end, k in zip(ends, sizes, strict=True)])
