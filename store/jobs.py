"""Jobs: work that the page or the launcher asked for, how far it has come, and what came of it."""

import json
import time

from sqlite_utils import Database

from store.db import Row, insert, writing
from store.errors import NotFound
from store.records import Job, Json

STALE_SECONDS = 30.0
"""A running job is taken for dead when it has not been heard of for so long and its process is gone.

A worker beats every half second: sixty beats that are missing are more than a busy disk explains.
"""
RECENT = 20
"""How many of the latest jobs are looked through, where the caller does not say."""


def enqueue(db: Database, kind: str, params: Json | None = None) -> int:
    """Put a job in the queue, where a worker will take it; returns its id."""
    with writing(db):
        return insert(db, "jobs", {"kind": kind, "params": json.dumps(params or {})})


def claim(db: Database, pid: int, job_id: int | None = None) -> Job | None:
    """Take the oldest queued job (or the named one) for the process `pid`; None if there is none."""
    with writing(db):
        # One statement finds and takes it, so that no two workers can have the same.
        row = db.execute(
            "UPDATE jobs SET state = 'running', pid = ?, heartbeat = ?, error = '', note = '', progress = 0"
            " WHERE id = (SELECT id FROM jobs WHERE state = 'queued' AND id = coalesce(?, id) ORDER BY id LIMIT 1)"
            " RETURNING id",
            [pid, time.time(), job_id],
        ).fetchone()
        return get(db, row[0]) if row else None


def beat(db: Database, job_id: int, *, pid: int | None = None) -> None:
    """Note that a job is alive now, and, where `pid` is given, which process does it."""
    with writing(db):
        db.execute("UPDATE jobs SET heartbeat = ?, pid = coalesce(?, pid) WHERE id = ?", [time.time(), pid, job_id])


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
        db.execute(
            "UPDATE jobs SET state = 'failed', error = ?, heartbeat = ? WHERE id = ? AND state != 'cancelled'",
            [error, time.time(), job_id],
        )


def cancel(db: Database, job_id: int) -> Job:
    """Cancel a job that has not ended; a running one is ended by its worker, which looks. Raises NotFound."""
    with writing(db):
        db.execute("UPDATE jobs SET state = 'cancelled' WHERE id = ? AND state IN ('queued', 'running')", [job_id])
        return get(db, job_id)


def requeue(db: Database, job_id: int) -> None:
    """Put a running job back in the queue, since its worker died: it starts again and skips finished stages."""
    with writing(db):
        db.execute("UPDATE jobs SET state = 'queued', pid = NULL WHERE id = ? AND state = 'running'", [job_id])


def stale(db: Database) -> list[Job]:
    """Running jobs not heard of for `STALE_SECONDS`; the caller has to see whether their processes are gone."""
    rows = db.query(
        "SELECT * FROM jobs WHERE state = 'running' AND heartbeat < ? ORDER BY id",
        [time.time() - STALE_SECONDS],
    )
    return [_job(row) for row in rows]


def get(db: Database, job_id: int) -> Job:
    """One job; raises NotFound."""
    for row in db.query("SELECT * FROM jobs WHERE id = ?", [job_id]):
        return _job(row)
    raise NotFound(f"There is no job {job_id}.")


def recent(db: Database, limit: int = RECENT) -> list[Job]:
    """The latest jobs, newest first."""
    return [_job(row) for row in db.query("SELECT * FROM jobs ORDER BY id DESC LIMIT ?", [limit])]


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
        id=row["id"],
        created=row["created"],
    )
