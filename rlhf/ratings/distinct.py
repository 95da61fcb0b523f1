"""Prompts that must get the same scores, found before anything is fitted.

For a model of pairs only two things count: how often each response won, less how often it lost, and which
responses were ranked together. With four responses and three rankings a hundred thousand prompts have a few
hundred of these between them. So one prompt of each kind is fitted and the others take its scores.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlhf.ratings.rankings import Ints, Rankings, by_size, only_shown, pair_index

Codes = NDArray[np.uint64]
CODE_SEED = 20240917
"""Any number will do: no two kinds collide under it more than under another."""


@dataclass(frozen=True)
class Kinds:
    """The `rankings` of one prompt of each kind; `stands_for` (P,) is the prompt whose scores each prompt takes.

    A prompt that nobody ranked stands for itself.
    """

    rankings: Rankings
    stands_for: Ints


def find_kinds(rankings: Rankings, *, whole: bool) -> Kinds:
    """One prompt of each kind; `whole` for a model that needs the rankings themselves, not just the wins.

    A kind is known by a sum of 64-bit numbers over the rankings of its prompt, in any order: two kinds among
    a hundred thousand would be taken for one with probability 3e-10.
    """
    stands_for = np.arange(rankings.prompts)
    if not len(rankings.prompt):
        return Kinds(rankings, stands_for)
    start = np.flatnonzero(np.diff(rankings.prompt, prepend=-1))
    code = np.add.reduceat(_code(rankings.levels, whole), start)
    _, first, kind = np.unique(code, return_index=True, return_inverse=True)
    present = rankings.prompt[start]
    stands_for[present] = present[first[kind]]
    kept = stands_for == np.arange(rankings.prompts)
    return Kinds(rankings.pick(np.flatnonzero(kept[rankings.prompt])), stands_for)


def _code(levels: NDArray[np.integer], whole: bool) -> Codes:
    """A number (N,) for each ranking; without `whole` it is linear in wins less losses."""
    width = levels.shape[1]
    # A fixed seed, so that the same rankings are merged in the same way on every run.
    weight = np.random.default_rng(CODE_SEED).integers(1, 2**64, (2, width), dtype=np.uint64)
    shown = levels > 0
    wins = np.zeros(levels.shape, levels.dtype)
    for size, at in by_size(shown):
        columns, own = only_shown(levels.take(at, axis=0), size)
        gains = np.zeros(own.shape, levels.dtype)
        for first, second in zip(*pair_index(size), strict=True):
            outcome = np.sign(own[:, second] - own[:, first])
            gains[:, first] += outcome
            gains[:, second] -= outcome
        if columns is None:
            wins[at] = gains
        else:
            wins[at[:, None], columns] = gains
    # Which responses were ranked together is hashed by ranking: {A, B} and {C, D} are not {A, C} and {B, D}. Wins may
    # be added up over the rankings of a prompt, for the model sees only their sum.
    together = _scramble((shown * weight[0]).sum(1, dtype=np.uint64))
    order = (wins.astype(np.uint64) * weight[1]).sum(1, dtype=np.uint64)
    return _scramble(order + together) if whole else order + together


def _scramble(code: Codes) -> Codes:
    """A hash: each bit of the result depends on all bits of `code` (Steele, Lea and Flood 2014, the finisher of
    SplitMix)."""
    code = (code ^ (code >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    code = (code ^ (code >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return code ^ (code >> np.uint64(31))
