"""Who does a job hears that it is over, whoever began it; a second one is refused, or waits."""

import os
import signal
import threading
import time
from contextlib import suppress

import pytest

import launch
from rlhf.jobs.execute import execute, start
from rlhf.jobs.pulse import Stopped, beating
from store import jobs, leases
from store.errors import Busy, Cancelled, Superseded
from store.leases import Fence
from store.records import Job
from store.workspace import Workspace
from tests.rlhf.jobs.watching import ROOT, after, all_jobs, cancel, look, wait, waiting


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
    before = signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may have told them to ignore it
    try:
        other = after(waiting(workspace), lambda: os.kill(os.getpid(), number))
        assert launch.main(["loop", "--rounds", "1", "--workspace", str(workspace.folder)]) == 1
    finally:
        after_it = signal.signal(number, before)
    other.join()
    assert look(workspace).state == "failed"
    assert said in look(workspace).error
    assert after_it == signal.SIG_DFL
    with workspace.store() as db:
        assert leases.held(db) == []


def test_being_told_to_end_is_not_lost_where_somebody_swallows_it(workspace: Workspace, soon: None) -> None:
    """As Python does with an exception that a finaliser raises, which may be running when the signal comes."""
    job = start(workspace, "loop", {"rounds": 1})

    def work() -> None:
        with beating(workspace, Fence(job.id, job.lease)):
            with suppress(Stopped):
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(5)
            time.sleep(5)
            pytest.fail("It went on.")

    with pytest.raises(Stopped, match="was told to end"):
        work()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


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


def test_no_stage_opens_the_store_beside_its_context() -> None:
    """Only `Context.store` carries the number of the job's lease."""
    files = [*(ROOT / "rlhf/stages").glob("*.py"), ROOT / "rlhf/loop.py"]
    opening = {path.name: path.read_text().count("workspace.store(") for path in files}
    assert {name: count for name, count in opening.items() if count} == {"context.py": 1}
    assert not any("opened(" in path.read_text() for path in files)
