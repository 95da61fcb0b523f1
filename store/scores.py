"""Ratings and their scores: derived from the rankings, kept so that every stage names what it was taught."""

import json
from collections.abc import Iterable

from sqlite_utils import Database

from store.db import insert, writing
from store.errors import NotFound, NotReady
from store.records import PairAgreement, Rating, Score

FEWEST_SHARED = 5
"""Rankings of one prompt that two people have in common, before their agreement is worth a line."""


def save(
    db: Database,
    rating: Rating,
    scores: Iterable[tuple[int, float, float | None, int]],
    pairs: Iterable[PairAgreement] = (),
) -> int:
    """Store one run of the converter with its (response_id, elo, stderr, comparisons) rows, and who agreed with whom.

    Returns its id.
    """
    with writing(db):
        rating_id = insert(
            db,
            "ratings",
            {
                "method": rating.method,
                "config": json.dumps(rating.config),
                "metrics": json.dumps(rating.metrics),
                "last_ranking_id": rating.last_ranking_id,
            },
        )
        db.conn.executemany(
            "INSERT INTO scores (rating_id, response_id, elo, stderr, comparisons) VALUES (?, ?, ?, ?, ?)",
            [(rating_id, *score) for score in scores],
        )
        db.conn.executemany(
            "INSERT INTO annotator_pairs (rating_id, annotator, other, tau, shared) VALUES (?, ?, ?, ?, ?)",
            [(rating_id, pair.annotator, pair.other, pair.tau, pair.shared) for pair in pairs],
        )
        return rating_id


def latest(db: Database) -> Rating | None:
    """The newest run of the converter."""
    rows = db.query("SELECT * FROM ratings ORDER BY id DESC LIMIT 1")
    return next((_rating(row) for row in rows), None)


def require_latest(db: Database) -> Rating:
    """The newest run of the converter; raises NotReady where there is none."""
    if rating := latest(db):
        return rating
    raise NotReady("There are no scores yet: run `python launch.py rate` first.")


def get(db: Database, rating_id: int) -> Rating:
    """One run of the converter; raises NotFound."""
    for row in db.query("SELECT * FROM ratings WHERE id = ?", [rating_id]):
        return _rating(row)
    raise NotFound(f"There is no rating {rating_id}.")


def of_rating(db: Database, rating_id: int) -> list[Score]:
    """The scores of one run, in order of response."""
    rows = db.query("SELECT * FROM scores WHERE rating_id = ? ORDER BY response_id", [rating_id])
    return [_score(row) for row in rows]


def of_prompt(db: Database, rating_id: int, prompt_id: int) -> list[Score]:
    """What one run says of the responses to one prompt, best first."""
    rows = db.query(
        "SELECT s.* FROM scores s JOIN responses r ON r.id = s.response_id"
        " WHERE r.prompt_id = ? AND s.rating_id = ? ORDER BY s.elo DESC, s.response_id",
        [prompt_id, rating_id],
    )
    return [_score(row) for row in rows]


def pairs(db: Database, rating_id: int) -> list[PairAgreement]:
    """How far each two annotators agreed, who share most first."""
    rows = db.query("SELECT * FROM annotator_pairs WHERE rating_id = ? ORDER BY shared DESC", [rating_id])
    return [_pair(row) for row in rows]


def pairs_apart(db: Database, rating_id: int, limit: int = 10) -> list[PairAgreement]:
    """The pairs of annotators that agree least, of those that share at least `FEWEST_SHARED` rankings."""
    rows = db.query(
        "SELECT * FROM annotator_pairs WHERE rating_id = ? AND shared >= ? ORDER BY tau, annotator, other LIMIT ?",
        [rating_id, FEWEST_SHARED, limit],
    )
    return [_pair(row) for row in rows]


def _score(row: dict) -> Score:
    return Score(
        response_id=row["response_id"],
        elo=row["elo"],
        stderr=row["stderr"],
        comparisons=row["comparisons"],
        rating_id=row["rating_id"],
    )


def _pair(row: dict) -> PairAgreement:
    return PairAgreement(annotator=row["annotator"], other=row["other"], tau=row["tau"], shared=row["shared"])


def _rating(row: dict) -> Rating:
    return Rating(
        method=row["method"],
        config=json.loads(row["config"]),
        metrics=json.loads(row["metrics"]),
        last_ranking_id=row["last_ranking_id"],
        id=row["id"],
        created=row["created"],
    )
