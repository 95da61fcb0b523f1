"""One process does a job, one job owns a workspace, and a late process writes nothing."""

import os
import sqlite3
import threading

import pytest
from sqlite_utils import Database

from store import db as store_db
from store import jobs, leases, prompts
from store.errors import Busy, Cancelled, Locked, Superseded
from store.leases import Fence
from store.processes import process
from store.workspace import Workspace
from tests.store.leased import NOBODY, alter, claimed, states


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
