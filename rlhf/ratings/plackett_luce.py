"""The model of Plackett and Luce: first the best is chosen, then the best of the rest.

Luce (1959), Individual Choice Behavior; Plackett (1975), The analysis of permutations. The choice is in
proportion to exp(score), so a ranking's log-likelihood is the sum over its responses of score - log of the
sum of exp(score) over all that are not ranked above it. Tied responses share that sum (Breslow 1974,
Covariance analysis of censored survival data), so a ranking that ties everything says nothing.
"""

from dataclasses import dataclass

import numpy as np

from rlhf.ratings.likelihood import sum_batches
from rlhf.ratings.newton import Terms
from rlhf.ratings.rankings import Batch, Floats, Group, pair_index


@dataclass(frozen=True)
class PlackettLuce:
    """The likelihood of whole rankings; its pairs are those of Bradley and Terry, without ties."""

    tie: float = 0.0

    def inflation(self, size: int) -> float:
        """1: a ranking is one observation here, nothing is counted twice."""
        return 1.0

    def of_batch(self, batch: Batch, scores: Floats, temperature: Floats | None) -> tuple[Floats, Floats]:
        """Gradient (m, n) and information by pair (pairs, n) of each ranking at `scores` (m, n)."""
        heat = 1.0 if temperature is None else temperature
        heated = scores * heat
        strength = np.exp(heated - heated.max(0))
        contends = _not_above(batch)
        first, second = pair_index(batch.size)
        gradient = np.ones_like(scores)
        curvature = np.zeros((len(first), scores.shape[1]))
        for stage in range(batch.size):
            share = strength * contends[stage]
            share /= share.sum(0)
            gradient -= share
            curvature += share[first] * share[second]
        return gradient * heat, curvature * heat * heat

    def of_group(self, group: Group, temperature: Floats | None) -> Terms:
        """The likelihood of all rankings of each prompt."""
        return sum_batches(self, group, temperature)


def _not_above(batch: Batch) -> np.ndarray:
    """(m, m, n): whether the second response was still there to choose when the first was chosen."""
    first, second = pair_index(batch.size)
    there = np.ones((batch.size, batch.size, len(batch.row)), bool)
    there[first, second] = batch.outcome >= 0
    there[second, first] = batch.outcome <= 0
    return there
