"""Scores -> pairs of responses, of which one is preferred: what DPO is taught."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlhf import training
from rlhf.settings import DPOConfig
from rlhf.stages.rated import Rated
from store.records import Score

if TYPE_CHECKING:
    from rlhf.training.dpo import Pair


@dataclass
class Pairs:
    """The pairs that are used, and how many were not and why: equal scores, too small a margin, the same answer
    twice, more than were asked for."""

    used: list[Pair]
    ties: int = 0
    unsure: int = 0
    alike: int = 0
    beyond: int = 0

    def left_out(self) -> str:
        """In words, for the record; empty where every pair is used."""
        why = {
            "with equal scores": self.ties,
            "with too small a margin": self.unsure,
            "of the same answer twice": self.alike,
            "beyond max_pairs": self.beyond,
        }
        return ", ".join(f"{count} pairs {words}" for words, count in why.items() if count)


def ordered_pairs(ranked: Sequence[Rated], config: DPOConfig, *, limit: int = 0) -> Pairs:
    """Pairs of each prompt in the order of their scores; at most `limit`, drawn evenly over the prompts (0: all)."""
    found = Pairs([])
    of_prompt: list[list[Pair]] = []
    rng = random.Random(config.seed)
    for rated in ranked:
        places: Sequence[tuple[int, int]] = list(itertools.combinations(range(len(rated.scores)), 2))
        if config.pairs == "extremes":
            order = sorted(range(len(rated.scores)), key=lambda k: rated.scores[k].elo)
            places = [(order[0], order[-1])]
        of_prompt.append([pair for i, j in places if (pair := _pair(rated, i, j, config, found))])
        rng.shuffle(of_prompt[-1])
    rng.shuffle(of_prompt)
    # The first of each prompt, then the second: where there is a limit, no prompt is crowded out by another.
    turns = itertools.zip_longest(*of_prompt)
    every = [pair for turn in turns for pair in turn if pair is not None]
    found.used = every[: limit or None]
    found.beyond = len(every) - len(found.used)
    return found


def _pair(rated: Rated, i: int, j: int, config: DPOConfig, found: Pairs) -> Pair | None:
    gap = rated.scores[i].elo - rated.scores[j].elo
    if gap == 0:
        found.ties += 1
    elif rated.answers[i] == rated.answers[j]:
        found.alike += 1
    elif abs(gap) < config.min_margin * _error(rated.scores[i], rated.scores[j]):
        found.unsure += 1
    else:
        best, worst = (i, j) if gap > 0 else (j, i)
        return training.dpo.Pair(rated.prompt.messages, rated.answers[best], rated.answers[worst])
    return None


def _error(one: Score, other: Score) -> float:
    """Standard error of the difference of two scores, in Elo points, as if they were independent; 0 if unknown."""
    return math.hypot(one.stderr or 0.0, other.stderr or 0.0)
