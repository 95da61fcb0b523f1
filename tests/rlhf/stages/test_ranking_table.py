"""Records to arrays and back loses nothing."""

import itertools
import random

import numpy as np
import pytest

from rlhf.stages.ranking_table import RankingTable
from store.records import Ranking


def draw(seed: int) -> list[Ranking]:
    """Rankings of subsets of each prompt's responses, in no order, by people who come and go."""
    rng = random.Random(seed)
    drawn = []
    for n in range(30):
        prompt = rng.choice([3, 8, 21, 22])
        shown = rng.sample(range(100 * prompt, 100 * prompt + 6), rng.randint(2, 4))
        drawn.append(Ranking(n, prompt, rng.choice(["bo", "ada", "cy"]), {i: rng.randint(1, 3) for i in shown}))
    return drawn


@pytest.mark.parametrize("seed", range(5))
def test_every_ranking_can_be_read_back(seed: int) -> None:
    drawn = draw(seed)
    table = RankingTable(drawn)
    assert table.levels.shape[0] == len(drawn)
    for n, ranking in enumerate(drawn):
        p = table.prompt[n]
        assert table.prompt_ids[p] == ranking.prompt_id
        assert table.names[table.annotator[n]] == ranking.annotator
        read = {table.response_ids[p][k]: int(v) for k, v in enumerate(table.levels[n]) if v >= 0}
        assert read == ranking.levels
    assert table.prompt_ids == sorted({r.prompt_id for r in drawn})
    assert table.names == sorted({r.annotator for r in drawn})


@pytest.mark.parametrize("seed", range(5))
def test_comparisons_are_the_pairs_that_each_response_was_in(seed: int) -> None:
    drawn = draw(seed)
    table = RankingTable(drawn)
    counted: dict[int, int] = {}
    for ranking in drawn:
        for pair in itertools.combinations(ranking.levels, 2):
            for response in pair:
                counted[response] = counted.get(response, 0) + 1
    found = table.comparisons()
    read = {table.response_ids[p][k]: int(n) for (p, k), n in np.ndenumerate(found) if n}
    assert read == counted


def test_nothing_gives_empty_arrays() -> None:
    table = RankingTable([])
    assert table.levels.shape == (0, 0)
    assert table.comparisons().shape == (0, 0)
