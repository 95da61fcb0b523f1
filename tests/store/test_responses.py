"""What is kept of a response, and where it is shown."""

import sqlite3
from collections.abc import Callable

import pytest
from sqlite_utils import Database

from store import models, prompts, responses, tasks
from store.records import Model, Response, Task


def test_what_is_stored_is_what_is_read(db: Database) -> None:
    model = models.add(db, Model("base", "policy", "tiny"))
    (prompt,) = prompts.add(db, [prompts.make([{"role": "user", "content": "tea?"}], source="test")])
    written = [
        Response(prompt, model, "Grüße", 7, {"temperature": 0.5}, "stop", token_ids=(5, 0, 130_000)),
        Response(prompt, model, "", 8, {}, "length", token_ids=()),
        Response(prompt, model, "known by its text", 9, {}, "stop"),
        Response(prompt, None, "by hand", 0, {}, "imported", annotator="ada"),
    ]
    ids = responses.add(db, written)
    read = responses.of_prompt(db, prompt)
    assert [r.id for r in read] == ids
    assert [vars(r) | {"id": 0} for r in read] == [vars(r) for r in written]


def test_tokens_that_are_no_list_are_refused_by_the_file(db: Database, make_tasks: Callable[..., list[int]]) -> None:
    make_tasks(db)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE responses SET token_ids = '[1, 2'")


def test_a_prompt_is_shown_where_a_task_has_an_answer_of_that_version(db: Database) -> None:
    one, other = (models.add(db, Model(name, "policy", "tiny")) for name in ("base", "policy-1"))
    chats = [prompts.make([{"role": "user", "content": text}], source="test") for text in ("a", "b", "c")]
    a, b, c = prompts.add(db, chats)
    written = ((a, one), (a, other), (b, other), (b, other), (c, one))
    ids = responses.add(db, [Response(p, m, "x", 0, {}, "stop") for p, m in written])
    tasks.add(db, [Task(a, tuple(ids[:2])), Task(a, tuple(ids[:2])), Task(b, tuple(ids[2:4]))])
    assert responses.shown_of(db, one) == {a}
    assert responses.shown_of(db, other) == {a, b}
