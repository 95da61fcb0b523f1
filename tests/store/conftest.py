"""A workspace with an empty store, and a hand that fills it with tasks."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from store import annotators, models, processes, prompts, responses, tasks
from store.records import Model, Response, Task
from store.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, fresh: Callable[[Path], Workspace]) -> Workspace:
    return fresh(tmp_path / "workspace")


@pytest.fixture
def db(workspace: Workspace) -> Iterator[Database]:
    with workspace.store() as opened:
        for name in ("ada", "bo", "cy"):
            annotators.ensure(opened, name)
        yield opened


@pytest.fixture
def make_tasks() -> Callable[..., list[int]]:
    """`count` prompts of three responses with `twins` tasks each; returns the tasks' ids, twins side by side."""

    def make(db: Database, count: int = 1, twins: int = 1) -> list[int]:
        model = models.add(db, Model(f"model-{len(models.every(db))}", "policy", "tiny"))
        ids = []
        for number in range(count):
            turn = {"role": "user", "content": f"Question {model}.{number}"}
            (prompt,) = prompts.add(db, [prompts.make([turn], source="test")])
            answers = [Response(prompt, model, f"Answer {i}", i, {}, "stop") for i in range(3)]
            shown = tuple(responses.add(db, answers))
            ids += tasks.add(db, [Task(prompt, shown) for _ in range(twins)])
        return ids

    return make


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Our own clock in seconds, which a test moves."""
    now = [1000.0]
    monkeypatch.setattr(processes.time, "monotonic", lambda: now[0])
    processes.forget()
    return now
