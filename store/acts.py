"""The log of what was done to accounts and invitations: who, when, what, whom; the file itself keeps every line."""

from dataclasses import dataclass

from sqlite_utils import Database

from store.db import insert


@dataclass(frozen=True)
class Act:
    """One line of the log: `by` did `act` to `whom`, which is a person's name, or `invitation N`."""

    created: str
    by: str
    act: str
    whom: str
    detail: str


def note(db: Database, by: str, act: str, whom: str, detail: str = "") -> None:
    """Write a line, inside the transaction that does what the line says."""
    insert(db, "acts", {"by": by, "act": act, "whom": whom, "detail": detail})


def recent(db: Database, most: int) -> list[Act]:
    """The newest `most` lines, the newest first."""
    rows = db.query("SELECT created, by, act, whom, detail FROM acts ORDER BY id DESC LIMIT ?", [most])
    return [Act(**row) for row in rows]
