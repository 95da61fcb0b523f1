"""Rounds: the finished turns of the loop (rankings to scores to reward model to policy)."""

import json

from sqlite_utils import Database

from store import models, outbox, rankings, scores
from store.db import Row, writing
from store.records import Round


def add(db: Database, round_: Round) -> None:
    """Record a finished turn of the loop, and note it for whoever wants to hear it."""
    with writing(db):
        db.execute(
            "INSERT INTO rounds (number, rating_id, reward_id, policy_id, metrics, job_id) VALUES (?, ?, ?, ?, ?, ?)",
            [
                round_.number,
                round_.rating_id,
                round_.reward_id,
                round_.policy_id,
                json.dumps(round_.metrics),
                round_.job_id,
            ],
        )
        told = {"round": round_.number, "policy": models.get(db, round_.policy_id).name, "metrics": round_.metrics}
        outbox.note(db, "round_done", round_.number, told)


def following(db: Database) -> tuple[int, int]:
    """The number of the next round, and how many standing rankings came since those that the last one knew."""
    finished = every(db)
    since = scores.get(db, finished[-1].rating_id).last_ranking_id if finished else 0
    return len(finished) + 1, rankings.count(db, since=since)


def every(db: Database) -> list[Round]:
    """The finished turns of the loop, oldest first."""
    return [_round(row) for row in db.query("SELECT * FROM rounds ORDER BY number")]


def agreement(db: Database) -> dict[int, float]:
    """Of each round whose rating says so, the share of the pairs that two people ordered alike."""
    rows = db.execute(
        "SELECT number, json_extract(ratings.metrics, '$.vote_agreement') FROM rounds"
        " JOIN ratings ON ratings.id = rating_id ORDER BY number"
    )
    return {number: share for number, share in rows if isinstance(share, float)}


def _round(row: Row) -> Round:
    return Round(
        number=row["number"],
        rating_id=row["rating_id"],
        reward_id=row["reward_id"],
        policy_id=row["policy_id"],
        metrics=json.loads(row["metrics"]),
        job_id=row["job_id"],
        created=row["created"],
    )
