"""Whatever a program sends to whatever route: an answer that its description knows, and never the server's fault."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from store import rankings
from store.workspace import Workspace
from tests.annotate.test_any_request import NUMBERS, TEXTS, VALUES, many

IDS = st.sampled_from(["1", "0", "-1", "99", str(2**63 - 1), str(2**63), "x", "%00", "%ff", "1.5", " ", "é"])
QUERIES = st.dictionaries(
    st.sampled_from(["after", "limit", "prompt", "rating", "pseudonyms", "other"]),
    IDS | NUMBERS.map(str),
    max_size=3,
)
TURNS = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "king"]) | VALUES, "content": TEXTS | VALUES}
)
BODIES = {
    "/rankings": st.just({"lease": "LEASE", "levels": [1, 2, 2, 3]})
    | st.fixed_dictionaries(
        {},
        optional={
            "lease": st.just("LEASE") | VALUES,
            "kind": st.sampled_from(["ranked", "skipped", "flagged"]) | VALUES,
            "levels": st.permutations([1, 2, 3, 4]) | st.lists(st.integers(0, 5) | NUMBERS, max_size=5) | VALUES,
            "seconds": VALUES,
            "comment": VALUES,
            "other": VALUES,
        },
    ),
    "/prompts": st.fixed_dictionaries(
        {
            "prompts": st.lists(
                st.fixed_dictionaries(
                    {"messages": st.lists(TURNS, max_size=3) | VALUES},
                    optional={"split": st.sampled_from(["train", "eval", "test"]) | VALUES},
                ),
                max_size=3,
            )
            | VALUES
        }
    ),
    "/jobs": st.fixed_dictionaries(
        {"kind": st.sampled_from(["rate", "generate", "sft", "evaluate", "round", "loop"]) | VALUES},
        optional={
            "values": st.dictionaries(
                st.sampled_from(["prompts", "model", "data", "from_", "models", "judge", "force", "x"]),
                VALUES | st.sampled_from(["base", "1e3", "/dev/zero", "/etc/passwd"]),
                max_size=3,
            )
            | VALUES
        },
    ),
}
RAW = st.binary(max_size=40) | st.sampled_from([b"", b"{", b"[" * 20_000, b'{"lease": NaN}', b'{"lease": "\\ud800"}'])


@st.composite
def calls(draw: Any, paths: dict[str, list[str]]) -> tuple[str, str, dict[str, str], bytes]:
    """A route of the description with anything in its path, its query and its body."""
    path = draw(st.sampled_from(sorted(paths)) | st.sampled_from(sorted(BODIES)))
    method = draw(st.sampled_from(paths[path]))
    body = draw(BODIES.get(path, VALUES).map(json.dumps).map(str.encode) | RAW) if method == "post" else b""
    for name in ("prompt_id", "job_id", "name"):
        path = path.replace(f"{{{name}}}", draw(IDS))
    return method, path, draw(QUERIES), body


def any_call(program: Callable[..., Any], client: TestClient, workspace: Workspace, examples: int) -> None:
    described = client.get("/api/v1/openapi.json").json()["paths"]
    send = program("eva", "researcher")
    stored = set[int]()
    lease = send("POST", "/tasks/next").json()["task"]["lease"]

    @given(calls({path: list(methods) for path, methods in described.items()}))
    def check(called: tuple[str, str, dict[str, str], bytes]) -> None:
        method, path, query, body = called
        sent = body.replace(b"LEASE", lease.encode())
        answer = send(method.upper(), path, content=sent, params=query, headers={"content-type": "application/json"})
        known = next((told for name, told in described.items() if matches(name, path)), None)
        if known and method in known:
            assert str(answer.status_code) in known[method]["responses"], (called, answer.status_code, answer.text)
        else:
            assert answer.status_code in (404, 405)
        if answer.status_code >= 400:
            assert list(answer.json()) == ["error"]
            assert len(answer.json()["error"].splitlines()) == 1
        elif (method, path) == ("post", "/rankings"):
            stored.add(answer.json()["ranking"])

    many(examples)(check)()
    with workspace.store() as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert {ranking.id for ranking in rankings.of_annotator(db, "eva", 1000)} == stored


def matches(name: str, path: str) -> bool:
    mine, its = name.split("/"), path.split("/")
    return len(mine) == len(its) and all(a == b or a.startswith("{") for a, b in zip(mine, its, strict=True))


def test_any_call_has_an_answer(program: Callable[..., Any], client: TestClient, workspace: Workspace) -> None:
    any_call(program, client, workspace, 50)


@pytest.mark.slow
def test_many_calls_have_an_answer(program: Callable[..., Any], client: TestClient, workspace: Workspace) -> None:
    any_call(program, client, workspace, 400)
