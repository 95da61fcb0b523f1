"""Practice: a newcomer ranks known answers first and sees the known order; nothing of it counts or comes again."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate import queue
from store import checks, rankings, tasks
from store.records import Role
from store.workspace import Workspace

SignIn = Callable[[str, Role], TestClient]
Call = Callable[..., Any]
KNOWN = [2, 1, 2, 3]


@pytest.fixture
def known(db: Database, workspace: Workspace, more_tasks: Callable[..., list[int]]) -> list[int]:
    """Three prompts with a known answer by ada and an open twin each, and two to practise on; the prompts' ids."""
    (workspace.folder / "workspace.toml").write_text("[annotate]\npractice = 2\n")
    prompts = []
    for task_id in [tasks.free_for(db, "ada", 9)[0] for _ in range(1)] + more_tasks(db, count=2, overlap=1):
        task = tasks.lease(db, task_id, "ada", tasks.get(db, task_id).response_ids)
        levels = dict(zip(task.response_ids, KNOWN, strict=True))
        checks.mark_gold(db, rankings.submit(db, str(task.lease), "ada", levels, comment="B is right").id)
        tasks.add(db, [tasks.get(db, task_id)])
        prompts.append(task.prompt_id)
    return prompts


def in_known_order(db: Database, view: Any, known: list[int], number: int) -> list[int]:
    """The levels that are right for the responses in the order in which a practice task shows them."""
    gold = next(g for g in checks.gold(db) if g.prompt_id == known[number])
    texts = {r["id"]: r["text"] for r in db.query("SELECT id, text FROM responses")}
    by_text = {texts[response]: level for response, level in gold.levels.items()}
    return [by_text[text] for text in view["task"]["written"]]


def test_a_newcomer_practises_and_then_ranks(
    call: Call, sign_in: SignIn, db: Database, known: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "GOLD_SHARE", 1.0)
    kim = sign_in("Kim", "annotator")
    before = rankings.newest(db)

    def send(**sent: Any) -> Any:
        return call(kim, "/annotate", "answer", {"nonce": "n", **sent})[0]

    (first,) = call(kim, "/annotate", "load")
    assert first["task"]["practice"] == {"number": 1, "of": 2, "feedback": ""}
    assert call(kim, "/annotate", "load")[0]["task"] == first["task"], "a reload shows the same"
    right = in_known_order(db, first, known, 0)
    told = send(action="rank", lease=first["task"]["lease"], levels=right)
    feedback = told["task"]["practice"]["feedback"]
    assert "all 5 pairs" in feedback
    assert "Why: B is right" in feedback
    best = "ABCD"[right.index(1)]
    assert f"which is {best}, then " in feedback
    second = send(action="next")
    assert second["task"]["practice"]["number"] == 2
    assert send(action="skip", lease=second["task"]["lease"])["answer"]["message"].startswith(
        "Not saved. This is pract"
    )
    wrong = [4 - level for level in in_known_order(db, second, known, 1)]
    assert (
        "0 of 5 pairs"
        in (send(action="rank", lease=second["task"]["lease"], levels=wrong)["task"]["practice"]["feedback"])
    )
    again = send(action="rank", lease=second["task"]["lease"], levels=wrong)
    assert again["answer"]["message"].startswith("Not saved. This practice is over")
    assert rankings.newest(db) == before, "nothing of it is a ranking"
    seen = []
    view = send(action="next")
    while view["task"]:
        assert "practice" not in view["task"]
        held = tasks.held_by(db, "Kim")
        assert held
        seen.append(held.prompt_id)
        view = send(action="rank", lease=view["task"]["lease"], levels=[1, 2, 3, 4])
    assert set(known[:2]).isdisjoint(seen), "whoever has seen the answer is not asked"
    assert known[2] in seen


def test_who_has_ranked_before_or_where_none_is_set_does_not_practise(
    call: Call, sign_in: SignIn, db: Database, known: list[int], workspace: Workspace
) -> None:
    lee = sign_in("Lee", "annotator")
    task = queue.next_task(db, "Lee")
    assert task
    queue.skip(db, "Lee", str(task.lease))
    assert "practice" not in call(lee, "/annotate", "load")[0]["task"]
    (workspace.folder / "workspace.toml").write_text("")
    assert "practice" not in call(sign_in("Max", "annotator"), "/annotate", "load")[0]["task"]
    assert known
