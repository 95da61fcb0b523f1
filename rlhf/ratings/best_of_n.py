"""Best-of-n: of n answers the one that the reward model likes best, which is what any training has to beat.

It costs n times the sampling and no training, and it moves away from where it samples by a KL that is known.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from rlhf.ratings.rankings import Floats


def doubling(most: int) -> list[int]:
    """1, 2, 4, ... up to `most`."""
    return [2**i for i in range(most.bit_length())]


def kl_bound(n: int) -> float:
    """KL(best-of-n || the sampler) in nats a response: log n - (n - 1) / n (Stiennon et al. 2020, appendix G.3).

    Exact where no two answers are alike, else above the KL (Beirami et al. 2025).
    """
    return math.log(n) - (n - 1) / n


def expected(rewards: ArrayLike, values: ArrayLike, n: int) -> Floats:
    """What the answer of the highest reward among n is worth, for each of P prompts, (P,).

    `rewards` and `values` (P, N) are of N >= n answers. The mean over all subsets of n of them, not of one: the i-th
    answer from below (from 1) is the best of C(i - 1, n - 1) of the C(N, n) subsets, so nothing is left to chance but
    the N answers themselves. Answers of equal reward share what they are worth.
    """
    reward, value = np.asarray(rewards, float), np.asarray(values, float)
    count = reward.shape[1]
    best_of = np.array([math.comb(i, n - 1) for i in range(count)]) / math.comb(count, n)
    order = reward.argsort(axis=1, kind="stable")
    ascending, worth = np.take_along_axis(reward, order, 1), np.take_along_axis(value, order, 1)
    equal = ascending[:, :, None] == ascending[:, None, :]
    shared = (equal * worth[:, None, :]).sum(2) / equal.sum(2)
    worth_of_best: Floats = shared @ best_of
    return worth_of_best
