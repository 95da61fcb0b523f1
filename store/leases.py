"""Who does which job: a numbered lease for each job that is being done, and one owner of the workspace at most.

Each taking has a number, which only ever grows, and every write of a job carries it: a process whose job was taken
over in the meantime is refused by the store. What trains or writes responses owns the workspace while it is done;
the file itself refuses a second owner.
"""

import time
from collections.abc import Hashable
from dataclasses import dataclass

from sqlite_utils import Database

from store.db import Row, insert, writing
from store.errors import Cancelled, Superseded
from store.processes import Process, known, lives


@dataclass(frozen=True)
class Lease:
    """A job that a process does: since when (UTC), whether it owns the workspace, and whether it came from the queue.

    What a worker took goes back to the queue when its process dies; what was started by hand is over with it.
    """

    number: int
    job_id: int
    kind: str
    owner: bool
    queued: bool
    by: Process
    since: str
    beats: int

    @property
    def lives(self) -> bool:
        """Whether the process that holds it lives, as far as this one can tell."""
        return lives(self.by, self._key, self.beats)

    @property
    def heard(self) -> bool:
        """Whether this process knows that, or has only not yet waited for long enough to hear a beat."""
        return known(self.by, self._key)

    @property
    def _key(self) -> Hashable:
        return (self.number, self.job_id, self.by, self.since)

    def __str__(self) -> str:
        return f"job {self.job_id} ({self.kind}, {self.by}, since {self.since[:16].replace('T', ' ')} UTC)"


@dataclass(frozen=True)
class Fence:
    """What a connection carries that writes for a job: called in each write transaction, it refuses the late."""

    job_id: int
    number: int

    def __call__(self, db: Database) -> None:
        """Raise Cancelled if the job was cancelled, Superseded if it is not done under this number any more."""
        found = db.execute(
            "SELECT state, number FROM jobs LEFT JOIN leases ON job_id = jobs.id WHERE jobs.id = ?", [self.job_id]
        ).fetchone()
        state, number = found or ("not there", None)
        if number != self.number:
            other = next((lease for lease in held(db) if lease.job_id == self.job_id), None)
            told = f"was taken over by {other.by}" if other else f"was given up by this process and is {state}"
            raise Superseded(f"Job {self.job_id} {told}: nothing was written, and nothing needs to be done.")
        if state == "cancelled":
            raise Cancelled(f"Job {self.job_id} was cancelled: give the command again to go on.")


def take(db: Database, job_id: int, by: Process, *, owner: bool, queued: bool) -> int:
    """Note that a process does a job, inside the transaction that claims it; returns the number to write under."""
    row: Row = {"job_id": job_id, "owner": int(owner), "queued": int(queued), **vars(by)}
    return insert(db, "leases", row)


def adopt(db: Database, number: int, by: Process) -> None:
    """Hand a lease to another process, as a worker does to its child; the caller's connection carries the fence."""
    with writing(db):
        db.execute(
            "UPDATE leases SET host = ?, boot = ?, pid = ?, started = ?, beats = beats + 1 WHERE number = ?",
            [by.host, by.boot, by.pid, by.started, number],
        )
        db.execute(
            "UPDATE jobs SET pid = ? WHERE id = (SELECT job_id FROM leases WHERE number = ?)", [by.pid, number]
        )


def beat(db: Database, number: int) -> None:
    """Note that the holder lives; with the time, for people to read: nothing is decided by it."""
    with writing(db):
        db.execute(
            "UPDATE jobs SET heartbeat = ? WHERE id = (SELECT job_id FROM leases WHERE number = ?)",
            [time.time(), number],
        )
        db.execute("UPDATE leases SET beats = beats + 1 WHERE number = ?", [number])


def release(db: Database, number: int) -> None:
    """Give a lease up, if its job has ended; while it is running somebody has to say first what becomes of it."""
    with writing(db):
        db.execute(
            "DELETE FROM leases WHERE number = ? AND job_id NOT IN (SELECT id FROM jobs WHERE state = 'running')",
            [number],
        )


def held(db: Database) -> list[Lease]:
    """Every lease, oldest first, whether or not its holder lives."""
    rows = db.query("SELECT leases.*, kind FROM leases JOIN jobs ON jobs.id = job_id ORDER BY number")
    return [
        Lease(
            number=row["number"],
            job_id=row["job_id"],
            kind=row["kind"],
            owner=bool(row["owner"]),
            queued=bool(row["queued"]),
            by=Process(row["host"], row["boot"], row["pid"], row["started"]),
            since=row["since"],
            beats=row["beats"],
        )
        for row in rows
    ]


def owner(db: Database) -> Lease | None:
    """The lease of the job that owns the workspace."""
    return next((lease for lease in held(db) if lease.owner), None)
