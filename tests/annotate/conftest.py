"""A workspace with tasks to rank, and a client for the whole site.

The site is built once, because Gradio takes half a second for it; the folder that it serves is emptied and made
again for each test. That is safe because the site opens the store anew for each request.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate import app
from annotate.login import Door
from annotate.security import COOKIE, Brake
from store import annotators, models, prompts, responses, tasks
from store.records import Model, Response, Role, Task
from store.workspace import Workspace, create


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the workspace of every test here lies, one after the other."""
    return tmp_path_factory.mktemp("annotate") / "workspace"


@pytest.fixture(scope="session")
def door(folder: Path) -> Door:
    """The site's door, which has the only state of the process: its brake."""
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
def workspace(folder: Path) -> Workspace:
    """Three prompts with four responses each and one task a prompt."""
    if folder.exists():
        shutil.rmtree(folder)
    made = create(folder, "")
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
def client(workspace: Workspace, site: TestClient, door: Door) -> TestClient:
    """A browser without an account, before a site where nobody has failed to sign in."""
    site.cookies.clear()
    door.brake = Brake()
    return site


@pytest.fixture
def sign_in(workspace: Workspace, client: TestClient) -> Callable[[str, Role], TestClient]:
    """Gives the client the session of a new person."""

    def signed(name: str, role: Role) -> TestClient:
        with workspace.store() as db:
            annotators.add(db, name, role)
            client.cookies.set(COOKIE, annotators.open_session(db, name))
        return client

    return signed


@pytest.fixture
def more_tasks() -> Callable[..., list[int]]:
    """`add_tasks` for a test that needs other tasks."""
    return add_tasks


def add_tasks(db: Database, *, count: int, overlap: int, size: int = 4, text: str = "") -> list[int]:
    """`count` prompts with `size` responses each, and `overlap` twin tasks a prompt."""
    model_id = models.add(db, Model(f"hidden-model-{len(models.every(db))}", "policy", "tiny"))
    ids = []
    for number in range(count):
        turn = {"role": "user", "content": f"Question {model_id}.{number}"}
        (prompt_id,) = prompts.add(db, [prompts.make([turn], source="test", split="train")])
        answers = [Response(prompt_id, model_id, text or f"Answer {number}.{i}", i, {}, "stop") for i in range(size)]
        shown = tuple(responses.add(db, answers))
        ids += tasks.add(db, [Task(prompt_id, shown) for _ in range(overlap)])
    return ids
