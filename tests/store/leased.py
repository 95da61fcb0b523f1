"""Jobs that are being done, by this process or by whomever a test makes of it."""

import os

from sqlite_utils import Database

from store import jobs

NOBODY = 2**22 + 1
"""A process number above every one that Linux gives."""


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
