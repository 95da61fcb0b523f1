"""A workspace with tasks to rank, and a client for the whole site.

The site is built once, because Gradio takes half a second for it; the folder that it serves is emptied and made
again for each test. That is safe because the site opens the store anew for each request.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate import app
from annotate.login import Door
from annotate.security import COOKIE
from store import annotators, rankings, responses, scores, sessions, tasks
from store.records import PairAgreement, Rating, Role
from store.workspace import Workspace
from tests.tasks_to_rank import add_tasks


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the workspace of every test here lies, one after the other."""
    return tmp_path_factory.mktemp("annotate") / "workspace"


@pytest.fixture(scope="session")
def door(folder: Path) -> Door:
    """The site's door."""
    return Door(Workspace(folder))


@pytest.fixture(scope="session")
def site(folder: Path, door: Door) -> Iterator[TestClient]:
    """The whole site, with its event loop running."""
    with pytest.MonkeyPatch.context() as building:
        building.setattr(app, "Door", lambda workspace: door)
        whole = app.build(Workspace(folder))
    with TestClient(whole, follow_redirects=False) as opened:
        yield opened


@pytest.fixture
def workspace(folder: Path, fresh: Callable[[Path], Workspace]) -> Workspace:
    """Three prompts with four responses each and one task a prompt."""
    if folder.exists():
        shutil.rmtree(folder)
    made = fresh(folder)
    with made.store() as db:
        add_tasks(db, count=3, overlap=1)
    return made


@pytest.fixture
def db(workspace: Workspace) -> Iterator[Database]:
    """A connection of this thread, with one annotator in the store."""
    with workspace.store() as opened:
        annotators.ensure(opened, "ada")
        annotators.ensure(opened, "bo")
        yield opened


@pytest.fixture
def client(workspace: Workspace, site: TestClient) -> TestClient:
    """A browser without an account, before a site where nobody has failed to sign in."""
    site.cookies.clear()
    return site


@pytest.fixture
def sign_in(workspace: Workspace, client: TestClient) -> Callable[[str, Role], TestClient]:
    """Gives the client the session of a new person."""

    def signed(name: str, role: Role) -> TestClient:
        with workspace.store() as db:
            annotators.add(db, name, role)
            client.cookies.set(COOKIE, sessions.open_session(db, name))
        return client

    return signed


@pytest.fixture
def more_tasks() -> Callable[..., list[int]]:
    """`add_tasks` for a test that needs other tasks."""
    return add_tasks


@pytest.fixture
def call() -> Callable[..., Any]:
    """`call(client, "/annotate", "answer", {"action": "next"})`: what an endpoint answers with, None if it fails."""

    def called(client: TestClient, area: str, name: str, event: dict[str, Any] | None = None) -> Any:
        config = client.get(f"{area}/config").json()
        ids = [d["id"] for d in config["dependencies"] if d["api_name"] == name]
        body = {"data": [], "fn_index": ids[0], "session_hash": "test", "event_data": event}
        return client.post(f"{area}/gradio_api/run/predict", json=body).json().get("data")

    return called


@pytest.fixture
def act() -> Callable[..., str]:
    """`act(client, "cancel", job=3)`: why the research page's act was refused; empty where it was done."""

    def acted(client: TestClient, name: str, **sent: Any) -> str:
        answer = client.post(f"/api/{name}", json=sent)
        assert (answer.status_code == 200) == ("error" not in answer.json())
        return str(answer.json().get("error", ""))

    return acted


@pytest.fixture
def rated() -> Callable[..., Rating]:
    """`rate`, for a test that needs a rating with figures of its own."""
    return rate


@pytest.fixture
def line() -> Callable[..., dict[str, Any]]:
    """`line("Ada", tau=0.4)`: one annotator's line as a rating stores it, nothing known but what is named."""

    def made(name: str, **known: Any) -> dict[str, Any]:
        unknown = dict.fromkeys(("tau", "log_loss", "reliability", "consistency", "gold_accuracy", "seconds"))
        return {"name": name, "rankings": 12, **unknown, "repeats": 0, "gold": 0, "flagged": False, **known}

    return made


@pytest.fixture
def board() -> Callable[..., dict[str, Any]]:
    """`board("hidden-model-0", "policy-2", share=0.7)`: a stored leaderboard of a base and a newest version."""

    def made(base: str, newest: str, /, **told: Any) -> dict[str, Any]:
        return {
            "versions": [
                {"name": newest, "elo": 1123.4, "low": 1080.2, "high": 1166.6, "comparisons": 310, "prompts": 64},
                {"name": base, "elo": 1000.0, "low": 1000.0, "high": 1000.0, "comparisons": 310, "prompts": 64},
            ],
            "decision": "newest beats base",
            "newest": newest,
            "base": base,
            "share": 0.71,
            "low": 0.58,
            "high": 0.84,
            "prompts": 64,
            "generator": None,
            "judges": "people",
            "rankings": 240,
            **told,
        }

    return made


def rate(
    db: Database, metrics: dict[str, Any], *, pairs: tuple[PairAgreement, ...] = (), first: float = 1100.0
) -> Rating:
    """A stored rating of one ranking by cy, whose responses have Elo `first`, 60 less, and so on."""
    annotators.ensure(db, "cy")
    for pair in pairs:
        annotators.ensure(db, pair.annotator)
        annotators.ensure(db, pair.other)
    task_id = tasks.free_for(db, "cy")[0]
    shown = [response.id for response in responses.of_task(db, task_id)]
    lease = tasks.lease(db, task_id, "cy", shown).lease
    ranking = rankings.submit(db, str(lease), "cy", {response: i for i, response in enumerate(shown, 1)})
    rows = [(response, first - 60 * i, 41.0 + i, 3) for i, response in enumerate(shown)]
    scores.save(db, Rating("davidson", {}, metrics, ranking.id), rows, pairs)
    return scores.require_latest(db)
