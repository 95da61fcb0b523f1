"""The board's own line: the same answers as by Gradio, one opening of the store, and refusals in words."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate.line import ADDRESS
from store import annotators, rankings
from store.db import Guard
from store.workspace import Workspace

Call = Callable[..., Any]
SignIn = Callable[..., TestClient]


def test_a_ranking_is_stored_and_the_next_task_comes_as_by_gradio(
    sign_in: SignIn, call: Call, workspace: Workspace
) -> None:
    client = sign_in("eve", "annotator")
    (first,) = call(client, "/annotate", "load")
    asked = client.post(ADDRESS, json={"action": "next", "nonce": "n"})
    assert asked.json() == first | {"answer": {"nonce": "n", "stored": False, "message": ""}}
    lease = first["task"]["lease"]
    sent = {"action": "rank", "nonce": "m", "lease": lease, "levels": [4, 3, 2, 1], "seconds": 2, "comment": "hm"}
    told = client.post(ADDRESS, json=sent).json()
    assert told["answer"] == {"nonce": "m", "stored": True, "message": ""}
    assert told["task"]["lease"] != lease
    with workspace.store() as db:
        (stored,) = rankings.current(db)
    assert (stored.annotator, stored.comment, stored.seconds) == ("eve", "hm", 2)
    (by_gradio,) = call(client, "/annotate", "answer", sent)
    assert by_gradio == told
    earlier = client.post(ADDRESS, json={"action": "previous"}).json()
    assert earlier["task"]["revises"] == stored.id


def test_one_opening_of_the_store_answers(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sign_in("eve", "annotator")
    opened, really = [], Workspace.store

    def counted(self: Workspace, guard: Guard | None = None) -> AbstractContextManager[Database]:
        opened.append(guard)
        return really(self, guard)

    monkeypatch.setattr(Workspace, "store", counted)
    lease = client.post(ADDRESS, json={"action": "next"}).json()["task"]["lease"]
    sent = {"action": "rank", "lease": lease, "levels": [1, 2, 3, 4]}
    assert client.post(ADDRESS, json=sent).json()["answer"]["stored"]
    assert len(opened) == 2


def test_strangers_and_other_sites_are_refused(client: TestClient, sign_in: SignIn, workspace: Workspace) -> None:
    refused = client.post(ADDRESS, json={"action": "next"})
    assert (refused.status_code, refused.json()) == (403, {"error": "You are signed out: sign in again."})
    signed = sign_in("eve", "annotator")
    foreign = signed.post(ADDRESS, json={"action": "next"}, headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 403
    assert signed.get(ADDRESS).status_code == 405
    with workspace.store() as db, db.conn:
        db.execute("UPDATE annotators SET active = 0 WHERE name = 'eve'")
        assert not annotators.get(db, "eve").active
    assert signed.post(ADDRESS, json={"action": "next"}).status_code == 403


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "7", "[" * 200_000, '"' + "x" * 10, "\ud83d"])
def test_what_is_no_object_is_refused_in_words(sign_in: SignIn, body: str) -> None:
    answer = sign_in("eve", "annotator").post(ADDRESS, content=body.encode("utf-8", "surrogatepass"))
    assert answer.status_code == 400
    assert "reload the page" in answer.json()["error"]
