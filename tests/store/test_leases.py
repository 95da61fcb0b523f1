"""One process does a job, and one job owns a workspace: the dead are known for dead, and exactly one takes over.

The dead are made here, not waited for: a number that nobody has, a start time that is another's, a real zombie.
"""

import dataclasses
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlite_utils import Database

from store import db as store_db
from store import jobs, leases, processes, prompts, workers
from store.errors import Busy, Cancelled, Locked, Superseded
from store.leases import Fence
from store.processes import STALE_SECONDS, lives, process
from store.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 2**22 + 1
"""A process number above every one that Linux gives."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Our own clock in seconds, which a test moves."""
    now = [1000.0]
    monkeypatch.setattr(processes.time, "monotonic", lambda: now[0])
    processes.forget()
    return now


def claimed(db: Database, kind: str = "ppo", pid: int | None = None) -> jobs.Job:
    job = jobs.claim(db, os.getpid() if pid is None else pid, jobs.enqueue(db, kind), ["ppo"])
    assert job is not None
    return job


def alter(db: Database, job: jobs.Job, **columns: object) -> None:
    """Let the lease be another process's."""
    for name, value in columns.items():
        db.execute(f"UPDATE leases SET {name} = ? WHERE number = ?", [value, job.lease])
    db.conn.commit()


def states(db: Database) -> list[str]:
    return [job.state for job in reversed(jobs.recent(db, 99))]


def test_a_process_lives_until_it_has_ended_and_not_as_a_zombie() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = process(child.pid)
    assert lives(known, "child", 0)
    assert not lives(dataclasses.replace(known, started=str(int(known.started) + 1)), "another", 0)
    assert child.stdin is not None
    child.stdin.close()
    deadline = time.monotonic() + 10
    while lives(known, "child", 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child.pid, 0)  # its number is still taken: nobody has asked how it ended
    assert not lives(known, "child", 0)
    child.wait()
    assert not lives(known, "child", 0)


def test_the_start_time_is_that_of_the_system() -> None:
    started = int(process(os.getpid()).started) / os.sysconf("SC_CLK_TCK")
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    told = subprocess.run(["ps", "-o", "etimes=", "-p", str(os.getpid())], capture_output=True, text=True)
    assert uptime - started == pytest.approx(float(told.stdout), abs=2.0)


@pytest.mark.parametrize(
    "columns",
    [{"pid": NOBODY, "started": ""}, {"pid": NOBODY}, {"pid": 1}, {"started": "1"}],
    ids=["gone at once", "gone", "pid of another", "pid reused"],
)
def test_a_job_of_the_dead_goes_back_and_another_takes_it(db: Database, columns: dict[str, object]) -> None:
    job = claimed(db)
    jobs.settle(db)
    assert (states(db), jobs.left(db)) == (["running"], set())
    alter(db, job, **columns)
    assert jobs.left(db) == {job.id}
    jobs.settle(db)
    assert states(db) == ["queued"]
    again = jobs.claim(db, os.getpid(), None, ["ppo"])
    assert again is not None
    assert (again.id, again.deaths) == (job.id, 1)
    assert again.lease > job.lease


def test_elsewhere_only_beats_count_and_no_clock_that_can_be_set(
    db: Database, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = claimed(db)
    alter(db, job, boot="another boot", pid=os.getpid())
    for wall in (time.time(), 0.0, 4e9):  # the clock of the wall is set back to 1970, and on to 2096
        monkeypatch.setattr(time, "time", lambda wall=wall: wall)
        jobs.settle(db)
        assert states(db) == ["running"]
    clock[0] += STALE_SECONDS - 1
    assert jobs.left(db) == set()
    leases.beat(db, job.lease)
    assert jobs.left(db) == set()  # seen to beat: the time begins anew
    clock[0] += STALE_SECONDS - 1
    assert jobs.left(db) == set()
    clock[0] += 1.5
    assert jobs.left(db) == {job.id}


def test_who_could_not_be_heard_is_given_time_anew(db: Database, clock: list[float]) -> None:
    """While another program has the lock nobody can beat; the first one after it must not take all jobs."""
    job = claimed(db)
    alter(db, job, boot="another boot")
    assert jobs.left(db) == set()
    clock[0] += STALE_SECONDS + 1
    assert jobs.left(db) == {job.id}
    processes.forget()
    assert jobs.left(db) == set()


def test_after_a_lock_nobody_is_taken_for_dead(
    db: Database, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = claimed(db)
    alter(db, job, boot="another boot")
    assert jobs.left(db) == set()
    clock[0] += STALE_SECONDS + 1
    begin = store_db._begin

    def locked(database: Database) -> None:
        clock[0] += 20  # the lock of another program
        begin(database)

    with monkeypatch.context() as patch:
        patch.setattr(store_db, "_begin", locked)
        jobs.settle(db)
    assert states(db) == ["running"]
    clock[0] += STALE_SECONDS + 1
    jobs.settle(db)
    assert states(db) == ["queued"]


def test_without_proc_beats_decide(
    db: Database, clock: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    processes.room.cache_clear()
    try:
        job = claimed(db, pid=NOBODY)
        assert jobs.left(db) == set()
        clock[0] += STALE_SECONDS + 1
        assert jobs.left(db) == {job.id}
    finally:
        processes.room.cache_clear()


TAKE = """
import os, sys, time
from pathlib import Path
from store import jobs
from store.workspace import Workspace
(folder, instant) = sys.argv[1:]
time.sleep(max(0, float(instant) - time.time()))
taken = []
while True:
    with Workspace(Path(folder)).store() as db:
        jobs.settle(db)
        job = jobs.claim(db, os.getpid())
    if job is None:
        break
    taken.append(job.id)
print(*taken)
input()
"""


def test_each_job_of_the_dead_is_taken_by_exactly_one_of_four(workspace: Workspace) -> None:
    with workspace.store() as db:
        left = [claimed(db, "rate", NOBODY).id for _ in range(50)]
    start = str(time.time() + 1.0)
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE, str(workspace.folder), start],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    # Each answers before any of them ends: one that has ended is dead, and its jobs are to be taken.
    answers = [taker.stdout.readline().split() for taker in takers if taker.stdout]
    for taker in takers:
        taker.communicate("\n")
    assert sorted(int(job) for answer in answers for job in answer) == left


def test_a_workspace_has_one_owner_and_the_others_wait(db: Database, workspace: Workspace) -> None:
    first = jobs.start(db, "ppo", {}, os.getpid(), owner=True)
    with pytest.raises(Busy, match=rf"^Job {first.id} \(ppo, process {os.getpid()} on .*, since 20.*UTC\) .*--wait"):
        jobs.start(db, "generate", {}, os.getpid(), owner=True)
    assert states(db) == ["running"]  # the refused one has left nothing behind
    beside = jobs.start(db, "rate", {}, os.getpid(), owner=False)
    waiting, other = jobs.enqueue(db, "round"), jobs.enqueue(db, "rate")
    taken = jobs.claim(db, os.getpid(), None, ["ppo", "round"])
    assert taken is not None
    assert taken.id == other
    assert jobs.claim(db, os.getpid(), None, ["ppo", "round"]) is None
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        leases.take(db, waiting, process(os.getpid()), owner=True, queued=True)
    jobs.finish(db, first.id, {})
    leases.release(db, first.lease)
    leases.release(db, beside.lease)  # still running: it stays held
    freed = jobs.claim(db, os.getpid(), None, ["ppo", "round"])
    assert freed is not None
    assert freed.id == waiting
    assert [lease.job_id for lease in leases.held(db)] == [beside.id, other, waiting]


def test_a_dead_owner_stands_in_nobodys_way_and_what_was_begun_by_hand_is_over(db: Database) -> None:
    first = jobs.start(db, "ppo", {}, NOBODY, owner=True)
    second = jobs.start(db, "ppo", {}, os.getpid(), owner=True)
    assert second.lease > first.lease
    over = jobs.get(db, first.id)
    assert over.state == "failed"
    assert f"Process {NOBODY} on " in over.error
    assert "ended without a word: give the command again" in over.error


def test_a_number_never_comes_back(db: Database) -> None:
    numbers = []
    for _ in range(3):
        job = claimed(db)
        numbers.append(job.lease)
        jobs.finish(db, job.id, {})
        leases.release(db, job.lease)
        assert leases.held(db) == []
    assert numbers == sorted(set(numbers))


def test_a_late_process_writes_nothing(db: Database, workspace: Workspace) -> None:
    old = claimed(db)
    alter(db, old, started="1")
    jobs.settle(db)
    new = jobs.claim(db, os.getpid())
    assert new is not None
    line = [prompts.make([{"role": "user", "content": "late"}], source="t")]
    with workspace.store(Fence(old.id, old.lease)) as late:
        with pytest.raises(
            Superseded, match=rf"^Job {old.id} was taken over by process {os.getpid()} on .*nothing was"
        ):
            prompts.add(late, line)
        with pytest.raises(Superseded):
            jobs.finish(late, old.id, {})
        assert prompts.count(late) == 0
    with workspace.store(Fence(new.id, new.lease)) as own:
        prompts.add(own, line)
    assert (prompts.count(db), states(db)) == (1, ["running"])


def test_a_cancelled_job_writes_nothing_and_keeps_the_workspace_until_it_has_ended(
    db: Database, workspace: Workspace
) -> None:
    job = claimed(db)
    jobs.cancel(db, job.id)
    with (
        workspace.store(Fence(job.id, job.lease)) as own,
        pytest.raises(Cancelled, match=f"Job {job.id} was cancelled"),
    ):
        jobs.report(own, job.id, 0.5, "still at it")
    assert jobs.get(db, job.id).note == ""
    with pytest.raises(Busy):  # for its process still computes
        jobs.start(db, "ppo", {}, os.getpid(), owner=True)
    leases.release(db, job.lease)
    assert jobs.start(db, "ppo", {}, os.getpid(), owner=True).state == "running"
    assert jobs.get(db, job.id).state == "cancelled"


def test_a_job_waits_for_a_lock_for_longer_than_a_person_would(
    db: Database, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = claimed(db)
    monkeypatch.setattr(store_db, "LOCK_WAIT_MS", 20)
    other = sqlite3.connect(workspace.database, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with workspace.store() as mine, pytest.raises(Locked, match="locked"):
        jobs.report(mine, job.id, 0.5, "half")
    timer = threading.Timer(0.2, other.rollback)
    timer.start()
    with workspace.store(Fence(job.id, job.lease)) as own:
        jobs.report(own, job.id, 0.5, "half")
    timer.join()
    other.close()
    assert jobs.get(db, job.id).note == "half"


def test_a_job_that_died_three_times_is_given_up_and_says_why(db: Database) -> None:
    number = jobs.enqueue(db, "ppo")
    for died in range(1, 4):
        job = jobs.claim(db, os.getpid())
        assert job is not None
        jobs.died(db, job.id, job.lease, "its process was ended by SIGKILL")
        jobs.died(db, job.id, job.lease, "its process was ended by SIGKILL")  # told twice, counted once
        assert jobs.get(db, number).deaths == died
    assert jobs.claim(db, os.getpid()) is None
    over = jobs.get(db, number)
    assert over.state == "failed"
    assert "died 3 times" in over.error
    assert f"its process was ended by SIGKILL): see runs/job-{number}.log" in over.error


def test_a_job_that_was_put_back_is_not_put_back_by_who_had_it_before(db: Database) -> None:
    first = claimed(db)
    jobs.requeue(db, first.id, first.lease)
    assert (states(db), jobs.get(db, first.id).deaths) == (["queued"], 0)
    second = jobs.claim(db, os.getpid())
    jobs.requeue(db, first.id, first.lease)
    jobs.died(db, first.id, first.lease, "late news")
    assert second is not None
    assert states(db) == ["running"]
    assert [lease.number for lease in leases.held(db)] == [second.lease]


def test_a_job_whose_result_is_there_is_done_however_its_process_ended(db: Database) -> None:
    for job in (jobs.start(db, "ppo", {}, NOBODY, owner=True), claimed(db, "rate", NOBODY)):
        db.execute("""UPDATE jobs SET result = '{"n": 1}' WHERE id = ?""", [job.id])
    db.conn.commit()
    jobs.settle(db)
    assert [(job.state, job.result, job.progress) for job in jobs.recent(db)] == [("done", {"n": 1}, 1.0)] * 2
    assert leases.held(db) == []


def test_a_job_that_an_earlier_version_left_running_goes_back(db: Database) -> None:
    job = jobs.enqueue(db, "rate")
    db.execute("UPDATE jobs SET state = 'running', pid = 1 WHERE id = ?", [job])
    db.conn.commit()
    assert jobs.left(db) == {job}
    jobs.settle(db)
    assert states(db) == ["queued"]


def test_a_child_takes_the_lease_of_its_worker(db: Database, workspace: Workspace) -> None:
    job = claimed(db)
    with workspace.store(Fence(job.id, job.lease)) as own:
        leases.adopt(own, job.lease, process(os.getppid()))
    (lease,) = leases.held(db)
    assert lease.by == process(os.getppid())
    assert jobs.get(db, job.id).pid == os.getppid()


def test_workers_are_listed_while_they_live(db: Database, clock: list[float]) -> None:
    mine = workers.beat(db, None, "")
    other = workers.beat(db, None, "")
    db.execute("UPDATE workers SET boot = 'another boot', host = 'far' WHERE id = ?", [other])
    db.conn.commit()
    assert workers.beat(db, mine, "waited for 62 s and went on") == mine
    assert [(w.id, w.note) for w in workers.living(db)] == [(mine, "waited for 62 s and went on"), (other, "")]
    clock[0] += STALE_SECONDS + 1
    assert [w.id for w in workers.living(db)] == [mine]
    workers.leave(db, mine)
    assert workers.living(db) == []
    assert workers.beat(db, mine, "") > other  # forgotten, and noted anew; the dead one is swept out
    assert db["workers"].count == 1
