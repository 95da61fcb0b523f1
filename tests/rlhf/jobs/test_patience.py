"""A worker waits for a store that is locked or a disk that is full, and goes on; what keeps dying is given up."""

import os
import sqlite3
import sys
import threading
import time
from pathlib import Path

import pytest

from rlhf.jobs import worker
from rlhf.jobs.execute import execute, start
from store import jobs, leases, workers
from store.errors import NoDisk
from store.workspace import Workspace
from tests.rlhf.jobs.watching import after, look


def test_a_worker_waits_for_a_locked_store_and_says_so(
    workspace: Workspace, soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.db.LOCK_WAIT_MS", 20)
    with workspace.store() as db:
        job = jobs.enqueue(db, "juggle")
    notes: list[str] = []
    monkeypatch.setattr(worker, "supervise", lambda space, job, presence: notes.append(presence.note))
    locked = sqlite3.connect(workspace.database, check_same_thread=False)
    locked.execute("BEGIN IMMEDIATE")
    thread = threading.Thread(target=worker.work, args=(workspace,), kwargs={"once": True})
    thread.start()
    time.sleep(0.4)
    assert thread.is_alive()
    assert look(workspace, job).state == "queued"
    locked.rollback()
    locked.close()
    thread.join(10)
    assert look(workspace, job).state == "running"
    assert "the store could not be written at " in notes[0]
    with workspace.store() as db:
        assert workers.living(db) == []  # it has ended, and is off the page


def test_no_child_is_ended_while_its_worker_cannot_write(
    workspace: Workspace, soon: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with workspace.store() as db:
        jobs.enqueue(db, "rate")
        job = jobs.claim(db, os.getpid())
    assert job is not None
    child = tmp_path / "child"
    child.write_text("#!/bin/sh\ntouch began\nsleep 0.6\nexit 3\n")
    child.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(child))
    monkeypatch.chdir(tmp_path)
    full, store = [True], Workspace.store

    def refuse(self: Workspace, guard: object = None) -> object:
        if full[0]:
            raise NoDisk("The store could not be written: free disk space.")
        return store(self)

    monkeypatch.setattr(Workspace, "store", refuse)
    ended = after((tmp_path / "began").exists, lambda: (time.sleep(0.8), full.clear(), full.append(False)))
    worker.supervise(workspace, job)
    ended.join()
    assert look(workspace).error == "The process ended with code 3: see runs/job-1.log."


def test_the_end_of_a_job_is_stored_once_there_is_room(
    workspace: Workspace, soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    finish = jobs.finish

    def full(*args: object) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise NoDisk("The store could not be written: free disk space.")
        finish(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(jobs, "finish", full)
    monkeypatch.setattr("rlhf.jobs.execute.stage_of", lambda kind: lambda ctx: {"n": 1})
    assert execute(workspace, start(workspace, "simulate", {})) == {"n": 1}
    assert (look(workspace).state, look(workspace).result) == ("done", {"n": 1})


def test_a_child_that_the_system_kills_is_tried_three_times(
    workspace: Workspace, soon: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with workspace.store() as db:
        jobs.enqueue(db, "rate")
    child = tmp_path / "child"
    child.write_text(f"#!/bin/sh\necho once >> {tmp_path}/log\nkill -9 $$\n")
    child.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(child))
    worker.work(workspace, once=True)
    assert (tmp_path / "log").read_text() == "once\n" * 3
    assert "died 3 times, so it is given up (its process was ended by SIGKILL)" in look(workspace).error
    with workspace.store() as db:
        assert leases.held(db) == []
