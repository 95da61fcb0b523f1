"""The dead are known for dead, and exactly one takes over what they left.

The dead are made here, not waited for: a number that nobody has, a start time that is another's, a real zombie.
"""

import dataclasses
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlite_utils import Database

import launch
from store import db as store_db
from store import jobs, leases, processes, summary, workers
from store.processes import STALE_SECONDS, lives, process
from store.workspace import Workspace
from tests.store.leased import NOBODY, alter, claimed, states

ROOT = Path(__file__).resolve().parents[2]


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


def test_who_looks_once_says_that_nothing_was_heard_yet(
    db: Database, workspace: Workspace, clock: list[float], capfd: pytest.CaptureFixture[str]
) -> None:
    """A command that ends at once cannot tell a job of another machine that runs from one whose machine is off."""
    here, far = claimed(db, "rate"), claimed(db)
    alter(db, far, boot="another boot", host="far")
    told = {job["id"]: job for job in summary.summary(db, 32)["jobs"]}
    assert (told[here.id]["state"], told[here.id]["note"]) == ("running", "")
    assert told[far.id]["state"] == "unheard"
    when = datetime.fromtimestamp(jobs.get(db, far.id).heartbeat or 0, UTC)
    assert told[far.id]["note"] == f"no beat seen yet from far; last beat at {when:%Y-%m-%d %H:%M:%S} UTC"
    with db.conn:
        db.execute("UPDATE jobs SET heartbeat = 0")
    leases.beat(db, far.lease)
    assert time.time() - (jobs.get(db, far.id).heartbeat or 0) < 60  # a beat leaves its time
    told = {job["id"]: job for job in summary.summary(db, 32)["jobs"]}
    assert (told[far.id]["state"], told[far.id]["note"]) == ("running", "")  # this process has heard it
    clock[0] += STALE_SECONDS + 1
    told = {job["id"]: job for job in summary.summary(db, 32)["jobs"]}
    assert told[far.id]["state"] == "left"
    processes.forget()
    assert launch.main(["cancel", str(far.id), "--workspace", str(workspace.folder)]) == 0
    assert "no beat seen yet from far" in capfd.readouterr().out


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
