"""Ranking records as the arrays that the converter, agreement and leaderboard take. numpy only."""

from collections.abc import Sequence, Set
from dataclasses import replace

import numpy as np

from store.records import Ranking


def told_apart(rankings: Sequence[Ranking], own: Set[int]) -> list[Ranking]:
    """Rankings with those of the tasks `own` as what they say: one of two responses for each that came below.

    There a person put an answer of their own above all that they had seen. That they tie below is how the ranking is
    stored, and no word on them.
    """
    told = []
    for ranking in rankings:
        if ranking.task_id not in own:
            told.append(ranking)
            continue
        (first,) = (response for response, level in ranking.levels.items() if level == 1)
        told += [replace(ranking, levels={first: 1, below: 2}) for below in ranking.levels if below != first]
    return told


class RankingTable:
    """N rankings over P prompts with up to K responses each.

    `levels` (N, K) is -1 for a response that was not shown, `prompt` (N,) and `annotator` (N,) number the entries
    of `prompt_ids` and `names`; `response_ids` lists each prompt's responses in the order of its columns.
    """

    def __init__(self, rankings: Sequence[Ranking]) -> None:
        self.prompt_ids = sorted({r.prompt_id for r in rankings})
        self.names = sorted({r.annotator for r in rankings})
        row_of = {prompt_id: p for p, prompt_id in enumerate(self.prompt_ids)}
        shown: list[set[int]] = [set() for _ in self.prompt_ids]
        for ranking in rankings:
            shown[row_of[ranking.prompt_id]].update(ranking.levels)
        self.response_ids = [sorted(ids) for ids in shown]
        columns = [{response: k for k, response in enumerate(ids)} for ids in self.response_ids]
        number = {name: a for a, name in enumerate(self.names)}
        self.prompt = np.array([row_of[r.prompt_id] for r in rankings], dtype=np.int64)
        self.annotator = np.array([number[r.annotator] for r in rankings], dtype=np.int64)
        self.levels = np.full((len(rankings), max(map(len, self.response_ids), default=0)), -1, dtype=np.int64)
        for n, ranking in enumerate(rankings):
            for response, level in ranking.levels.items():
                self.levels[n, columns[self.prompt[n]][response]] = level

    def comparisons(self) -> np.ndarray:
        """How many pairs each response was part of, (P, K)."""
        shown = self.levels >= 0
        counts = np.zeros((len(self.prompt_ids), self.levels.shape[1]), dtype=np.int64)
        np.add.at(counts, self.prompt, shown * (shown.sum(axis=1, keepdims=True) - 1))
        return counts
