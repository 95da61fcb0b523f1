"""Whatever goes wrong under the pages comes as words, with a status that says whose fault it is."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from annotate import app
from store import rankings
from store.workspace import Workspace

SignIn = Callable[..., TestClient]
ROUTES = ("/", "/api/me", "/annotate", "/research", "/annotate/config")


def moved(workspace: Workspace) -> None:
    workspace.folder.rename(workspace.folder.with_name("elsewhere"))


def not_a_database(workspace: Workspace) -> None:
    for path in workspace.folder.glob("feedback.db*"):
        path.unlink()
    workspace.database.write_bytes(b"not a database at all" * 100)


def locked(workspace: Workspace) -> None:
    """An index of what is read at each request is gone, as if a page of the file were."""
    with sqlite3.connect(workspace.database) as raw:
        raw.execute("DROP TABLE sessions")


@pytest.fixture(autouse=True)
def put_back(folder: Path) -> Iterator[None]:
    yield
    if (away := folder.with_name("elsewhere")).exists():
        away.rename(folder)


@pytest.mark.parametrize("hurt", [moved, not_a_database, locked])
def test_no_request_ends_in_a_bare_500(
    sign_in: SignIn, workspace: Workspace, hurt: Callable[[Workspace], None]
) -> None:
    client = sign_in("Rosa", "admin")
    hurt(workspace)
    for route in ROUTES:
        for accept in ("text/html", "application/json"):
            answer = client.get(route, headers={"accept": accept})
            assert "Traceback" not in answer.text
            if answer.status_code == 500:
                assert "please report" in answer.text, route
            assert len(answer.text) > 40, route
            assert answer.headers["x-frame-options"] == "DENY"
            if accept == "application/json" and route == "/api/me":
                away = hurt is not locked
                assert ("whoever runs it" if away else "sessions") in answer.json()["error"]
            # Nobody can be known where the store is away: it is not said where it should be.
            assert str(workspace.folder) not in answer.text
            if hurt is not locked:
                assert answer.status_code == 503, route
            if accept == "text/html" and route == "/":
                assert "Something is wrong" in answer.text


def test_a_store_that_was_away_is_found_again(
    sign_in: SignIn, workspace: Workspace, call: Callable[..., Any]
) -> None:
    client = sign_in("Ada", "annotator")
    moved(workspace)
    assert client.get("/api/me").status_code == 503
    workspace.folder.with_name("elsewhere").rename(workspace.folder)
    assert client.get("/api/me").json()["name"] == "Ada"
    assert call(client, "/annotate", "load")[0]["task"]


def test_what_the_board_asks_for_fails_in_words(
    sign_in: SignIn, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in("Ada", "annotator")
    config = client.get("/annotate/config").json()
    (number,) = [d["id"] for d in config["dependencies"] if d["api_name"] == "load"]

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("annotate.queue.next_task", full)
    body = {"data": [], "fn_index": number, "session_hash": "t", "event_data": None}
    answer = client.post("/annotate/gradio_api/run/predict", json=body)
    assert answer.status_code == 503
    assert "free disk space" in answer.json()["error"]


def full(*_: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def surprised(*_: object) -> None:
    raise ZeroDivisionError("division by zero")


@pytest.mark.parametrize(("fails", "said"), [(full, "free disk space"), (surprised, "ZeroDivisionError")])
@pytest.mark.parametrize("where", ["annotate.queue.next_task", "store.tasks.lease", "annotate.queue.progress"])
def test_what_is_stored_is_told_though_no_task_can_be_given(
    sign_in: SignIn, workspace: Workspace, call: Callable[..., Any], fails: Any, said: str, where: str
) -> None:
    client = sign_in("Ada", "annotator")
    (view,) = call(client, "/annotate", "load")
    event = {"nonce": "1", "action": "rank", "lease": view["task"]["lease"], "levels": [1, 2, 3, 4]}
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(where, fails)
        told = call(client, "/annotate", "answer", event)
        assert told, "the answer is lost, though the ranking is stored"
        assert (told[0]["answer"]["stored"], told[0]["answer"]["nonce"], told[0]["task"]) == (True, "1", None)
        assert said in told[0]["trouble"]
    (told,) = call(client, "/annotate", "answer", event | {"nonce": "2"})  # sent again, it is stored once
    assert told["answer"]["stored"]
    assert told["task"]["lease"] != view["task"]["lease"]
    assert "trouble" not in told
    with workspace.store() as db:
        assert rankings.count(db) == 1


@pytest.mark.parametrize("change", [{"levels": [4, 3, 2, 1]}, {"comment": "on second thoughts"}])
def test_another_order_after_no_answer_is_not_said_to_be_stored(
    sign_in: SignIn, workspace: Workspace, call: Callable[..., Any], change: dict[str, Any]
) -> None:
    client = sign_in("Ada", "annotator")
    (view,) = call(client, "/annotate", "load")
    event = {"nonce": "1", "action": "rank", "lease": view["task"]["lease"], "levels": [1, 2, 3, 4], "comment": ""}
    call(client, "/annotate", "answer", event)  # stored, and its answer lost on the way
    (told,) = call(client, "/annotate", "answer", event | change)
    assert "press Previous" in told["answer"]["message"], "what was sent now is not what is stored"
    assert told["task"]["lease"] != view["task"]["lease"]
    (told,) = call(client, "/annotate", "answer", event)
    assert (told["answer"]["stored"], told["answer"]["message"]) == (True, "")
    with workspace.store() as db:
        assert rankings.count(db) == 1


def test_a_disk_that_fills_before_the_ranking_is_stored_keeps_the_choices(
    sign_in: SignIn, workspace: Workspace, call: Callable[..., Any]
) -> None:
    client = sign_in("Ada", "annotator")
    (view,) = call(client, "/annotate", "load")
    event = {"nonce": "1", "action": "rank", "lease": view["task"]["lease"], "levels": [1, 2, 3, 4]}
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr("store.db._begin", full)
        (told,) = call(client, "/annotate", "answer", event)
        assert not told["answer"]["stored"]
        assert "Not saved." in told["answer"]["message"]
        assert "free disk space" in told["trouble"]
    (told,) = call(client, "/annotate", "answer", event)
    assert told["answer"]["stored"]


def test_a_disk_that_is_full_before_anybody_is_known_is_words(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate knows the person, and a moment later the handler asks again."""
    client = sign_in("Ada", "annotator")
    config = client.get("/annotate/config").json()
    (number,) = [d["id"] for d in config["dependencies"] if d["api_name"] == "answer"]
    monkeypatch.setattr("annotate.ranking.require", full)
    body = {"data": [], "fn_index": number, "session_hash": "t", "event_data": {"action": "next"}}
    answer = client.post("/annotate/gradio_api/run/predict", json=body)
    assert answer.status_code == 503
    assert "free disk space" in answer.json()["error"]


def test_a_mark_that_cannot_be_taken_away_loses_no_answer(
    sign_in: SignIn, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in("Rosa", "researcher")
    (view,) = call(client, "/annotate", "load")
    event = {"nonce": "1", "action": "rank", "lease": view["task"]["lease"], "gold": True}
    (told,) = call(client, "/annotate", "answer", event | {"levels": [1, 2, 3, 4]})
    (earlier,) = call(client, "/annotate", "answer", {"nonce": "2", "action": "previous"})
    monkeypatch.setattr("store.checks.unmark_gold", full)
    change = {"nonce": "3", "action": "revise", "ranking": earlier["task"]["revises"], "gold": True}
    (told,) = call(client, "/annotate", "answer", change | {"levels": [1, 1, 1, 1]})
    assert told["answer"]["stored"]
    assert "Saved, but not as gold" in told["answer"]["message"]


def test_an_error_of_the_program_is_said_to_be_one_and_logged(
    sign_in: SignIn, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in("Ada", "annotator")

    def surprise(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(app, "signed_in", surprise)
    answer = client.get("/api/me")
    assert answer.status_code == 500
    assert "ZeroDivisionError" in answer.json()["error"]
    assert "Traceback" in caplog.text
