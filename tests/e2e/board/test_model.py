"""The rules of a ranking, against definitions by counting."""

import itertools
import random
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

MODEL = "const model = await import('/board/model.js'); const made = (slots) => ({ ...model.newState(), slots });"


def test_levels_have_no_gaps_and_keep_ties(bench: Any) -> None:
    draw = random.Random(0)
    every = [list(slots) for slots in itertools.product(range(4), repeat=3)]
    every += [[draw.randrange(8) for _ in range(8)] for _ in range(100)]
    found = bench.run(MODEL + "return arg.map((slots) => model.levels(made(slots)))", every)
    for slots, levels in zip(every, found, strict=True):
        assert levels == [1 + len({other for other in slots if other < slot}) for slot in slots]
        assert set(levels) == set(range(1, max(levels) + 1))


def test_what_is_left_and_who_is_tied(bench: Any) -> None:
    every = [list(slots) for slots in itertools.product((None, 0, 1), repeat=3)]
    code = "return arg.map((s) => [model.unranked(made(s)), model.complete(made(s)), model.tiedWith(made(s), 1)])"
    for slots, (left, complete, tied) in zip(every, bench.run(MODEL + code, every), strict=True):
        assert left == [i for i in range(3) if slots[i] is None]
        assert complete == (None not in slots)
        assert tied == [("A", "C")[i > 0] for i in (0, 2) if slots[1] is not None and slots[i] == slots[1]]
    assert bench.run(MODEL + "return model.complete(made([]))") is False


def test_taking_back_undoes_every_change_and_only_changes(bench: Any) -> None:
    draw = random.Random(1)
    moves = [[draw.randrange(4), draw.choice([None, 0, 1, 2, 3])] for _ in range(60)]
    code = """const state = made(Array(4).fill(null));
    const before = [[...state.slots]];
    const changed = [];
    for (const [i, slot] of arg) {
      changed.push(model.put(state, i, slot));
      before.push([...state.slots]);
    }
    const after = [];
    while (model.takeBack(state)) after.push([...state.slots]);
    return { before, changed, after, picked: state.picked };"""
    found = bench.run(MODEL + code, moves)
    slots: list[Any] = [None] * 4
    history = [slots]
    for (i, slot), did in zip(moves, found["changed"], strict=True):
        assert did == (slots[i] != slot)
        slots = [*slots[:i], slot, *slots[i + 1 :]]
        history.append(slots)
    assert found["before"] == history
    distinct = [slots for slots, _ in itertools.groupby(history)]
    assert found["after"] == distinct[-2::-1]
    assert found["picked"] == moves[-1][0]


def test_the_next_without_a_rank_comes_round(bench: Any) -> None:
    code = "return arg.map(([slots, i]) => model.following(made(slots), i) ?? null)"
    cases = [([None, 0, None, 0], 1), ([None, 0, None, 0], 3), ([None, 0, None, 0], 2), ([1, 0], 0)]
    assert bench.run(MODEL + code, cases) == [2, 0, 0, None]


def test_a_step_stays_on_the_scale(bench: Any) -> None:
    code = "return arg.map(([slot, step]) => model.beside(made([slot, 0, 0]), 0, step))"
    cases = [(0, -1), (0, 1), (1, 1), (2, 1), (2, -1), (None, 1), (None, -1)]
    assert bench.run(MODEL + code, cases) == [0, 1, 2, 2, 1, 0, 2]
