"""The page /mine: one's own answers, nobody else's, each with its way back to the Rank page."""

import re
from collections.abc import Callable

from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate import mine, queue
from store import annotators, rankings, tasks
from store.records import Role
from tests.annotate.test_hostile import assert_escaped_once, attack

SignIn = Callable[[str, Role], TestClient]


def test_ones_own_answers_the_newest_first_and_which_can_be_changed(sign_in: SignIn, db: Database) -> None:
    client = sign_in("Kim", "annotator")
    assert "not ranked anything yet" in client.get("/mine/").text
    made = []
    for act in ("rank", "skip", "flag"):
        task = queue.next_task(db, "Kim")
        assert task
        lease, words = str(task.lease), attack(act)
        if act == "rank":
            made.append(queue.submit(db, "Kim", lease, [2, 1, 2, 3], comment=words))
        else:
            made.append((queue.skip if act == "skip" else queue.flag)(db, "Kim", lease, comment=words))
    text = client.get("/mine/").text
    assert_escaped_once(text, "rank", "skip", "flag")
    assert re.findall(r"#answer-(\d+)", text) == [str(said.id) for said in reversed(made)]
    assert "B, then A = C, then D" in text
    annotators.ensure(db, "bo")
    skipped = tasks.get(db, made[1].task_id)
    tasks.lease(db, skipped.id, "bo", skipped.shown_order)
    changed = queue.revise(db, "Kim", made[0].id, [1, 2, 3, 4])
    text = client.get("/mine/").text
    assert re.findall(r"#answer-(\d+)", text) == [str(changed.id), str(made[2].id)], "bo has what was skipped"
    assert text.count("does not count") == 1  # the flag's prompt
    other = sign_in("Lee", "annotator").get("/mine/").text
    assert attack("rank") not in other
    assert "#answer-" not in other


def test_no_more_than_the_last_ones(sign_in: SignIn, db: Database, more_tasks: Callable[..., list[int]]) -> None:
    client = sign_in("Kim", "annotator")
    for task_id in more_tasks(db, count=mine.MOST + 2, overlap=1, size=2):
        task = tasks.lease(db, task_id, "Kim", tasks.get(db, task_id).response_ids)
        rankings.submit(db, str(task.lease), "Kim", dict.fromkeys(task.response_ids, 1))
    assert client.get("/mine/").text.count("<li>") == mine.MOST
