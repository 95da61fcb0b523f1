"""What a test sees of a job while somebody else does it."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import launch
from store import jobs, leases
from store.records import Job
from store.workspace import Workspace

ROOT = Path(__file__).resolve().parents[3]


def look(workspace: Workspace, job: int = 1) -> Job:
    with workspace.store() as db:
        return jobs.get(db, job)


def wait(until: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, f"waited {seconds} s"
        time.sleep(0.02)


def after(until: Callable[[], bool], act: Callable[[], object]) -> threading.Thread:
    """Do something from another thread, as soon as it is time."""
    thread = threading.Thread(target=lambda: (wait(until, 20), act()))
    thread.start()
    return thread


def waiting(workspace: Workspace, job: int = 1) -> Callable[[], bool]:
    """Whether the loop is there and waits for rankings."""
    return lambda: jobs_of(workspace) >= job and "waiting" in look(workspace, job).note


def jobs_of(workspace: Workspace) -> int:
    with workspace.store() as db:
        return int(db["jobs"].count)


def cancel(workspace: Workspace, job: int = 1) -> None:
    assert launch.main(["cancel", str(job), "--workspace", str(workspace.folder)]) == 0


def all_jobs(workspace: Workspace) -> list[Job]:
    with workspace.store() as db:
        return jobs.recent(db)[::-1]


def held(workspace: Workspace) -> list[leases.Lease]:
    with workspace.store() as db:
        return leases.held(db)
