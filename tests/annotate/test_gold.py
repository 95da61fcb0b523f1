"""A tick that makes one's order the known answer: for researchers, and never at the cost of the ranking."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from store import checks, rankings
from store.records import Role
from store.workspace import Workspace

SignIn = Callable[[str, Role], TestClient]


class Board:
    """The board as one person uses it."""

    def __init__(self, client: TestClient, call: Callable[..., Any]) -> None:
        self.client, self.call = client, call
        (self.view,) = call(client, "/annotate", "load")

    def send(self, action: str, levels: list[int], **more: Any) -> str:
        """Send an order; what the page is told. It is stored in any case."""
        lease = self.view["task"]["lease"]
        event = {"nonce": "1", "action": action, "lease": lease, "levels": levels, "comment": "", **more}
        (self.view,) = self.call(self.client, "/annotate", "answer", event)
        assert self.view["answer"]["stored"]
        return self.view["answer"]["message"]

    def previous(self) -> int:
        """Go back; the ranking that is shown."""
        (self.view,) = self.call(self.client, "/annotate", "answer", {"action": "previous", "nonce": "2"})
        return self.view["task"]["revises"]


def known(workspace: Workspace) -> list[int]:
    with workspace.store() as db:
        return [ranking.id for ranking in checks.gold(db)]


@pytest.mark.parametrize("role", ["researcher", "admin"])
def test_a_ticked_order_becomes_the_known_answer(
    sign_in: SignIn, call: Callable[..., Any], workspace: Workspace, role: Role
) -> None:
    board = Board(sign_in("Rosa", role), call)
    assert board.view["mark"]["label"] == "Gold: this order is the known answer"
    assert board.send("rank", [1, 2, 3, 4], gold=False) == ""
    assert known(workspace) == []
    assert board.send("rank", [1, 2, 2, 3], gold=True) == ""
    assert known(workspace) == [2]
    assert board.view["mark"]["checked"] is False


def test_an_annotators_tick_is_refused_and_the_ranking_stored(
    sign_in: SignIn, call: Callable[..., Any], workspace: Workspace
) -> None:
    board = Board(sign_in("Ada", "annotator"), call)
    assert "mark" not in board.view
    assert board.send("rank", [1, 2, 3, 4], gold=True) == "Saved. Only a researcher can mark it."
    revised = board.previous()
    assert "mark" not in board.view
    board.send("revise", [4, 3, 2, 1], ranking=revised, gold=True)
    assert known(workspace) == []
    with workspace.store() as db:
        (standing,) = rankings.current(db)
    assert standing.supersedes == 1


def test_who_lost_the_role_meanwhile_marks_nothing(
    sign_in: SignIn, call: Callable[..., Any], workspace: Workspace
) -> None:
    board = Board(sign_in("Rosa", "researcher"), call)
    with workspace.store() as db, db.conn:
        db.execute("UPDATE annotators SET role = 'annotator' WHERE name = 'Rosa'")
    assert "Only a researcher" in board.send("rank", [1, 2, 3, 4], gold=True)
    assert known(workspace) == []


def test_all_tied_is_stored_and_no_known_answer(
    sign_in: SignIn, call: Callable[..., Any], workspace: Workspace
) -> None:
    board = Board(sign_in("Rosa", "researcher"), call)
    assert "not as gold. Ranking 1 puts nothing above anything" in board.send("rank", [1, 1, 1, 1], gold=True)
    with workspace.store() as db:
        assert len(rankings.current(db)) == 1
    assert known(workspace) == []


def test_a_changed_order_is_marked_kept_or_unmarked(
    sign_in: SignIn, call: Callable[..., Any], workspace: Workspace
) -> None:
    board = Board(sign_in("Rosa", "researcher"), call)
    board.send("rank", [1, 2, 3, 4], gold=False)
    # The first change marks it, the second keeps the mark, the third ties all, the fourth marks, the fifth unmarks.
    changes: list[tuple[list[int], bool, list[int], bool]] = [
        ([2, 1, 3, 4], True, [2], False),
        ([3, 2, 1, 4], True, [3], True),
        ([1, 1, 1, 1], True, [], True),
        ([1, 2, 2, 2], True, [5], False),
        ([1, 2, 3, 3], False, [], True),
    ]
    for levels, ticked, marked, was in changes:
        revised = board.previous()
        assert board.view["mark"]["checked"] is was
        message = board.send("revise", levels, ranking=revised, gold=ticked)
        assert ("not as gold" in message) == (levels == [1, 1, 1, 1])
        assert known(workspace) == marked


def test_unticked_leaves_the_known_answer_of_another(
    sign_in: SignIn, call: Callable[..., Any], workspace: Workspace, more_tasks: Callable[..., list[int]]
) -> None:
    with workspace.store() as db:
        more_tasks(db, count=1, overlap=2)
    rosa = Board(sign_in("Rosa", "researcher"), call)
    for _ in range(4):
        rosa.send("rank", [1, 2, 3, 4], gold=True)
    assert len(known(workspace)) == 4
    other = Board(sign_in("Ines", "researcher"), call)
    other.send("rank", [4, 3, 2, 1], gold=False)
    assert known(workspace) == [1, 2, 3, 4]


def test_skip_and_flag_mark_nothing(sign_in: SignIn, call: Callable[..., Any], workspace: Workspace) -> None:
    board = Board(sign_in("Rosa", "researcher"), call)
    for action in ("skip", "flag"):
        assert board.send(action, [], gold=True) == ""
    assert known(workspace) == []
