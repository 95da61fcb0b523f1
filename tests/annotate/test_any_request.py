"""Whatever is sent to whatever address: an answer in words, the fault of whoever sent it, and nothing half stored."""

import json
import string
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from annotate.acts import ACTS
from annotate.security import COOKIE
from store import annotators, rankings, sessions
from store.workspace import Workspace

TEXTS = st.sampled_from(["", "a", "\0", "a\0b", "\ud800", "\x1b[0m", "\u202e", "e\u0301", "x" * 9000]) | st.text(
    st.characters(), max_size=20
)
NUMBERS = st.sampled_from([0, 1, -1, 2**31, 2**63 - 1, 2**63, -(2**70), 10**400, 0.5, -0.0, 1e308]) | st.floats()
PLAIN = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3))
LEVELS = st.lists(st.integers(-1, 5) | NUMBERS, max_size=5) | st.permutations([1, 2, 3, 4])
ACTIONS = st.sampled_from(["rank", "revise", "skip", "flag", "previous", "next"])
EVENT = st.fixed_dictionaries(
    {"action": ACTIONS | VALUES},
    optional={
        "nonce": VALUES,
        "lease": st.just("LEASE") | VALUES,
        "levels": LEVELS | VALUES,
        "seconds": VALUES,
        "comment": VALUES,
        "ranking": VALUES,
        "gold": VALUES,
        "job": VALUES,
        "model": VALUES,
    },
)
CALL = st.fixed_dictionaries({"data": st.just([]), "fn_index": st.integers(-1, 12), "event_data": EVENT | VALUES})
ADDRESSES = (
    "/api/renew",
    *(f"/api/{act}" for act in ACTS),
    *(f"/{page}/gradio_api/{route}" for page in ("annotate", "research") for route in ("run/predict", "queue/join")),
    "/annotate/gradio_api/api/predict",
    "/api/board",
    "/research/gradio_api/call/watched",
    "/annotate/gradio_api/reset",
    "/annotate/gradio_api/upload",
)
BODIES = (
    VALUES.map(json.dumps)
    | st.dictionaries(st.sampled_from(["lease", "data", "fn_index", "event_data", "session_hash"]), VALUES).map(
        json.dumps
    )
    | st.binary(max_size=40)
    | st.sampled_from(["", "{", "[" * 20_000, '{"lease": NaN}', '{"lease": "\\ud800"}'])
)
KINDS = st.sampled_from(["application/json", "text/plain", "multipart/form-data", "application/octet-stream"])
FORMS = st.dictionaries(
    st.sampled_from(["token", "name", "password"]), TEXTS.map(lambda t: t.encode("utf-8", "replace").decode())
)
CHARACTERS = string.ascii_letters + string.digits


def many(examples: int) -> Any:
    """The same requests at each run."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def in_words(answer: Any) -> None:
    """The server took it, or says in words why not; never that it failed itself."""
    assert answer.status_code < 500, (answer.status_code, answer.text[:300])
    assert "Traceback" not in answer.text
    if answer.status_code >= 400:
        assert sum(letter in CHARACTERS for letter in answer.text) > 10, answer.text


@pytest.fixture
def asked(sign_in: Callable[..., TestClient], workspace: Workspace, call: Callable[..., Any]) -> Any:
    """Send one request as an admin who holds a task; the word LEASE in it is the task's lease."""
    client = sign_in("Rosa", "admin")
    (view,) = call(client, "/annotate", "load")
    cookie = client.cookies[COOKIE]

    def send(address: str, body: str | bytes, kind: str) -> Any:
        client.cookies.set(COOKIE, cookie)
        if isinstance(body, str):
            body = body.replace("LEASE", view["task"]["lease"])
        return client.post(address, content=body, headers={"content-type": kind})

    return send


def any_body(asked: Any) -> None:
    @given(st.sampled_from(ADDRESSES), BODIES, KINDS)
    def check(address: str, body: str | bytes, kind: str) -> None:
        in_words(asked(address, body, kind))

    many(150)(check)()


def any_call(asked: Any, workspace: Workspace, examples: int) -> None:
    acknowledged = []

    @given(st.sampled_from(["annotate", "research"]), CALL)
    def check(page: str, called: Any) -> None:
        answer = asked(f"/{page}/gradio_api/run/predict", json.dumps(called), "application/json")
        in_words(answer)
        told = (answer.json().get("data") or [None])[0] if answer.status_code == 200 else None
        if isinstance(told, dict) and (told.get("answer") or {}).get("stored"):
            acknowledged.append(called)

    many(examples)(check)()
    with workspace.store() as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert bool(rankings.of_annotator(db, "Rosa")) == bool(acknowledged)


def test_any_body_to_any_address(asked: Any) -> None:
    any_body(asked)


def test_any_call_of_the_pages(asked: Any, workspace: Workspace) -> None:
    any_call(asked, workspace, 150)


@pytest.mark.slow
def test_many_calls_of_the_pages(asked: Any, workspace: Workspace) -> None:
    any_call(asked, workspace, 1000)


def test_any_form_at_the_doors(client: TestClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.sessions.ACCOUNTS_AN_HOUR", 10_000)
    monkeypatch.setattr("store.annotators._scrypt", lambda password, salt=b"0": f"scrypt${salt.hex()}$00")
    with workspace.store() as db:
        token = sessions.invite(db, "annotator", uses=None)

    @given(st.sampled_from(["/login", "/join", "/logout"]), FORMS, st.booleans())
    def check(address: str, sent: dict[str, str], invited: bool) -> None:
        client.cookies.clear()
        in_words(client.post(address, data=sent | ({"token": token, "password": "correct horse"} if invited else {})))

    many(150)(check)()
    with workspace.store() as db:
        for person in annotators.every(db):
            assert person.name.isprintable(), person


def test_any_form_of_an_admin(asked: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.annotators._scrypt", lambda password, salt=b"0": f"scrypt${salt.hex()}$00")
    monkeypatch.setattr("store.attempts.LIMITS", ())
    acts = ("invite", "revoke", "role", "reset", "disable", "enable")
    fields = st.sampled_from(["name", "role", "uses", "days", "number", "old", "new"])
    values = TEXTS | st.sampled_from(["Rosa", "admin", "annotator", "1", "NaN", str(2**63), "-1", "1e9", "\u0661"])
    forms = st.dictionaries(fields, values.map(lambda text: text.encode("utf-8", "replace").decode()))

    @given(st.sampled_from([*(f"/admin/{act}" for act in acts), "/account/password"]), forms)
    def check(address: str, sent: dict[str, str]) -> None:
        in_words(asked(address, urlencode(sent), "application/x-www-form-urlencoded"))

    many(40)(check)()
    with workspace.store() as db:
        assert annotators.get(db, "Rosa").role == "admin"


@pytest.mark.parametrize("origin", ["http://[::1", "http://]", "null", "\x80"])
def test_an_origin_that_is_no_address_is_another_site(client: TestClient, origin: str) -> None:
    answer = client.post("/api/renew", json={"lease": "a"}, headers={"origin": origin.encode("latin-1")})
    assert (answer.status_code, answer.json()) == (403, {"error": "This request comes from another site."})


def test_a_page_of_another_version_is_told_to_reload(asked: Any) -> None:
    for number in (99, -5):
        body = f'{{"data": [], "fn_index": {number}}}'
        answer = asked("/annotate/gradio_api/run/predict", body, "application/json")
        assert (answer.status_code, "reload" in answer.json()["error"]) == (404, True)


def test_what_the_research_page_refuses_has_the_status_of_a_refusal(asked: Any) -> None:
    answer = asked("/api/cancel", json.dumps({"job": 7}), "application/json")
    assert (answer.status_code, answer.json()["error"]) == (404, "There is no job 7.")
