"""`inbox` as it is typed: what annotators said, and what a researcher decides of it at the command line."""

from pathlib import Path

import pytest

from store import annotators, rankings, tasks
from tests.rlhf.commands.test_imports import Capture, Typed
from tests.tasks_to_rank import add_tasks


@pytest.fixture
def typed(tmp_path: Path, capsys: Capture) -> Typed:
    """Three tasks, flagged, skipped, and ranked with a comment; the numbers of what was said are 1, 2 and 3."""
    made = Typed(tmp_path / "ws", capsys)
    with made.workspace.store() as db:
        annotators.ensure(db, "Ada")
        for task, kind in zip(add_tasks(db, count=3, overlap=1), ("flagged", "skipped", "ranked"), strict=True):
            shown = tasks.get(db, task).response_ids
            held = tasks.lease(db, task, "Ada", shown)
            order = {response: level for level, response in enumerate(shown, start=1)}
            rankings.submit(db, str(held.lease), "Ada", order, kind=kind, comment=f"I {kind} it")
    return made


def test_it_lists_filters_and_decides(typed: Typed) -> None:
    told = typed("inbox", "list")
    assert (told["count"], told["open"]) == (3, {"flag": 1, "skip": 1, "comment": 1})
    assert [(v["id"], v["kind"], v["said"], v["held"]) for v in told["voices"]] == [
        (1, "flag", "I flagged it", True),
        (2, "skip", "I skipped it", False),
        (3, "comment", "I ranked it", False),
    ]
    assert [v["id"] for v in typed("inbox", "list", "--kind", "skip", "--person", "Ada")["voices"]] == [2]
    assert typed("prompts", "list")["count"] == 2
    assert typed("inbox", "put-back", 1) == {
        "action": "put-back",
        "voices": 1,
        "prompts": 1,
        "next": "Rate again, so that the scores know of it: python launch.py rate",
    }
    assert typed("prompts", "list")["count"] == 3
    assert typed("inbox", "read", 2)["prompts"] == 0
    assert typed("inbox", "take-out", 3)["prompts"] == 1
    assert [p["id"] for p in typed("prompts", "list", "--removed")["prompts"]] == [3]
    assert typed("inbox", "list")["voices"] == []
    assert [v["decision"] for v in typed("inbox", "list", "--decided")["voices"]] == ["put back", "read", "taken out"]


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("list", "1"), "takes no numbers"),
        (("read",), "was given 0 numbers"),
        (("read", "2", "--kind", "skip"), "choose what is listed"),
        (("read", "1"), "put it back, or take it out"),
        (("put-back", "9"), "no ranking 9"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(typed: Typed, argv: tuple[str, ...], why: str) -> None:
    assert why in typed("inbox", *argv)["refused"]
    assert typed("inbox", "list")["count"] == 3
