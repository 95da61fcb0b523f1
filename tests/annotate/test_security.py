"""Who may come in, what is refused, and what each answer carries."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from annotate import security
from annotate.acts import ACTS
from annotate.security import COOKIE
from store import annotators, attempts, jobs, models, rankings, sessions, tasks
from store.attempts import TooManyAttempts
from store.records import Role
from store.workspace import Workspace

SignIn = Callable[[str, Role], TestClient]
JOIN = {"name": "Ada", "password": "correct horse"}


def invite(workspace: Workspace, role: Role = "annotator", **uses: Any) -> str:
    with workspace.store() as db:
        return sessions.invite(db, role, **uses)


def test_strangers_are_sent_to_the_door(client: TestClient) -> None:
    for path in ("/", "/annotate", "/annotate/", "/research", "/research/"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    for path in ("/annotate/config", "/research/config", "/research/gradio_api/info", "/research/theme.css"):
        assert client.get(path).status_code == 401
    assert client.get("/api/me").status_code == 401
    assert client.post("/api/renew", json={"lease": "x"}).status_code == 401


def test_join_by_invitation_then_sign_out_and_in(client: TestClient, workspace: Workspace) -> None:
    token = invite(workspace)
    assert "rank responses" in client.get(f"/join?token={token}").text
    joined = client.post("/join", data=JOIN | {"token": token})
    assert (joined.status_code, joined.headers["location"]) == (303, "/")
    cookie = joined.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.get("/").headers["location"] == "/annotate"
    assert client.get("/api/me").json() == {"name": "Ada", "role": "annotator"}
    assert client.post("/join", data={"token": token, "name": "Bo", "password": "correct horse"}).status_code == 410
    assert client.post("/logout").headers["location"] == "/login"
    assert client.get("/api/me").status_code == 401
    assert client.post("/login", data=JOIN).status_code == 303
    assert client.get("/api/me").json()["name"] == "Ada"


def test_a_link_for_many(client: TestClient, workspace: Workspace) -> None:
    token = invite(workspace, uses=None)
    for name in ("Ada", "Bo", "Cy"):
        assert (
            client.post("/join", data={"token": token, "name": name, "password": "correct horse"}).status_code == 303
        )


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": "Ada", "password": "short"}, "at least 8 characters"),
        ({"name": "", "password": "correct horse"}, "1 to 80 characters"),
        ({"name": "simulated:x", "password": "correct horse"}, "kept for programs"),
        ({"name": '"><script>alert(1)</script>', "password": "short"}, "&lt;script&gt;"),
    ],
)
def test_a_refused_join_says_why_and_keeps_the_invitation(
    client: TestClient, workspace: Workspace, sent: dict[str, str], said: str
) -> None:
    token = invite(workspace)
    answer = client.post("/join", data=sent | {"token": token})
    assert answer.status_code == 400
    assert said in answer.text
    assert "<script>" not in answer.text
    assert client.post("/join", data=JOIN | {"token": token}).status_code == 303


def test_a_taken_name_is_refused(client: TestClient, workspace: Workspace) -> None:
    for status in (303, 400):
        assert client.post("/join", data=JOIN | {"token": invite(workspace)}).status_code == status


def test_tokens_lie_hashed_in_the_store(client: TestClient, workspace: Workspace) -> None:
    token = invite(workspace)
    client.post("/join", data=JOIN | {"token": token})
    session = client.cookies[COOKIE]
    dump = "\n".join(sqlite3.connect(workspace.database).iterdump())
    assert token not in dump
    assert session not in dump
    assert "correct horse" not in dump


def test_an_expired_session_and_a_disabled_account_are_out(sign_in: SignIn, workspace: Workspace) -> None:
    client = sign_in("Ada", "annotator")
    assert client.get("/api/me").status_code == 200
    with workspace.store() as db, db.conn:
        db.execute("UPDATE annotators SET active = 0")
    assert client.get("/api/me").status_code == 401
    with workspace.store() as db, db.conn:
        db.execute("UPDATE annotators SET active = 1")
        db.execute("UPDATE sessions SET expires = 1")
    assert client.get("/annotate/config").status_code == 401


def test_wrong_passwords_are_slowed_down(client: TestClient, workspace: Workspace) -> None:
    client.post("/join", data=JOIN | {"token": invite(workspace)})
    client.post("/logout")
    for _ in range(5):
        assert client.post("/login", data={"name": "Ada", "password": "wrong wrong"}).status_code == 401
    refused = client.post("/login", data=JOIN)
    assert refused.status_code == 429
    assert "wait 15 minutes" in refused.text


def test_the_brake_counts_per_pair_address_and_name(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1e9]
    monkeypatch.setattr(attempts.time, "time", lambda: now[0])
    with workspace.store() as db:
        for _ in range(5):
            attempts.begin(db, "Ada", "1.1.1.1")
        with pytest.raises(TooManyAttempts):
            attempts.begin(db, " ADA ", "1.1.1.1")
        attempts.begin(db, "Ada", "2.2.2.2")
        for i in range(25):
            attempts.begin(db, f"name {i}", "1.1.1.1")
        with pytest.raises(TooManyAttempts):
            attempts.begin(db, "somebody", "1.1.1.1")
        for i in range(94):
            attempts.begin(db, "ada", f"3.3.3.{i}")
        with pytest.raises(TooManyAttempts):
            attempts.begin(db, "Ada", "2.2.2.2")
        now[0] += 901.0
        for _ in range(5):
            attempts.begin(db, "Ada", "1.1.1.1")
        attempts.succeeded(db, "Ada", "1.1.1.1")
        attempts.begin(db, "Ada", "1.1.1.1")
        assert db["attempts"].count == 1  # what counts no more is gone
        now[0] -= 1e6  # a clock that is set back locks nobody out
        for _ in range(5):
            attempts.begin(db, "Ada", "1.1.1.1")
        for i in range(30):
            attempts.begin(db, f"other {i}", f"2001:db8::{i:x}:1")
        with pytest.raises(TooManyAttempts):
            attempts.begin(db, "somebody", "2001:db8::ffff")
        attempts.begin(db, "somebody", "2001:db8:0:1::1")


def test_of_many_guesses_at_once_no_more_are_tried_than_are_allowed(
    client: TestClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    monkeypatch.setattr("store.annotators.verify", lambda db, name, password: tried.append(password))
    with ThreadPoolExecutor(16) as threads:
        sent = [{"name": "Ada", "password": f"guess {n}"} for n in range(24)]
        codes = list(threads.map(lambda data: client.post("/login", data=data).status_code, sent))
    assert (len(tried), codes.count(401)) == (5, 5)
    assert set(codes) <= {401, 429, 503}
    with workspace.store() as db, pytest.raises(TooManyAttempts):  # as a server that was started again counts
        attempts.begin(db, "Ada", "testclient")

    def allowed(_: int) -> bool:
        with workspace.store() as mine:
            try:
                attempts.begin(mine, "Bo", "9.9.9.9")
            except TooManyAttempts:
                return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(allowed, range(12))) == 5
    assert "guess" not in "\n".join(sqlite3.connect(workspace.database).iterdump())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"origin": "http://testserver"}, 401),
        ({"sec-fetch-site": "same-origin", "origin": "http://outside-of-the-proxy"}, 401),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_writes_from_elsewhere_are_refused(client: TestClient, headers: dict[str, str], status: int) -> None:
    assert client.post("/login", data=JOIN, headers=headers).status_code == status


def test_no_origin_is_allowed_to_read(sign_in: SignIn) -> None:
    client = sign_in("Rosa", "researcher")
    for path in ("/annotate/config", "/research/config", "/api/me"):
        answer = client.get(path, headers={"origin": "http://evil.example"})
        assert "access-control-allow-origin" not in answer.headers
        preflight = {"origin": "http://evil.example", "access-control-request-method": "POST"}
        assert "access-control-allow-origin" not in client.options(path, headers=preflight).headers


def test_headers_of_every_answer(sign_in: SignIn) -> None:
    client = sign_in("Rosa", "researcher")
    for path in ("/login", "/annotate/", "/research/", "/research/config", "/healthz", "/nowhere"):
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src" in headers["content-security-policy"]
    assert "script-src" not in client.get("/login").headers["content-security-policy"]


def test_pages_name_no_foreign_host_to_fetch_from(sign_in: SignIn) -> None:
    client = sign_in("Rosa", "researcher")
    for area in ("/annotate", "/research"):
        theme = client.get(f"{area}/theme.css").text
        assert "http" not in theme.replace("http://www.w3.org", "")
        assert not client.get(f"{area}/config").json().get("stylesheets")


def endpoints(config: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for dependency in config["dependencies"]:
        yield dependency["id"], dependency["api_name"]


def test_an_annotator_gets_nothing_of_the_research_page(sign_in: SignIn, workspace: Workspace) -> None:
    listed = list(endpoints(sign_in("Rosa", "researcher").get("/research/config").json()))
    assert {"draw", "draw_1", "draw_2", "asking"} <= {name for _, name in listed}
    client = sign_in("Ada", "annotator")
    assert client.get("/research/").headers["location"] == "/"
    for path in ("config", "gradio_api/info", "gradio_api/openapi.json", "gradio_api/queue/data", "theme.css"):
        assert client.get(f"/research/{path}").status_code == 403
    for fn_index, name in listed:
        body = {"data": [], "fn_index": fn_index, "session_hash": "x", "event_data": {"job": 1, "model": 1}}
        for path in ("run/predict", "api/predict", f"run/{name}", f"call/{name}", "queue/join"):
            assert client.post(f"/research/gradio_api/{path}", json=body).status_code == 403
    for act in ACTS:
        assert client.post(f"/api/{act}", json={"kind": "rate", "job": 1, "model": 1}).status_code == 403
    with workspace.store() as db:
        assert jobs.recent(db) == []
        assert models.promotions(db) == []


@pytest.mark.parametrize("inner", ["/annotate", "/research"])
def test_handlers_ask_for_themselves(
    client: TestClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, inner: str
) -> None:
    """With the gate open, each handler still refuses a stranger."""

    async def let_all_in(gate: security.Gate, scope: Any) -> None:
        scope["annotator"] = security.Annotator("nobody", "admin")

    monkeypatch.setattr(security.Gate, "_refusal", let_all_in)
    config = client.get(f"{inner}/config").json()
    for fn_index, _ in endpoints(config):
        body = {"data": [], "fn_index": fn_index, "session_hash": "x", "event_data": {"action": "next", "model": 1}}
        answer = client.post(f"{inner}/gradio_api/run/predict", json=body)
        assert answer.status_code in (403, 500)  # Gradio's own refusals come as 500, with the words of gr.Error
        assert "signed out" in answer.json()["error"]
        assert "data" not in answer.json()
    for act in ACTS:
        assert client.post(f"/api/{act}", json={"kind": "rate", "job": 1, "model": 1}).status_code == 403
    with workspace.store() as db:
        assert jobs.recent(db) == []
        assert models.promotions(db) == []
        assert rankings.count(db) == 0


def test_renewing_a_lease_needs_to_hold_it(sign_in: SignIn, workspace: Workspace) -> None:
    client = sign_in("Ada", "annotator")
    with workspace.store() as db:
        annotators.ensure(db, "bo")
        mine = tasks.lease(db, 1, "Ada", tasks.get(db, 1).response_ids, seconds=1)
        other = tasks.lease(db, 2, "bo", tasks.get(db, 2).response_ids)
        assert client.post("/api/renew", json={"lease": mine.lease}).status_code == 200
        assert (tasks.get(db, 1).leased_until or 0) > (mine.leased_until or 0) + 60
        assert client.post("/api/renew", json={"lease": other.lease}).status_code == 409
    assert client.post("/api/renew", json={}).status_code == 422


def test_health(client: TestClient, workspace: Workspace) -> None:
    assert client.get("/healthz").json() == {"ok": True}
    workspace.database.rename(workspace.database.with_suffix(".gone"))
    assert client.get("/healthz").status_code == 503


@pytest.mark.slow
def test_the_web_process_carries_no_training_library() -> None:
    code = "import annotate.app, sys; print({'torch', 'transformers', 'peft', 'trl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_id_beyond_what_the_store_holds_is_nobodys(
    sign_in: SignIn, call: Callable[..., Any], workspace: Workspace
) -> None:
    client = sign_in("Rosa", "admin")
    for number in (2**63, -(2**63) - 1, 10**40):
        event = {"nonce": "1", "action": "previous", "ranking": number}
        (told,) = call(client, "/annotate", "answer", event)
        assert told["answer"]["message"] == "There is nothing of yours before this."
        event = {"nonce": "2", "action": "revise", "ranking": number, "levels": [1, 2, 3, 4]}
        (told,) = call(client, "/annotate", "answer", event)
        assert told["answer"]["message"] == "Not saved. There is no ranking 0. Your choices are kept."
