"""A store that another program holds, under a worker and the job that it looks after: both wait and go on."""

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from rlhf.commands.init import begin
from rlhf.commands.options import InitOptions
from store import jobs
from store.workspace import Workspace
from tests.drills.killed_jobs import PATIENCE_SECONDS, running, started
from tests.drills.table import Row


def drill(seconds: float) -> Row:
    """Hold the write lock for so long, once over an idle worker and once over a job."""
    broken = []
    with tempfile.TemporaryDirectory(prefix="drill-lock-") as folder:
        workspace = Workspace(Path(folder) / "workspace")
        begin(workspace.folder, InitOptions())
        worker = started(workspace)
        try:
            time.sleep(3)
            for under in ("an idle worker", "a job"):
                with workspace.store() as db:
                    number = jobs.enqueue(db, "generate", {"settings": {"generate": {"prompts": 8}}})
                if under == "a job":
                    running(workspace, number)
                _hold(workspace, seconds)
                if worker.poll() is not None:
                    broken.append(f"the worker ended under a lock over {under}")
                deadline = time.monotonic() + PATIENCE_SECONDS
                state = "queued"
                while state in ("queued", "running") and time.monotonic() < deadline:
                    time.sleep(0.2)
                    with workspace.store() as db:
                        state = jobs.get(db, number).state
                if state != "done":
                    broken.append(f"the job under {under} is {state}")
                print(f"lock over {under}: the job is {state}", file=sys.stderr)
        finally:
            worker.terminate()
            worker.wait(30)
    survived = f"{2 - len(broken)} of 2: worker alive, job done"
    command = f"python -m tests.drills lock --seconds {seconds:g}"
    what = "write lock held by another program"
    return Row(what, f"{seconds:g} s over an idle worker and over a job", survived, tuple(broken), command)


def _hold(workspace: Workspace, seconds: float) -> None:
    other = sqlite3.connect(workspace.database, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(seconds)
    other.rollback()
    other.close()
