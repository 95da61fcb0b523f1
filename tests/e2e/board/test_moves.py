"""What a person can do with the ranks, and what each move says, keeps and shows."""

from typing import Any

import pytest

pytestmark = pytest.mark.e2e

MOVES = "const { pick, place, rank, move, clear, undo } = await import('/board/moves.js');"
DRAFT = "return JSON.parse(localStorage.getItem('rankloop:draft:lease-1'))?.slots ?? null"


def do(bench: Any, moves: str) -> None:
    bench.run(MOVES + moves)


def picked(bench: Any) -> Any:
    return bench.run("return board.state.picked")


def test_a_pick_is_told_focused_and_ranks_nothing(bench: Any, view: Any) -> None:
    bench.lay(view(3))
    do(bench, "pick(board, 2)")
    assert bench.said() == "C picked. not ranked"
    assert bench.page.locator(":focus").get_attribute("data-chip") == "2"
    assert bench.slots() == ["", "", ""]
    assert bench.run(DRAFT) is None


def test_digits_alone_rank_one_after_the_other(bench: Any, view: Any) -> None:
    bench.lay(view(4))
    do(bench, "rank(board, 0); rank(board, 1); rank(board, 1); rank(board, 2)")
    assert bench.slots() == ["A", "BC", "D", ""]
    assert bench.said() == "D: rank 3. All ranked: Enter submits."
    assert picked(bench) == 3
    assert bench.run(DRAFT) == [0, 1, 1, 2]


def test_ranking_one_that_has_a_rank_stays_with_it(bench: Any, view: Any) -> None:
    bench.lay(view(3))
    do(bench, "pick(board, 1); rank(board, 0)")
    assert picked(bench) == 2
    do(bench, "rank(board, 0)")
    assert (picked(bench), bench.said()) == (0, "C: rank 1, tied with B. 1 left.")
    do(bench, "pick(board, 2); rank(board, 2)")
    assert (picked(bench), bench.slots()) == (2, ["B", "", "C"])


def test_moving_goes_step_by_step_from_the_nearer_end(bench: Any, view: Any) -> None:
    bench.lay(view(3))
    do(bench, "move(board, 1); move(board, 1)")
    assert bench.slots() == ["", "A", ""]
    do(bench, "pick(board, 2); move(board, -1); move(board, 1)")
    assert bench.slots() == ["", "A", "C"]
    do(bench, "move(board, -1); move(board, -1); move(board, -1)")
    assert bench.slots() == ["C", "A", ""]


def test_clearing_takes_the_picked_one_out(bench: Any, view: Any) -> None:
    bench.lay(view(3))
    do(bench, "clear(board)")
    assert bench.said() == "New task: rank 3 responses."
    do(bench, "pick(board, 1); clear(board)")
    assert bench.said() == "B picked. not ranked"
    do(bench, "pick(board, 1); rank(board, 1); pick(board, 1); clear(board)")
    assert (bench.slots(), bench.tray()) == (["", "", ""], "ABC")
    assert bench.run(DRAFT) == [None, None, None]


def test_undoing_goes_back_to_the_start_and_no_further(bench: Any, view: Any) -> None:
    bench.lay(view(3))
    do(bench, "rank(board, 0); rank(board, 2); place(board, 0, 1)")
    seen = []
    for _ in range(3):
        do(bench, "undo(board)")
        seen.append((bench.slots(), bench.said()))
    assert seen == [
        (["A", "", "B"], "Undone. 1 left."),
        (["A", "", ""], "Undone. 2 left."),
        (["", "", ""], "Undone. 3 left."),
    ]
    assert bench.run(DRAFT) == [None, None, None]
    do(bench, "undo(board)")
    assert bench.said() == "Nothing to undo."
    assert bench.page.locator("[data-do=undo]").is_disabled()


def test_what_changes_nothing_is_no_step_to_undo(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    do(bench, "place(board, 0, 1); place(board, 0, 1); undo(board)")
    assert bench.slots() == ["", ""]


def test_nothing_is_ranked_where_there_is_nothing(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    do(bench, "rank(board, 0); rank(board, 1); board.state.picked = null; rank(board, 0)")
    assert bench.slots() == ["A", "B"]
