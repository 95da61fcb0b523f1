"""The state shown: where chips lie, how responses and ranks are called, what may be pressed."""

import itertools
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

SHOW = """const { refresh } = await import('/board/refresh.js');
board.state.slots = arg.slots; board.state.picked = arg.picked ?? null; refresh(board, arg.focus ?? false);"""


def test_chips_keep_the_alphabet_wherever_they_lie(bench: Any, view: Any) -> None:
    bench.lay(view(3))
    for slots in itertools.product((None, 0, 1), repeat=3):
        bench.run(SHOW, {"slots": slots})
        expected = ["".join("ABC"[i] for i in range(3) if slots[i] == slot) for slot in (0, 1, 2, None)]
        assert [*bench.slots(), bench.tray()] == expected


def test_how_each_stands_is_written_and_told(bench: Any, view: Any) -> None:
    bench.lay(view(4))
    bench.run(SHOW, {"slots": [1, 0, 1, None], "picked": 2})
    page = bench.page
    shown = page.locator(".card .standing").all_inner_texts()
    assert shown == ["Rank 2, tied with C", "Rank 1", "Rank 2, tied with A", ""]
    ranks = [slot.get_attribute("aria-label") for slot in page.locator(".slot").all()]
    assert ranks == ["Rank 1: B", "Rank 2: A, C", "Rank 3: empty", "Rank 4: empty"]
    chips = [page.locator(f"[data-chip='{i}']").get_attribute("aria-label") for i in range(4)]
    assert chips == ["A, rank 2, tied with C", "B, rank 1", "C, rank 2, tied with A", "D, not ranked"]
    pressed = [page.locator(f"[data-chip='{i}']").get_attribute("aria-pressed") for i in range(4)]
    assert pressed == ["false", "false", "true", "false"]
    assert page.locator(".slot.tie").count() == 1
    assert page.locator(".card.ranked").count() == 3
    assert page.locator(".card.picked").get_attribute("data-card") == "2"


def test_only_a_whole_ranking_can_be_submitted(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    submit, tray = bench.page.locator("[data-do=submit]"), bench.page.locator(".tray.empty")
    for slots, whole in (([None, 0], False), ([1, 0], True), ([None, None], False)):
        bench.run(SHOW, {"slots": slots})
        assert (submit.is_enabled(), tray.count() == 1) == (whole, whole)


def test_the_focus_follows_a_key_and_not_the_pointer(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    bench.run(SHOW, {"slots": [0, None], "picked": 0})
    assert bench.page.locator(":focus").count() == 0
    bench.run(SHOW, {"slots": [0, None], "picked": 0, "focus": True})
    assert bench.page.locator(":focus").get_attribute("data-chip") == "0"
