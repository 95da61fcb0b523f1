"""The client and the lines of docs/api.md, against the site in a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import rankloop_client
from rankloop_client import Client, Refusal
from store import annotators, models, prompts, rankings, responses, scores, tokens
from store.workspace import Workspace, create
from tests.annotate.conftest import rate
from tests.server import ROOT, Server
from tests.tasks_to_rank import add_tasks

DOCS = (ROOT / "docs/api.md").read_text(encoding="utf-8")
EVERY = ("read", "rank", "write", "train")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A site with six tasks of which one is ranked, and a rating."""
    made = create(tmp_path_factory.mktemp("client") / "workspace", "")
    with made.store() as db:
        add_tasks(db, count=6, overlap=1)
        rate(db, {})
    server = Server(made)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def token(server: Server, request: pytest.FixtureRequest) -> str:
    name = f"eva {abs(hash(request.node.name))}"
    with server.workspace.store() as db:
        annotators.add(db, name, "researcher")
        return tokens.make(db, name, EVERY, "me")[1]  # type: ignore[arg-type]


def ran(command: list[str], **more: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | more, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_client_reads_and_does_all_that_there_is(server: Server, token: str) -> None:
    client = Client(server.url + "/", token)
    workspace: Workspace = server.workspace
    assert client.me()["scopes"] == sorted(EVERY)
    task = client.next_task()
    assert task is not None
    assert client.next_task() == task
    stored = client.rank(task.lease, [2, 1, 3, 2], seconds=4.5, comment="so")
    assert client.rank(task.lease, [2, 1, 3, 2], comment="so") == stored
    with pytest.raises(Refusal, match="and is another") as refused:
        client.rank(task.lease, [1, 1, 1, 1])
    assert refused.value.status == 409
    following = client.next_task()
    assert following is not None
    assert client.rank(following.lease, [1, 2, 3, 4], then_next=True).next == client.next_task()
    for answer in (client.skip, client.flag):
        again = client.next_task()
        assert again is not None
        assert answer(again.lease, comment="no").kind in ("skipped", "flagged")
    ids = client.add_prompts([[{"role": "user", "content": "Anything new?"}]], split="eval")
    with workspace.store() as db:
        assert [(p.id, tuple(p.messages)) for p in client.prompts()] == [
            (p.id, p.messages) for p in prompts.every(db)
        ]
        assert prompts.get(db, ids[0]).split == client.prompt(ids[0]).split == "eval"
        standing = {p.id for p in prompts.every(db)}  # without that which was flagged
        assert [r.id for r in client.responses()] == [r.id for r in responses.every(db) if r.prompt_id in standing]
        assert [r.id for r in client.responses(prompt=2)] == [r.id for r in responses.of_prompt(db, 2)]
        assert [(r.id, r.levels) for r in client.rankings()] == [(r.id, r.levels) for r in rankings.current(db)]
        rating = scores.require_latest(db).id
        assert [s.elo for s in client.scores(rating=rating)] == [s.elo for s in scores.of_rating(db, rating)]
        assert [m.name for m in client.models()] == [m.name for m in models.every(db)]
        assert len(list(client.export())) == rankings.count(db)
    assert client.model("hidden-model-0").kind == "policy"
    job = client.start("expand-prompts", count=3)
    assert client.job(job.id).params["count"] == 3
    assert client.cancel(job.id).state == "cancelled"
    assert [each.id for each in client.jobs()] == [job.id]
    for wrong, status in ((Client(server.url, "x"), 401), (client, 404)):
        with pytest.raises(Refusal) as told:
            wrong.model("a/b c")
        assert told.value.status == status


@pytest.mark.slow
def test_the_lines_of_the_page_work_as_they_stand(server: Server, token: str, tmp_path: Path) -> None:
    (shell,) = re.findall(r"```sh\n(.*?)```", DOCS, re.DOTALL)
    (python,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    lines = shell.replace("curl -s", "echo; curl -s --fail-with-body")
    answers = ran(["sh", "-e", "-c", lines], URL=server.url, TOKEN=token)
    told = answers.split("\n")
    assert told[0] == ""
    assert '"role":"researcher"' in told[1]
    assert '"lease"' in told[2]
    assert '"added":1' in told[3]
    assert '"next":2' in told[4]
    assert '"kind":"rate"' in told[5]
    assert '"annotator": "cy"' in told[6]
    script = tmp_path / "script.py"
    script.write_text(f"URL, TOKEN = {server.url!r}, {token!r}\n{python}")
    (tmp_path / "rankloop_client.py").write_text(Path(rankloop_client.__file__).read_text())
    shown = ran([sys.executable, str(script)])  # which finds the copy beside itself
    assert shown.splitlines()[-1] == "cancelled"
    with server.workspace.store() as db:
        (ranking,) = [r for r in rankings.current(db) if r.comment == "by length"]
        assert sorted(ranking.levels.values()) == [1, 2, 3, 4]


def test_every_route_has_a_method_and_every_field_a_place(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()
    text = Path(rankloop_client.__file__).read_text()
    for path in described["paths"]:
        assert re.sub(r"\{\w+\}.*", "", path) in text, path
    for name in ("Task", "Stored", "Prompt", "Response", "Ranking", "Score", "Model", "Job"):
        fields = set(getattr(rankloop_client, name).__dataclass_fields__)
        assert fields == set(described["components"]["schemas"][name]["properties"]), name
