"""Who does a job hears that it is over, whoever began it; a second one is refused; a worker waits and goes on."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import launch
from rlhf.jobs import keeper, pulse, worker
from rlhf.jobs.execute import execute, start
from store import jobs, leases, workers
from store.errors import Busy, Cancelled, NoDisk, Superseded
from store.processes import process
from store.records import Job
from store.workspace import Workspace, create
from tests.rlhf.jobs.watching import look, wait

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create(tmp_path / "w", "")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats and pauses that a test has time for."""
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(worker, "MOST_PAUSE", 0.1)
    monkeypatch.setattr(pulse, "MOST_PAUSE", 0.1)


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


def test_cancel_ends_the_job_of_a_terminal(workspace: Workspace, soon: None) -> None:
    """The loop sleeps for five seconds at a time: the thread that beats wakes it."""
    other = after(waiting(workspace), lambda: cancel(workspace))
    began = time.monotonic()
    with pytest.raises(Cancelled, match="Job 1 was cancelled"):
        execute(workspace, start(workspace, "loop", {"rounds": 1}))
    other.join()
    assert time.monotonic() - began < 4
    assert (look(workspace).state, look(workspace).error) == ("cancelled", "")
    with workspace.store() as db:
        assert leases.held(db) == []
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


def test_a_job_that_was_taken_over_ends_and_leaves_the_other_alone(workspace: Workspace, soon: None) -> None:
    def take_over() -> None:
        with workspace.store() as db:
            db.execute("UPDATE leases SET number = 77, started = '1'")
            db.conn.commit()

    other = after(waiting(workspace), take_over)
    with pytest.raises(Superseded, match="Job 1 was taken over"):
        execute(workspace, start(workspace, "loop", {"rounds": 1}))
    other.join()
    assert look(workspace).state == "running"
    with workspace.store() as db:
        assert [lease.number for lease in leases.held(db)] == [77]


def test_a_job_in_another_thread_hears_it_where_it_tells_how_far_it_is(
    workspace: Workspace, soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlhf.loop.POLL_SECONDS", 0.05)
    monkeypatch.setattr("rlhf.jobs.execute.REPORT_SECONDS", 0.05)
    ended: list[Exception] = []

    def run() -> None:
        try:
            execute(workspace, start(workspace, "loop", {"rounds": 1}))
        except Cancelled as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait(waiting(workspace), 20)
    cancel(workspace)
    thread.join(10)
    assert len(ended) == 1


@pytest.mark.parametrize(
    ("number", "said"), [(signal.SIGHUP, "terminal was closed"), (signal.SIGTERM, "was told to end")]
)
def test_a_loop_whose_terminal_was_closed_is_over(
    workspace: Workspace, soon: None, number: signal.Signals, said: str
) -> None:
    other = after(waiting(workspace), lambda: os.kill(os.getpid(), number))
    assert launch.main(["loop", "--rounds", "1", "--workspace", str(workspace.folder)]) == 1
    other.join()
    assert look(workspace).state == "failed"
    assert said in look(workspace).error
    assert signal.getsignal(number) == signal.SIG_DFL
    with workspace.store() as db:
        assert leases.held(db) == []


def test_the_hangup_that_nohup_ignores_stays_ignored(workspace: Workspace, soon: None) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        others = [
            after(waiting(workspace), lambda: os.kill(os.getpid(), signal.SIGHUP)),
            after(waiting(workspace), lambda: (time.sleep(0.3), cancel(workspace))),
        ]
        with pytest.raises((Cancelled, KeyboardInterrupt)) as ended:
            execute(workspace, start(workspace, "loop", {"rounds": 1}))
        for other in others:
            other.join()
        assert ended.type is Cancelled
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.fixture
def loop(workspace: Workspace) -> Job:
    """A loop of this process that owns the workspace."""
    return start(workspace, "loop", {})


def test_a_second_training_is_told_who_has_the_workspace(
    workspace: Workspace, loop: Job, capfd: pytest.CaptureFixture[str]
) -> None:
    here = ["--workspace", str(workspace.folder)]
    for name in ("generate", "reward", "ppo", "round", "loop"):
        capfd.readouterr()
        assert launch.main([name, *here]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert line.startswith(f"Job 1 (loop, process {os.getpid()} on ")
        assert line.endswith("wait for it with --wait, or end it with `python launch.py cancel 1`.")
    assert launch.main(["simulate", *here]) == 0  # which trains nothing
    assert [job.kind for job in all_jobs(workspace)] == ["loop", "simulate"]


def all_jobs(workspace: Workspace) -> list[Job]:
    with workspace.store() as db:
        return jobs.recent(db)[::-1]


def test_with_wait_it_begins_when_the_other_has_ended(
    workspace: Workspace, loop: Job, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlhf.commands.work.ASK_SECONDS", 0.02)
    asked = threading.Event()

    def ask(*args: object) -> Job:
        try:
            return start(*args)  # type: ignore[arg-type]
        except Busy:
            asked.set()
            raise

    def end() -> None:
        with workspace.store() as db:
            jobs.finish(db, loop.id, {})
            leases.release(db, loop.lease)

    other = after(asked.is_set, end)
    monkeypatch.setattr("rlhf.commands.work.start", ask)
    assert launch.main(["round", "--wait", "--workspace", str(workspace.folder)]) == 2
    other.join()
    first, last = capfd.readouterr().err.splitlines()
    assert first.startswith("Waiting. Job 1 (loop, ")
    assert first.endswith(" UTC) has the workspace to itself.")
    assert "Round 1 needs" in last
    assert [job.kind for job in all_jobs(workspace)] == ["loop", "round"]
    assert "wait" not in look(workspace, 2).params


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


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(60)
"""
TIED = "from rlhf.jobs.pulse import end_with_parent; import time; end_with_parent(); time.sleep(60)"


def test_a_tied_process_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, TIED], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = process(int(parent.stdout.readline()))
    time.sleep(0.3)
    assert process(child.pid) == child
    parent.kill()
    parent.communicate()
    wait(lambda: process(child.pid) != child, 10)


def test_a_worker_that_dies_is_started_again_and_ends_with_the_pages(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("")
    child = tmp_path / "child"
    child.write_text(f'#!/bin/sh\necho $$ "$@" >> {log}\nexec sleep 60\n')
    child.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(child))
    monkeypatch.setattr(keeper, "FIRST_PAUSE", 0.01)
    with keeper.kept_working(workspace):
        for number in range(3):
            wait(lambda number=number: log.read_text().count("\n") > number, 10)
            words = log.read_text().splitlines()[number].split()
            assert words[1:] == ["-m", "rlhf.jobs.worker", "--tied", "--workspace", str(workspace.folder)]
            pid = int(words[0])
            if number < 2:
                os.kill(pid, signal.SIGKILL)
    assert process(pid).started == ""
    assert log.read_text().count("\n") == 3


def test_no_stage_opens_the_store_beside_its_context() -> None:
    """Only `Context.store` carries the number of the job's lease."""
    files = [*(ROOT / "rlhf/stages").glob("*.py"), ROOT / "rlhf/loop.py"]
    opening = {path.name: path.read_text().count("workspace.store(") for path in files}
    assert {name: count for name, count in opening.items() if count} == {"context.py": 1}
    assert not any("opened(" in path.read_text() for path in files)


@pytest.mark.slow
def test_no_worker_and_no_child_outlives_the_pages(workspace: Workspace, tmp_path: Path) -> None:
    """`serve` is killed: its worker ends, and so does the child; the next `serve` does the job from the queue."""
    with workspace.store() as db:
        jobs.enqueue(db, "loop", {"rounds": 1})
    code = (
        "import sys, time; from pathlib import Path; from rlhf.jobs.keeper import kept_working\n"
        "from store.workspace import Workspace\n"
        "with kept_working(Workspace(Path(sys.argv[1]))): time.sleep(90)"
    )

    def serve() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", code, str(workspace.folder)], cwd=ROOT)

    pages = serve()
    try:
        wait(waiting(workspace))
        child = process(look(workspace).pid or 0)
        with workspace.store() as db:
            (only,) = workers.living(db)
        assert child.started
        pages.kill()
        pages.wait()
        wait(lambda: process(child.pid) != child and process(only.by.pid) != only.by, 30)
        assert (look(workspace).state, look(workspace).deaths) == ("queued", 0)
        pages = serve()
        wait(lambda: waiting(workspace)() and look(workspace).state == "running")
        pid = look(workspace).pid
        assert pid not in (None, child.pid)
        os.kill(int(str(pid)), signal.SIGKILL)  # the child alone: it is done again
        wait(lambda: look(workspace).deaths == 1 and look(workspace).state == "running")
        cancel(workspace)
        wait(lambda: not held(workspace), 30)
    finally:
        pages.terminate()
        pages.wait()
    assert look(workspace).state == "cancelled"


def held(workspace: Workspace) -> list[leases.Lease]:
    with workspace.store() as db:
        return leases.held(db)
