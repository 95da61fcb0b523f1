"""What a test sees of a job while somebody else does it."""

import time
from collections.abc import Callable

from store import jobs
from store.records import Job
from store.workspace import Workspace


def look(workspace: Workspace, job: int = 1) -> Job:
    with workspace.store() as db:
        return jobs.get(db, job)


def wait(until: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, f"waited {seconds} s"
        time.sleep(0.02)
