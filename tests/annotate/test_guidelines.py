"""Guidelines have versions: researchers write them, everybody reads them, a ranking knows which one was shown."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate import queue
from store import guidelines, rankings
from store.errors import BadInput
from store.records import Role
from tests.annotate.test_hostile import assert_escaped_once, attack

SignIn = Callable[[str, Role], TestClient]
Call = Callable[..., Any]


def write(client: TestClient, text: str, after: int) -> Any:
    return client.post("/guidelines/write", data={"text": text, "after": str(after)})


def test_a_researcher_writes_a_version_and_everybody_reads_it(sign_in: SignIn, call: Call, db: Database) -> None:
    rosa = sign_in("Rosa", "researcher")
    assert write(rosa, "# Be\r\n\r\n**useful**", 0).status_code == 303
    assert write(rosa, "# Be\r\n\r\n**useful**", 0).status_code == 303, "pressed twice"
    assert write(rosa, f"be *kind*, {attack('text')}", 1).status_code == 303
    assert [(g.id, g.by, g.text) for g in guidelines.every(db)] == [
        (2, "Rosa", f"be *kind*, {attack('text')}"),
        (1, "Rosa", "# Be\n\n**useful**"),
    ]
    whole = rosa.get("/guidelines/").text
    assert re.findall(r"Version (\d) *, by Rosa", whole) == ["2", "1"]
    assert "<strong>useful</strong>" in whole
    eva = sign_in("Eva", "annotator")
    read = eva.get("/guidelines/").text
    assert "be <em>kind</em>" in read
    assert "<form" not in read.partition("<main>")[2]
    assert_escaped_once(read, "text")
    assert write(eva, "Be lenient.", 2).status_code == 403
    told = call(eva, "/annotate", "load")[0]["guidelines"]
    assert (told["version"], "be <em>kind</em>" in told["html"]) == (2, True)
    assert_escaped_once(told["html"], "text")
    assert len(guidelines.every(db)) == 2


def test_two_researchers_do_not_write_over_each_other(sign_in: SignIn, db: Database) -> None:
    rosa = sign_in("Rosa", "researcher")
    write(rosa, "first", 0)
    refused = write(rosa, "from an old page", 0)
    assert refused.status_code == 400
    assert "Rosa stored version 1 meanwhile" in refused.text
    assert "from an old page</textarea>" in refused.text, "what was typed is kept"
    assert [g.text for g in guidelines.every(db)] == ["first"]


def test_a_ranking_keeps_the_version_that_its_author_saw(db: Database) -> None:
    unguided = queue.next_task(db, "ada")
    assert unguided
    assert queue.submit(db, "ada", str(unguided.lease), [1, 2, 3, 4]).guideline_id is None
    first = guidelines.write(db, "one", "rosa")
    task = queue.next_task(db, "ada")
    assert task
    second = guidelines.write(db, "two", "rosa")  # while the task is on ada's page
    stored = queue.submit(db, "ada", str(task.lease), [1, 2, 3, 4])
    assert stored.guideline_id == first.id
    assert queue.revise(db, "ada", stored.id, [4, 3, 2, 1]).guideline_id == second.id
    last = queue.next_task(db, "ada")
    assert last
    third = guidelines.write(db, "three", "rosa")
    assert queue.view(db, "ada")["task"]["lease"] == last.lease  # she loads the page anew
    assert queue.submit(db, "ada", str(last.lease), [1, 2, 3, 4]).guideline_id == third.id
    assert rankings.get(db, stored.id).guideline_id == first.id


@pytest.mark.parametrize("text", ["", " \n ", "a\0b", "\ud800", "x" * (guidelines.LONGEST + 1)])
def test_what_is_no_text_is_no_version(db: Database, text: str) -> None:
    with pytest.raises(BadInput):
        guidelines.write(db, text, "rosa")
    assert guidelines.newest(db) is None
