"""The interface for programs: who may do what, and that it does what the pages do."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from annotate.security import COOKIE
from rlhf.exports.dataset import rankings_to
from store import annotators, jobs, models, people, prompts, rankings, responses, scores, sessions, tasks, tokens
from store.workspace import Workspace
from tests.annotate.api.conftest import EVERY

Program = Callable[..., Any]
ROUTES = {
    ("GET", "/me"): None,
    ("POST", "/tasks/next"): "rank",
    ("POST", "/rankings"): "rank",
    ("GET", "/prompts"): "read",
    ("POST", "/prompts"): "write",
    ("GET", "/prompts/1"): "read",
    ("GET", "/responses"): "read",
    ("GET", "/rankings"): "read",
    ("GET", "/scores"): "read",
    ("GET", "/models"): "read",
    ("GET", "/models/base"): "read",
    ("GET", "/jobs"): "read",
    ("POST", "/jobs"): "train",
    ("GET", "/jobs/1"): "read",
    ("POST", "/jobs/1/cancel"): "train",
    ("GET", "/export/rankings"): "read",
}


def test_each_route_asks_for_its_scope_and_for_no_other(program: Program, client: TestClient) -> None:
    senders = {scope: program(f"eva {scope}", "researcher", scope) for scope in EVERY}
    for (method, path), needed in ROUTES.items():
        refused = client.request(method, f"/api/v1{path}")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer"), path
        for scope, send in senders.items():
            answer = send(method, path)
            wanted = needed in (scope, None)
            assert (answer.status_code == 403) is not wanted, (path, scope, answer.text)
            if not wanted:
                assert f"needs the scope {needed} and the token has {scope}" in answer.json()["error"]


def test_the_routes_are_those(client: TestClient) -> None:
    told = client.get("/api/v1/openapi.json").json()["paths"]
    names = {"/prompts/1": "/prompts/{prompt_id}", "/models/base": "/models/{name}"}
    names |= {"/jobs/1": "/jobs/{job_id}", "/jobs/1/cancel": "/jobs/{job_id}/cancel"}
    assert {(method.upper(), path) for path, methods in told.items() for method in methods} == {
        (method, names.get(path, path)) for method, path in ROUTES
    }
    for (method, path), needed in ROUTES.items():
        security = told[names.get(path, path)][method.lower()]["security"]
        assert security == [{"token": [needed] if needed else []}]


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic YTpi"}, {"Authorization": b"Bearer \xe9"}]
)
def test_without_a_token_nothing_is_opened_though_a_person_is_signed_in(
    client: TestClient, workspace: Workspace, header: dict[str, Any]
) -> None:
    with workspace.store() as db:
        annotators.add(db, "Rosa", "admin")
        client.cookies.set(COOKIE, sessions.open_session(db, "Rosa"))
    assert client.post("/api/v1/tasks/next", headers=header).status_code == 401
    with workspace.store() as db:
        assert tasks.held_by(db, "Rosa") is None


def test_a_revoked_token_and_a_closed_account_open_nothing(
    program: Program, client: TestClient, workspace: Workspace
) -> None:
    first, second = program("eva"), program("kim")
    assert first("GET", "/me").json() == {"name": "eva", "role": "researcher", "scopes": sorted(EVERY)}
    with workspace.store() as db:
        tokens.revoke(db, tokens.every(db)[0].id, "me")
        people.disable(db, "kim", "me")
    for send in (first, second):
        assert send("GET", "/me").status_code == 401
    assert "opens nothing" in first("GET", "/me").json()["error"]


def test_a_page_of_another_site_sends_nothing(program: Program) -> None:
    send = program("eva")
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert send("POST", "/tasks/next", headers=headers).status_code == 403


def test_who_ranks_gets_texts_and_no_more_and_what_is_sent_is_what_is_stored(
    program: Program, workspace: Workspace
) -> None:
    send = program("ada", "annotator")
    task = send("POST", "/tasks/next").json()["task"]
    assert set(task) == {"lease", "prompt", "responses"}
    assert "hidden-model" not in str(task)
    assert send("POST", "/tasks/next").json()["task"] == task  # who asks again is given the same
    sent = {"lease": task["lease"], "levels": [2, 1, 3, 2], "seconds": 7.5, "comment": " the third is rude "}
    stored = send("POST", "/rankings", sent).json()
    with workspace.store() as db:
        ranking = rankings.get(db, stored["ranking"])
        texts = {response.id: response.text for response in responses.of_task(db, ranking.task_id)}
    said = dict(zip(task["responses"], sent["levels"], strict=True))
    assert {texts[response]: level for response, level in ranking.levels.items()} == said
    assert (ranking.annotator, ranking.seconds, ranking.comment) == ("ada", 7.5, "the third is rude")
    assert send("POST", "/rankings", sent).json() == stored
    other = send("POST", "/rankings", sent | {"levels": [1, 2, 3, 2]})
    assert (other.status_code, f"Ranking {stored['ranking']} was stored" in other.json()["error"]) == (409, True)
    assert send("POST", "/rankings", {"lease": task["lease"], "kind": "skipped"}).status_code == 409
    with workspace.store() as db:
        assert [r.id for r in rankings.of_annotator(db, "ada")] == [stored["ranking"]]


def test_a_lease_is_nobody_elses(program: Program, workspace: Workspace) -> None:
    ada, bo = program("ada", "annotator"), program("bo", "annotator")
    task = ada("POST", "/tasks/next").json()["task"]
    for lease in (task["lease"], "guessed"):
        assert bo("POST", "/rankings", {"lease": lease, "levels": [1, 2, 3, 4]}).status_code == 409
    with workspace.store() as db:
        assert rankings.newest(db) == 0


def test_tasks_are_skipped_and_flagged_until_none_is_left(program: Program, workspace: Workspace) -> None:
    send = program("ada", "annotator")
    for kind in ("skipped", "flagged", "skipped"):
        lease = send("POST", "/tasks/next").json()["task"]["lease"]
        answers = [send("POST", "/rankings", {"lease": lease, "kind": kind, "next": True}).json() for _ in range(2)]
        assert answers[0] == answers[1]
        assert send("POST", "/tasks/next").json()["task"] == answers[0]["next"]
        assert answers[0]["kind"] == kind
    assert send("POST", "/tasks/next").json() == {"task": None}
    with workspace.store() as db:
        assert [r.kind for r in rankings.of_annotator(db, "ada")] == ["skipped", "flagged", "skipped"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"levels": [1, 2, 3]}, 400),
        ({"levels": [1, 1, 3, 3]}, 400),
        ({"kind": "skipped"}, 400),
        ({"levels": [1, 2, 3, 4.5]}, 422),
        ({"levels": [1, 2, 3, True]}, 422),
        ({"levels": ["1", 2, 3, 4]}, 422),
        ({"levels": [0, 1, 2, 3]}, 422),
        ({"kind": "judged"}, 422),
        ({"seconds": -1}, 422),
        ({"comment": "x" * 4001}, 422),
        ({"comment": "a\0b"}, 422),
        ({"gold": True}, 422),
    ],
)
def test_a_ranking_that_does_not_fit_is_refused_in_words(
    program: Program, workspace: Workspace, change: dict[str, Any], status: int
) -> None:
    send = program("ada", "annotator")
    task = send("POST", "/tasks/next").json()["task"]
    answer = send("POST", "/rankings", {"lease": task["lease"], "levels": [1, 2, 3, 4], **change})
    assert answer.status_code == status
    assert answer.json()["error"].count("\n") == 0
    with workspace.store() as db:
        assert rankings.newest(db) == 0


def test_prompts_are_added_once_all_or_none(program: Program, workspace: Workspace) -> None:
    send = program("eva")

    def new(*contents: str, role: str = "user") -> list[Any]:
        return [{"messages": [{"role": role, "content": content}]} for content in contents]

    evals = [prompt | {"split": "eval"} for prompt in new("New 0", "New 1")]
    assert send("POST", "/prompts", {"prompts": evals}).json() == {"ids": [4, 5], "added": 2}
    assert send("POST", "/prompts", {"prompts": new("New 1", "New 0")}).json() == {"ids": [5, 4], "added": 0}
    for wrong in (new("no", role="assistant"), new(" "), new("a", role="king")):
        assert send("POST", "/prompts", {"prompts": new("fit") + wrong}).status_code == 400
    with workspace.store() as db:
        assert [(p.text, p.split, p.source) for p in prompts.every(db)[3:]] == [
            ("New 0", "eval", "api:eva"),
            ("New 1", "eval", "api:eva"),
        ]


def walked(send: Any, path: str, limit: int) -> list[Any]:
    found, after = [], 0
    while after is not None:
        page = send("GET", path, params={"after": after, "limit": limit}).json()
        assert len(page["items"]) <= limit
        found += page["items"]
        after = page["next"]
    return found


def test_page_by_page_everything_comes_once(
    program: Program, workspace: Workspace, rated: Callable[..., Any]
) -> None:
    send = program("eva")
    with workspace.store() as db:
        rating = rated(db, {})
        job = jobs.enqueue(db, "rate")
        prompts.remove(db, [3])
        stored = {
            "/prompts": [p.id for p in prompts.every(db)],
            "/responses": [r.id for r in responses.every(db) if r.prompt_id != 3],
            "/rankings": [r.id for r in rankings.current(db)],
            "/models": [m.id for m in models.every(db)],
            "/jobs": [job],
        }
        elos = [(s.response_id, s.elo) for s in scores.of_rating(db, rating.id)]
    for path, ids in stored.items():
        for limit in (1, 3, 1000):
            assert [item["id"] for item in walked(send, path, limit)] == ids, (path, limit)
    assert [(s["response_id"], s["elo"]) for s in walked(send, "/scores", 2)] == elos
    of_one = send("GET", "/responses", params={"prompt": 2}).json()["items"]
    assert {r["prompt_id"] for r in of_one} == {2}
    assert len(of_one) == 4
    (ranking,) = send("GET", "/rankings").json()["items"]
    with workspace.store() as db:
        assert {int(k): v for k, v in ranking["levels"].items()} == rankings.get(db, ranking["id"]).levels
    assert send("GET", "/models/hidden-model-0").json()["kind"] == "policy"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/prompts/99", 404),
        ("/models/none", 404),
        ("/jobs/99", 404),
        ("/scores", 409),
        ("/scores?rating=9", 404),
        ("/prompts?limit=0", 422),
        ("/prompts?limit=1001", 422),
        ("/prompts?after=x", 422),
        (f"/prompts/{2**63}", 422),
        ("/nothing", 404),
    ],
)
def test_what_is_not_there_is_said_in_words(program: Program, path: str, status: int) -> None:
    answer = program("eva")("GET", path, headers={"accept": "text/html"})
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_jobs_start_once_as_on_the_page_and_are_cancelled(program: Program, workspace: Workspace) -> None:
    send = program("eva")
    started = send("POST", "/jobs", {"kind": "rate"}).json()
    assert (started["kind"], started["state"]) == ("rate", "queued")
    again = send("POST", "/jobs", {"kind": "rate"})
    assert (again.status_code, "is queued already" in again.json()["error"]) == (409, True)
    filled = send("POST", "/jobs", {"kind": "generate", "values": {"prompts": 3, "temperature": "0.5"}}).json()
    assert filled["params"]["settings"] == {
        "generate": {"prompts": 3},
        "sampling": {"temperature": 0.5, "max_new_tokens": 64},
    }
    for wrong, status, said in (
        ({"kind": "evaluate", "values": {"judge_command": "rm -rf /"}}, 400, "judge_command"),
        ({"kind": "ppo", "values": {}}, 409, "no reward model"),
        ({"kind": "rate", "values": {"again": True}}, 400, "nothing to fill in"),
        ({"kind": "loop"}, 400, "No job of kind 'loop'"),
        ({"kind": "answer"}, 400, "No job of kind 'answer'"),
        ({"kind": "generate", "values": {"prompts": -1}}, 400, "prompts"),
    ):
        answer = send("POST", "/jobs", wrong)
        assert (answer.status_code, said in answer.json()["error"]) == (status, True), (wrong, answer.text)
    assert send("POST", f"/jobs/{started['id']}/cancel").json()["state"] == "cancelled"
    assert send("GET", f"/jobs/{started['id']}").json()["state"] == "cancelled"
    assert send("POST", "/jobs/77/cancel").status_code == 404
    with workspace.store() as db:
        assert [job.state for job in jobs.recent(db)] == ["queued", "cancelled"]


def test_the_stream_has_what_the_command_writes(
    program: Program, workspace: Workspace, rated: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    send = program("eva")
    with workspace.store() as db:
        rated(db, {})
    rankings_to(workspace, tmp_path / "out.jsonl", "raw", pseudonyms=False)
    written = (tmp_path / "out.jsonl").read_text().splitlines()
    for at_once in (1, 2, 200):
        monkeypatch.setattr("annotate.api.reading.AT_ONCE", at_once)
        answer = send("GET", "/export/rankings")
        assert answer.headers["content-type"].startswith("application/jsonl")
        assert [json.loads(line) for line in answer.text.splitlines()] == [json.loads(line) for line in written]
    assert "cy" not in send("GET", "/export/rankings", params={"pseudonyms": True}).text


def test_what_is_too_long_is_refused_before_it_is_read(program: Program) -> None:
    answer = program("eva")("POST", "/prompts", {"prompts": ["x" * 1_000_000]})
    assert (answer.status_code, "at most 1000000 bytes" in answer.json()["error"]) == (413, True)


def test_a_store_that_is_not_there_is_no_fault_of_the_program(program: Program, workspace: Workspace) -> None:
    send = program("eva")
    workspace.database.rename(workspace.database.with_name("away"))
    answer = send("GET", "/prompts", headers={"accept": "text/html"})
    assert (answer.status_code, str(workspace.folder) in answer.text, "error" in answer.json()) == (503, False, True)
