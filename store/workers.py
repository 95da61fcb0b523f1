"""Which workers are there, on this machine or another, and what keeps one from working."""

import os
from dataclasses import dataclass

from sqlite_utils import Database

from store.db import insert, writing
from store.processes import Process, lives, process


@dataclass(frozen=True)
class Worker:
    """A worker that takes jobs, since when (UTC), and what it has to say of itself."""

    id: int
    by: Process
    since: str
    beats: int
    note: str

    @property
    def lives(self) -> bool:
        """Whether it is still there, as far as this process can tell."""
        return lives(self.by, ("worker", self.id, self.by, self.since), self.beats)


def beat(db: Database, worker_id: int | None, note: str) -> int:
    """Note that this process is a worker and lives, with what it has to say; returns its id.

    Workers that are dead are forgotten, and so may this one have been: then it is noted anew.
    """
    with writing(db):
        done = db.execute("UPDATE workers SET beats = beats + 1, note = ? WHERE id = ?", [note, worker_id])
        if done.rowcount == 1 and worker_id is not None:
            return worker_id
        for other in _every(db):
            if not other.lives:
                leave(db, other.id)
        return insert(db, "workers", {**vars(process(os.getpid())), "note": note})


def leave(db: Database, worker_id: int) -> None:
    """Forget a worker, which ends."""
    with writing(db):
        db.execute("DELETE FROM workers WHERE id = ?", [worker_id])


def living(db: Database) -> list[Worker]:
    """The workers that live, oldest first."""
    return [worker for worker in _every(db) if worker.lives]


def _every(db: Database) -> list[Worker]:
    return [
        Worker(
            id=row["id"],
            by=Process(row["host"], row["boot"], row["pid"], row["started"]),
            since=row["since"],
            beats=row["beats"],
            note=row["note"],
        )
        for row in db.query("SELECT * FROM workers ORDER BY id")
    ]
