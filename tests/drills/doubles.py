"""Several processes that want the same at one instant: one gets it, and the others are told who has it."""

import multiprocessing
import os
import sys
import tempfile
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from rlhf.jobs.execute import start
from store import jobs, leases
from store.db import writing
from store.errors import Busy
from store.workspace import Workspace, create
from tests.drills.table import Row

AT_ONCE = 3
_FORK = multiprocessing.get_context("fork")


def drill(times: int) -> Row:
    """So many times, `AT_ONCE` processes begin a training job of one workspace at the same instant."""
    broken = []
    with tempfile.TemporaryDirectory(prefix="drill-doubles-") as folder:
        workspace = create(Path(folder) / "workspace", "")
        for n in range(times):
            told = _together(_begin, workspace)
            if told.count("began") != 1 or told.count("refused") != AT_ONCE - 1:
                broken.append(f"time {n + 1}: {', '.join(told)}")
    command = f"python -m tests.drills doubles --times {times}"
    survived = f"{times - len(broken)} with one that began and {AT_ONCE - 1} that were refused"
    return Row(f"{AT_ONCE} trainings begun at once", f"{times} times", survived, tuple(broken), command)


def drill_left(times: int) -> Row:
    """So many jobs whose worker died, each before `AT_ONCE` + 1 live workers that look at one instant."""
    broken = []
    with tempfile.TemporaryDirectory(prefix="drill-left-") as folder:
        workspace = create(Path(folder) / "workspace", "")
        for n in range(times):
            with workspace.store() as db:
                number = jobs.enqueue(db, "rate")
            dead = _FORK.Process(target=_claim, args=(workspace,))
            dead.start()
            dead.join()
            told = _together(_take, workspace, AT_ONCE + 1)
            with workspace.store() as db, writing(db):
                if told.count(str(number)) != 1:
                    broken.append(f"job {number}: taken {told.count(str(number))} times")
                db.execute("UPDATE jobs SET state = 'done' WHERE id = ?", [number])
                for lease in leases.held(db):
                    leases.release(db, lease.number)
            if n % 25 == 24:
                print(f"left jobs: {n + 1}, {len(broken)} broken", file=sys.stderr)
    command = f"python -m tests.drills left --times {times}"
    what = f"a dead worker's job before {AT_ONCE + 1} live ones"
    return Row(what, f"{times} jobs", f"{times - len(broken)} taken once", tuple(broken), command)


def _together(act: Any, workspace: Workspace, count: int = AT_ONCE) -> list[str]:
    """What each of several processes says that act at one instant."""
    ready, over = _FORK.Barrier(count), _FORK.Barrier(count)
    said: Any = _FORK.Queue()
    crowd = [_FORK.Process(target=_act, args=(act, workspace, ready, over, said)) for _ in range(count)]
    for process in crowd:
        process.start()
    told = [said.get(timeout=60) for _ in crowd]
    for process in crowd:
        process.join()
    return told


def _act(act: Any, workspace: Workspace, ready: Barrier, over: Barrier, said: Any) -> None:
    ready.wait(60)
    try:
        said.put(act(workspace))
    except Exception as error:
        said.put(f"{type(error).__name__}: {error}")
    over.wait(60)  # all live until all have looked


def _begin(workspace: Workspace) -> str:
    try:
        start(workspace, "reward", {})
    except Busy:
        return "refused"
    return "began"


def _claim(workspace: Workspace) -> None:
    with workspace.store() as db:
        jobs.claim(db, os.getpid())
    os._exit(0)


def _take(workspace: Workspace) -> str:
    with workspace.store() as db:
        jobs.settle(db)
        job = jobs.claim(db, os.getpid())
        return str(job.id if job else None)
