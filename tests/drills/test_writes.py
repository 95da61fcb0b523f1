"""What counts as a write of a job, at which a drill may kill it."""

import threading
from pathlib import Path

import pytest

from store import jobs, leases
from store.workspace import Workspace, create
from tests.drills.writes import Writes, watch


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create(tmp_path / "workspace", "")


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Writes:
    writes = Writes(lambda: None)
    watch(writes, monkeypatch.setattr)
    return writes


def test_a_beat_is_no_point_of_the_work_however_often_it_comes(workspace: Workspace, watched: Writes) -> None:
    with workspace.store() as db:
        job = jobs.start(db, "rate", {}, 1, owner=False)
        number = db.execute("SELECT number FROM leases").fetchone()[0]
    before = len(watched.seen)
    assert before

    def beat() -> None:
        with workspace.store() as db:
            leases.beat(db, number)

    for _ in range(3):
        beats = threading.Thread(target=beat)
        beats.start()
        beats.join()
    assert len(watched.seen) == before
    with workspace.store() as db:
        assert db.execute("SELECT beats FROM leases").fetchone()[0] >= 3
        jobs.finish(db, job.id, {})
    assert [name.split()[0] for name in watched.seen[before:]] == ["before", "after"]
