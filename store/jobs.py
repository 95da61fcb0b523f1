"""Jobs: work that the page or the launcher asked for, how far it has come, and what came of it."""

import dataclasses
import json
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlite_utils import Database

from store import leases, outbox
from store.db import Row, insert, sql_list, writing
from store.errors import Busy, NotFound
from store.leases import Lease
from store.processes import forget, process
from store.records import Job, Json

_logger = logging.getLogger(__name__)

MOST_DEATHS = 3
"""How often the process of a job may die before the job is given up: it may be the job that kills it."""
PATIENCE_SECONDS = 1.0
"""Seconds that a transaction waits for its turn in the ordinary course of things; longer, and something was wrong."""
RECENT = 20
"""How many of the latest jobs are looked through, where the caller does not say."""


def enqueue(db: Database, kind: str, params: Json | None = None) -> int:
    """Put a job in the queue, where a worker will take it; returns its id."""
    with writing(db):
        return insert(db, "jobs", {"kind": kind, "params": json.dumps(params or {})})


def start(db: Database, kind: str, params: Json, pid: int, *, owner: bool) -> Job:
    """A job that the process `pid` asks for and does itself; no worker can take it in between.

    Raises Busy if it is to own the workspace and another job does.
    """
    settle(db)
    with writing(db):
        if owner and (other := leases.owner(db)):
            raise Busy(
                f"J{str(other)[1:]} has the workspace to itself: wait for it with --wait, or end it with "
                f"`python launch.py cancel {other.job_id}`."
            )
        asked = insert(db, "jobs", {"kind": kind, "params": json.dumps(params)})
        job = claim(db, pid, asked, [kind] if owner else [], queued=False)
        assert job is not None  # claimed in the transaction that made it
        return job


def claim(
    db: Database, pid: int, job_id: int | None = None, owners: Iterable[str] = (), *, queued: bool = True
) -> Job | None:
    """Take the oldest queued job (or the named one) for the process `pid`, with a lease of it; None if there is none.

    Of the kinds in `owners`, only one job at a time is done in a workspace: the others wait. `queued` says whether
    the job goes back to the queue when its process dies.
    """
    with writing(db):
        owning = sql_list(owners)
        # One statement finds and takes it, so that no two workers can have the same.
        row = db.execute(
            "UPDATE jobs SET state = 'running', pid = ?, heartbeat = ?, error = '', note = '', progress = 0"
            " WHERE id = (SELECT id FROM jobs WHERE state = 'queued' AND id = coalesce(?, id)"
            f" AND (kind NOT IN {owning} OR NOT EXISTS (SELECT 1 FROM leases WHERE owner = 1)) ORDER BY id LIMIT 1)"
            f" RETURNING id, kind IN {owning}",
            [pid, time.time(), job_id],
        ).fetchone()
        if row is None:
            return None
        number = leases.take(db, row[0], process(pid), owner=bool(row[1]), queued=queued)
        return dataclasses.replace(get(db, row[0]), lease=number)


def report(db: Database, job_id: int, progress: float, note: str) -> None:
    """Note how far a job is, from 0 to 1, and what is being done, in a few words."""
    with writing(db):
        db.execute(
            "UPDATE jobs SET progress = ?, note = ?, heartbeat = ? WHERE id = ?",
            # The table refuses what lies outside, and no training is to end over a rounded fraction.
            [min(max(progress, 0.0), 1.0), note, time.time(), job_id],
        )


def set_params(db: Database, job_id: int, params: Json) -> None:
    """Keep with a job its arguments and every setting it runs with, in place of what was asked for."""
    with writing(db):
        db.execute("UPDATE jobs SET params = ? WHERE id = ?", [json.dumps(params), job_id])


def log(db: Database, job_id: int, step: int, metrics: dict[str, float]) -> None:
    """Store the metrics of one training step; a step logged again (after a resume) replaces the old one."""
    with writing(db):
        db.conn.executemany(
            "INSERT OR REPLACE INTO metrics (job_id, step, name, value) VALUES (?, ?, ?, ?)",
            [(job_id, step, name, float(value)) for name, value in metrics.items()],
        )


def measured(db: Database, kind: str, before: int, limit: int) -> list[int]:
    """The last jobs of a kind before job `before` that have metrics, the newest first."""
    rows = db.execute(
        "SELECT id FROM jobs WHERE kind = ? AND id < ? AND EXISTS (SELECT 1 FROM metrics WHERE job_id = jobs.id)"
        " ORDER BY id DESC LIMIT ?",
        [kind, before, limit],
    )
    return [int(job) for (job,) in rows]


def series(db: Database, job_id: int) -> dict[str, list[tuple[int, float]]]:
    """Each metric of a job as (step, value) pairs in order of step."""
    out: dict[str, list[tuple[int, float]]] = {}
    for name, step, value in db.execute(
        "SELECT name, step, value FROM metrics WHERE job_id = ? ORDER BY name, step", [job_id]
    ):
        out.setdefault(name, []).append((step, value))
    return out


def made(db: Database, job_id: int, result: Json) -> None:
    """Keep a job's result while it still runs, in the transaction that stores what it made.

    So a job that is started again either finds its result here, and ends with it, or has made nothing yet.
    """
    with writing(db):
        db.execute("UPDATE jobs SET result = ? WHERE id = ?", [json.dumps(result), job_id])


def finish(db: Database, job_id: int, result: Json) -> None:
    """Note that a job is done and what came of it; one that was cancelled a moment before stays cancelled."""
    with writing(db):
        db.execute(
            "UPDATE jobs SET state = 'done', progress = 1, result = ?, heartbeat = ?"
            " WHERE id = ? AND state != 'cancelled'",
            [json.dumps(result), time.time(), job_id],
        )


def fail(db: Database, job_id: int, error: str) -> None:
    """Note that a job failed and why; one that was cancelled, and fails because it was ended, stays cancelled."""
    with writing(db):
        done = db.execute(
            "UPDATE jobs SET state = 'failed', error = ?, heartbeat = ? WHERE id = ? AND state != 'cancelled'",
            [error, time.time(), job_id],
        )
        if done.rowcount:
            _tell_of(db, job_id)


def cancel(db: Database, job_id: int) -> Job:
    """Cancel a job that has not ended; whoever does a running one sees it and ends. Raises NotFound."""
    with writing(db):
        db.execute("UPDATE jobs SET state = 'cancelled' WHERE id = ? AND state IN ('queued', 'running')", [job_id])
        return get(db, job_id)


def requeue(db: Database, job_id: int, number: int) -> None:
    """Put a running job back in the queue, since who does it was told to end: it goes on with the next worker.

    Nothing happens if it is not done under this number any more, or was cancelled.
    """
    with writing(db):
        if any(lease.number == number for lease in leases.held(db)):
            db.execute("UPDATE jobs SET state = 'queued', pid = NULL WHERE id = ? AND state = 'running'", [job_id])
            leases.release(db, number)


def died(db: Database, job_id: int, number: int | None, how: str) -> None:
    """Note that the process died that did a job under this number (None: under none, in an earlier version).

    A job from the queue goes back there, until it has cost `MOST_DEATHS` processes; one that was started by hand has
    failed, and one whose result is there already is done. Nothing happens if another process does the job by now.
    """
    with writing(db):
        lease = next((lease for lease in leases.held(db) if lease.job_id == job_id), None)
        if (lease.number if lease else None) != number:
            return
        job = get(db, job_id)
        deaths = job.deaths + 1
        again, error = f"see runs/job-{job_id}.log, and ask for it again.", ""
        if job.result:  # it came with what the job made: only the end was lacking
            finish(db, job_id, job.result)
        elif lease and not lease.queued:
            error = f"{how[0].upper()}{how[1:]} without a word: give the command again to go on."
        elif deaths >= MOST_DEATHS:
            error = f"Its process died {deaths} times, so it is given up ({how}): {again}"
        db.execute(
            "UPDATE jobs SET state = ?, error = ?, deaths = ?, pid = NULL WHERE id = ? AND state = 'running'",
            ["failed" if error else "queued", error, deaths, job_id],
        )
        _tell_of(db, job_id)
        if number is not None:
            leases.release(db, number)


def _tell_of(db: Database, job_id: int) -> None:
    """Note for whoever wants to hear it that a job failed, if it did."""
    job = get(db, job_id)
    if job.state == "failed":
        outbox.note(db, "job_failed", job_id, {"job": job_id, "kind": job.kind, "error": job.error})


def settle(db: Database) -> None:
    """Take their jobs from the dead: exactly one of many callers does it for each. Cheap where nobody has died."""
    if not _left(db):  # nearly always: no lock is taken
        return
    asked = time.monotonic()
    with writing(db):
        if time.monotonic() - asked > PATIENCE_SECONDS:
            # Nobody could write meanwhile, so nobody could beat: whoever is silent is given its time anew.
            forget()
        for job_id, lease in _left(db):  # again, since another may have settled it while we waited
            _logger.warning("job %d was left by %s", job_id, lease.by if lease else "an earlier version")
            died(db, job_id, lease.number if lease else None, f"{lease.by} ended" if lease else "its process ended")


def left(db: Database) -> set[int]:
    """Jobs that are called running and whose process is gone."""
    running = {job_id for (job_id,) in db.execute("SELECT id FROM jobs WHERE state = 'running'")}
    return running & {job_id for job_id, _ in _left(db)}


def unheard(db: Database) -> dict[int, str]:
    """In words, each job that is done on another machine and that this process has not heard a beat of.

    Whoever looks once cannot tell a job that runs there from one whose machine is off.
    """
    told = {}
    for lease in leases.held(db):
        if lease.lives and not lease.heard:
            last = get(db, lease.job_id).heartbeat
            when = f"{datetime.fromtimestamp(last or 0.0, UTC):%Y-%m-%d %H:%M:%S} UTC"
            told[lease.job_id] = f"no beat seen yet from {lease.by.host}; last beat at {when}"
    return told


def _left(db: Database) -> list[tuple[int, Lease | None]]:
    """Each job that nobody does with the lease of the dead; cancelled jobs too, whose lease is still there."""
    every = leases.held(db)
    dead: list[tuple[int, Lease | None]] = [(lease.job_id, lease) for lease in every if not lease.lives]
    has_one = {lease.job_id for lease in every}
    running = db.execute("SELECT id FROM jobs WHERE state = 'running'")
    return dead + [(job_id, None) for (job_id,) in running if job_id not in has_one]


def get(db: Database, job_id: int) -> Job:
    """One job; raises NotFound."""
    for row in db.query("SELECT * FROM jobs WHERE id = ?", [job_id]):
        return _job(row)
    raise NotFound(f"There is no job {job_id}.")


def recent(db: Database, limit: int = RECENT) -> list[Job]:
    """The latest jobs, newest first."""
    return [_job(row) for row in db.query("SELECT * FROM jobs ORDER BY id DESC LIMIT ?", [limit])]


def page(db: Database, after: int, limit: int) -> list[Job]:
    """At most `limit` jobs whose id comes `after` one, by their ids."""
    return [_job(row) for row in db.query("SELECT * FROM jobs WHERE id > ? ORDER BY id LIMIT ?", [after, limit])]


def active(db: Database) -> list[Job]:
    """Jobs that wait or run, oldest first."""
    return [_job(row) for row in db.query("SELECT * FROM jobs WHERE state IN ('queued', 'running') ORDER BY id")]


def _job(row: Row) -> Job:
    return Job(
        kind=row["kind"],
        params=json.loads(row["params"]),
        state=row["state"],
        pid=row["pid"],
        heartbeat=row["heartbeat"],
        progress=row["progress"],
        note=row["note"],
        error=row["error"],
        result=json.loads(row["result"]),
        deaths=row["deaths"],
        id=row["id"],
        created=row["created"],
    )
