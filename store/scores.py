"""Ratings and their scores: made from the rankings, and kept, so that each reward model can name what taught it."""

import json
from collections.abc import Iterable

from sqlite_utils import Database

from store.db import Row, insert, writing
from store.errors import NotFound, NotReady
from store.records import PairAgreement, Rating, Score

FEWEST_SHARED = 5
"""How many pairs of rankings two annotators must share before their agreement says anything."""
PAIRS_APART = 10
"""Pairs of annotators that are named as agreeing least: few enough to be read, and talked over, one by one."""


def save(
    db: Database,
    rating: Rating,
    scores: Iterable[tuple[int, float, float | None, int]],
    pairs: Iterable[PairAgreement] = (),
) -> int:
    """Store a rating, its scores and how far each two annotators agree; returns the rating's id.

    `scores` are (response id, Elo, standard error in Elo points or None, comparisons), one a response.
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
    """The newest rating, None before the first."""
    rows = db.query("SELECT * FROM ratings ORDER BY id DESC LIMIT 1")
    return next((_rating(row) for row in rows), None)


def require_latest(db: Database) -> Rating:
    """The newest rating; raises NotReady where there is none."""
    if rating := latest(db):
        return rating
    raise NotReady("There are no scores yet: run `python launch.py rate` first.")


def get(db: Database, rating_id: int) -> Rating:
    """One rating; raises NotFound."""
    for row in db.query("SELECT * FROM ratings WHERE id = ?", [rating_id]):
        return _rating(row)
    raise NotFound(f"There is no rating {rating_id}.")


def of_rating(db: Database, rating_id: int) -> list[Score]:
    """The scores of one rating, in order of the responses' ids."""
    rows = db.query("SELECT * FROM scores WHERE rating_id = ? ORDER BY response_id", [rating_id])
    return [_score(row) for row in rows]


def page(db: Database, rating_id: int, after: int, limit: int) -> list[Score]:
    """At most `limit` scores of one rating, of the responses whose id comes `after` one, by the responses' ids."""
    rows = db.query(
        "SELECT * FROM scores WHERE rating_id = ? AND response_id > ? ORDER BY response_id LIMIT ?",
        [rating_id, after, limit],
    )
    return [_score(row) for row in rows]


def of_prompt(db: Database, rating_id: int, prompt_id: int) -> list[Score]:
    """The scores that one rating gives to the responses to one prompt, best first."""
    rows = db.query(
        "SELECT s.* FROM scores s JOIN responses r ON r.id = s.response_id"
        " WHERE r.prompt_id = ? AND s.rating_id = ? ORDER BY s.elo DESC, s.response_id",
        [prompt_id, rating_id],
    )
    return [_score(row) for row in rows]


def pairs(db: Database, rating_id: int) -> list[PairAgreement]:
    """How far each two annotators agree, those who share most rankings first."""
    rows = db.query("SELECT * FROM annotator_pairs WHERE rating_id = ? ORDER BY shared DESC", [rating_id])
    return [_pair(row) for row in rows]


def pairs_apart(db: Database, rating_id: int) -> list[PairAgreement]:
    """The `PAIRS_APART` pairs of annotators that agree least, of those with `FEWEST_SHARED` rankings in common."""
    rows = db.query(
        "SELECT * FROM annotator_pairs WHERE rating_id = ? AND shared >= ? ORDER BY tau, annotator, other LIMIT ?",
        [rating_id, FEWEST_SHARED, PAIRS_APART],
    )
    return [_pair(row) for row in rows]


def _score(row: Row) -> Score:
    return Score(
        response_id=row["response_id"],
        elo=row["elo"],
        stderr=row["stderr"],
        comparisons=row["comparisons"],
        rating_id=row["rating_id"],
    )


def _pair(row: Row) -> PairAgreement:
    return PairAgreement(annotator=row["annotator"], other=row["other"], tau=row["tau"], shared=row["shared"])


def _rating(row: Row) -> Rating:
    return Rating(
        method=row["method"],
        config=json.loads(row["config"]),
        metrics=json.loads(row["metrics"]),
        last_ranking_id=row["last_ranking_id"],
        id=row["id"],
        created=row["created"],
    )
