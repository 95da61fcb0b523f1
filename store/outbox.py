"""What is to be told to a program elsewhere: noted in the transaction in which it happens, and kept until it is told.

Each thing that happens is noted once. A message may arrive twice, where its sender died in between, and never less.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from store.db import sql_list, writing
from store.records import Event, Json

CLAIM_SECONDS = 60.0
"""For how long nobody else sends a message that somebody is sending."""
FIRST_PAUSE, MOST_PAUSE = 10.0, 3600.0
"""Seconds until a message is sent again: the pause doubles each time."""
GIVEN_UP_SECONDS = 86400.0
"""A day after it happened nothing is sent any more: a receiver that was off so long reads the rest by itself."""
_WAITING = "delivered IS NULL AND given_up IS NULL"


@dataclass(frozen=True)
class Message:
    """One thing that happened, `at` seconds since the epoch, to be sent for the `tries`-th time."""

    id: int
    event: Event
    data: Json
    at: float
    tries: int


def note(db: Database, event: Event, subject: int, data: Json) -> None:
    """Note that something happened to a job or round; a second time it is passed over."""
    now = time.time()
    with writing(db):
        db.execute(
            "INSERT OR IGNORE INTO outbox (event, subject, data, at, due) VALUES (?, ?, ?, ?, ?)",
            [event, subject, json.dumps(data), now, now],
        )


def noted(db: Database, event: Event, subject: int) -> bool:
    """Whether this was noted already."""
    return db["outbox"].count_where("event = ? AND subject = ?", [event, subject]) > 0


def keep_only(db: Database, wanted: Iterable[Event]) -> None:
    """Give up what nobody wants to hear, and what happened too long ago. Cheap where there is none."""
    given_up = f"{_WAITING} AND (event NOT IN {sql_list(wanted)} OR at < ?)"
    now = time.time()
    if db["outbox"].count_where(given_up, [now - GIVEN_UP_SECONDS]):
        with writing(db):
            db.execute(f"UPDATE outbox SET given_up = ? WHERE {given_up}", [now, now - GIVEN_UP_SECONDS])


def claim(db: Database) -> Message | None:
    """The next message that is due, for the caller to send; None where there is none."""
    now = time.time()
    if not db["outbox"].count_where(f"{_WAITING} AND due <= ?", [now]):
        return None
    with writing(db):
        row = db.execute(
            f"UPDATE outbox SET due = ?, tries = tries + 1 WHERE id = (SELECT id FROM outbox WHERE {_WAITING}"
            " AND due <= ? ORDER BY id LIMIT 1) RETURNING id, event, data, at, tries",
            [now + CLAIM_SECONDS, now],
        ).fetchone()
    return Message(row[0], row[1], json.loads(row[2]), row[3], row[4]) if row else None


def sent(db: Database, message: Message, error: str) -> None:
    """Note that a message arrived, where the error is empty, or else when it is sent again."""
    now = time.time()
    with writing(db):
        if not error:
            db.execute("UPDATE outbox SET delivered = ?, error = '' WHERE id = ?", [now, message.id])
            return
        pause = min(FIRST_PAUSE * 2.0 ** min(message.tries - 1, 20), MOST_PAUSE)
        db.execute("UPDATE outbox SET due = ?, error = ? WHERE id = ?", [now + pause, error, message.id])
