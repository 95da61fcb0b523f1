"""Jobs are taken once, and end with a result, a sentence or a word."""

import threading

import pytest
from sqlite_utils import Database

from store import jobs
from store.errors import NotFound
from store.workspace import Workspace


def test_the_oldest_queued_job_is_taken_first(db: Database) -> None:
    first, second, third = (jobs.enqueue(db, kind, {"n": 1}) for kind in ("rate", "reward", "ppo"))
    named = jobs.claim(db, 11, third)
    assert named is not None
    assert (named.id, named.state, named.pid, named.params) == (third, "running", 11, {"n": 1})
    for expected in (first, second):
        claimed = jobs.claim(db, 12)
        assert claimed is not None
        assert claimed.id == expected
    assert jobs.claim(db, 13) is None
    assert jobs.claim(db, 13, first) is None
    assert [job.id for job in jobs.active(db)] == [first, second, third]
    assert [job.id for job in jobs.recent(db, 2)] == [third, second]


def test_a_job_is_never_done_by_two_workers(workspace: Workspace) -> None:
    with workspace.store() as db:
        asked = [jobs.enqueue(db, "rate") for _ in range(40)]
    start, taken = threading.Barrier(6), []

    def work(pid: int) -> None:
        with workspace.store() as mine:
            start.wait()
            while job := jobs.claim(mine, pid):
                taken.append(job.id)

    threads = [threading.Thread(target=work, args=(pid,)) for pid in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == asked


def test_a_cancelled_job_stays_cancelled(db: Database) -> None:
    waiting, running, done = (jobs.enqueue(db, "rate") for _ in range(3))
    claimed = jobs.claim(db, 1, running)
    lease = claimed.lease if claimed else 0
    jobs.claim(db, 1, done)
    jobs.finish(db, done, {"n": 3})
    for job in (waiting, running):
        assert jobs.cancel(db, job).state == "cancelled"
    assert jobs.cancel(db, done).state == "done"
    jobs.fail(db, running, "SIGTERM")
    jobs.requeue(db, running, lease)
    jobs.finish(db, running, {"n": 3})
    stopped = jobs.get(db, running)
    assert (stopped.state, stopped.progress, stopped.error, stopped.result) == ("cancelled", 0, "", {})
    assert jobs.claim(db, 1) is None
    with pytest.raises(NotFound):
        jobs.cancel(db, 99)


def test_progress_stays_between_0_and_1_and_metrics_replace_their_step(db: Database) -> None:
    job = jobs.enqueue(db, "ppo")
    for given, stored in ((-1.0, 0.0), (0.25, 0.25), (7.0, 1.0)):
        jobs.report(db, job, given, "")
        assert jobs.get(db, job).progress == stored
    jobs.log(db, job, 1, {"kl": 0.5, "loss": 2.0})
    jobs.log(db, job, 0, {"kl": 0.1})
    jobs.log(db, job, 1, {"kl": 0.6})
    assert jobs.series(db, job) == {"kl": [(0, 0.1), (1, 0.6)], "loss": [(1, 2.0)]}
