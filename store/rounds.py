"""The finished turns of the loop."""

import json

from sqlite_utils import Database

from store.db import writing
from store.records import Round


def add(db: Database, round_: Round) -> None:
    """Record a finished turn of the loop."""
    with writing(db):
        db.execute(
            "INSERT INTO rounds (number, rating_id, reward_id, policy_id, metrics) VALUES (?, ?, ?, ?, ?)",
            [round_.number, round_.rating_id, round_.reward_id, round_.policy_id, json.dumps(round_.metrics)],
        )


def every(db: Database) -> list[Round]:
    """The finished turns of the loop, oldest first."""
    return [
        Round(
            r["number"],
            r["rating_id"],
            r["reward_id"],
            r["policy_id"],
            json.loads(r["metrics"]),
            r["created"],
        )
        for r in db.query("SELECT * FROM rounds ORDER BY number")
    ]
