"""The worker does jobs in children, says why one failed, ends what is cancelled and takes up what was left."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rlhf.jobs import worker
from store import annotators, jobs, models, prompts, rankings, responses, tasks
from store.processes import process
from store.records import Model, Response, Task
from store.workspace import Workspace, create
from tests.rlhf.jobs.watching import look, wait


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Four ranked tasks."""
    made = create(tmp_path / "w", "")
    with made.store() as db:
        annotators.ensure(db, "ada")
        model = models.add(db, Model("base", "policy", "tiny"))
        for n in range(4):
            (prompt,) = prompts.add(db, [prompts.make([{"role": "user", "content": f"Q{n}"}], source="t")])
            shown = responses.add(db, [Response(prompt, model, f"A{i}", i, {}, "stop") for i in range(3)])
            (task,) = tasks.add(db, [Task(prompt, tuple(shown))])
            held = tasks.lease(db, task, "ada", shown)
            rankings.submit(db, str(held.lease), "ada", dict(zip(shown, (1, 2, 3), strict=True)))
    return made


def ask(workspace: Workspace, kind: str, **params: object) -> int:
    with workspace.store() as db:
        return jobs.enqueue(db, kind, params)


def gone(pid: int) -> bool:
    return process(pid).started == ""


@pytest.mark.slow
def test_a_job_is_done_and_a_failing_one_says_why_in_one_line(workspace: Workspace) -> None:
    good, unknown = ask(workspace, "rate"), ask(workspace, "juggle")
    worker.work(workspace, once=True)
    done, failed = look(workspace, good), look(workspace, unknown)
    assert (done.state, done.progress, done.error) == ("done", 1.0, "")
    assert (done.result["rankings"], done.result["prompts"]) == (4, 4)
    assert done.params["settings"]["rating"]["method"] == "davidson"  # the resolved configuration
    assert failed.state == "failed"
    assert "no job of kind 'juggle': known are" in failed.error
    assert "\n" not in failed.error
    assert (workspace.runs / f"job-{good}.log").exists()
    assert done.pid not in (None, os.getpid())


@pytest.mark.slow
def test_a_cancelled_job_is_ended_and_stays_cancelled(workspace: Workspace) -> None:
    waiting = ask(workspace, "loop", rounds=1)  # waits for more rankings than there are
    doing = threading.Thread(target=worker.work, args=(workspace,), kwargs={"once": True})
    doing.start()
    wait(lambda: "waiting" in look(workspace, waiting).note)
    child = look(workspace, waiting).pid
    with workspace.store() as db:
        jobs.cancel(db, waiting)
    doing.join(30)
    assert not doing.is_alive()
    assert look(workspace, waiting).state == "cancelled"
    assert child is not None
    assert gone(child)


@pytest.mark.slow
def test_a_stopped_worker_ends_its_child_and_puts_the_job_back(workspace: Workspace) -> None:
    waiting = ask(workspace, "loop", rounds=1)
    command = [sys.executable, "-m", "rlhf.jobs.worker", "--workspace", str(workspace.folder)]
    process = subprocess.Popen(command, cwd=Path(__file__).resolve().parents[3])
    try:
        wait(lambda: "waiting" in look(workspace, waiting).note)
        child = look(workspace, waiting).pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    finally:
        process.kill()
        process.wait()
    put_back = look(workspace, waiting)
    assert (put_back.state, put_back.error) == ("queued", "")
    assert child is not None
    assert gone(child)


def test_a_child_that_dies_without_a_word(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    job = ask(workspace, "rate")
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    worker.work(workspace, once=True)
    failed = look(workspace, job)
    assert failed.state == "failed"
    assert failed.error == f"The process ended with code 1: see runs/job-{job}.log."


def test_a_deaf_child_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "KILL_AFTER_SECONDS", 0.2)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    worker.end(child)
    assert child.returncode == -signal.SIGKILL
