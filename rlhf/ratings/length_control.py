"""Would it also win if its answers were no longer? The length-controlled win rate."""

import numpy as np

from rlhf.ratings.newton import MAX_STEPS
from rlhf.ratings.rankings import Floats, Ints
from store.errors import NotConverged

RIDGE_SIGMA = 3.0
"""Logits: standard deviation of both coefficients about 0 before any evidence, as on the leaderboard. Wide enough to
leave them where they are, and keeps them finite where length or the version decides every comparison."""
TOLERANCE = 1e-9
"""Logits; a last step this small is rounding."""


def length_controlled(outcome: Floats, difference: Floats, prompt: Ints) -> float | None:
    """The win rate that is foretold where both answers are of one length, from 0 to 1.

    `outcome` (n,) is 1, 0.5 or 0 for each comparison of two answers, `difference` (n,) how much longer the first one
    is, in any unit, `prompt` (n,) the number of its prompt; each prompt counts once. A logistic regression of the
    outcome on tanh(difference / its standard deviation), read at difference 0 (Dubois et al. 2024, "Length-controlled
    AlpacaEval", without their term for how hard each instruction is). None where the first answer is longer in every
    comparison, or shorter in every one: then nothing says what it would be at one length.
    """
    if not len(outcome) or difference.min() > 0.0 or difference.max() < 0.0:
        return None
    spread = float(difference.std())
    longer = np.tanh(difference / spread) if spread > 0 else np.zeros_like(difference)
    weight = 1.0 / np.bincount(prompt)[prompt]
    design = np.stack([np.ones_like(longer), longer], axis=1)
    at = np.zeros(2)
    for _ in range(MAX_STEPS):
        chance = 1.0 / (1.0 + np.exp(-design @ at))
        gradient = design.T @ (weight * (outcome - chance)) - at / RIDGE_SIGMA**2
        curved = design.T @ (design * (weight * chance * (1.0 - chance))[:, None]) + np.eye(2) / RIDGE_SIGMA**2
        step = np.linalg.solve(curved, gradient)
        reach = float(np.abs(step).max())
        at += step / max(1.0, reach)  # at most a logit a step: a full one may overshoot far from the maximum
        if reach < TOLERANCE:
            return float(1.0 / (1.0 + np.exp(-at[0])))
    raise NotConverged(
        f"The length-controlled win rate of {len(outcome)} meetings does not settle in {MAX_STEPS} steps: report it."
    )
