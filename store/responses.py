"""Responses: what the model versions answered, and what people wrote themselves."""

import json
from collections.abc import Iterable

from sqlite_utils import Database

from store.db import Row, insert, writing
from store.errors import NotFound
from store.records import Response


def add(db: Database, responses: Iterable[Response]) -> list[int]:
    """Store responses; returns their ids in order."""
    with writing(db):
        return [
            insert(
                db,
                "responses",
                {
                    "prompt_id": r.prompt_id,
                    "model_id": r.model_id,
                    "annotator": r.annotator,
                    "text": r.text,
                    "seed": r.seed,
                    "sampling": json.dumps(r.sampling),
                    "finish_reason": r.finish_reason,
                    "token_ids": None if r.token_ids is None else json.dumps(r.token_ids),
                },
            )
            for r in responses
        ]


def get(db: Database, response_id: int) -> Response:
    """One response; raises NotFound."""
    for row in db.query("SELECT * FROM responses WHERE id = ?", [response_id]):
        return _response(row)
    raise NotFound(f"There is no response {response_id}.")


def every(db: Database) -> list[Response]:
    """All responses in order of arrival."""
    return [_response(row) for row in db.query("SELECT * FROM responses ORDER BY id")]


def page(db: Database, after: int, limit: int, prompt_id: int | None = None) -> list[Response]:
    """At most `limit` responses whose id comes `after` one, to one prompt or to all, by their ids.

    Those that were taken out, by themselves or with their prompts, are not among them.
    """
    rows = db.query(
        "SELECT * FROM responses WHERE id > :after AND (:prompt IS NULL OR prompt_id = :prompt)"
        " AND prompt_id NOT IN taken_out AND id NOT IN out_responses ORDER BY id LIMIT :limit",
        {"after": after, "limit": limit, "prompt": prompt_id},
    )
    return [_response(row) for row in rows]


def of_task(db: Database, task_id: int) -> list[Response]:
    """The responses of a task, in the task's stored order (not the order shown)."""
    rows = db.query(
        "SELECT r.* FROM responses r JOIN task_responses t ON t.response_id = r.id"
        " WHERE t.task_id = ? ORDER BY t.position",
        [task_id],
    )
    return [_response(row) for row in rows]


def of_prompt(db: Database, prompt_id: int) -> list[Response]:
    """The responses to one prompt, in order of arrival."""
    rows = db.query("SELECT * FROM responses WHERE prompt_id = ? ORDER BY id", [prompt_id])
    return [_response(row) for row in rows]


def of_model(db: Database, model_id: int) -> list[Response]:
    """What one model version answered, in order of arrival."""
    rows = db.query("SELECT * FROM responses WHERE model_id = ? ORDER BY id", [model_id])
    return [_response(row) for row in rows]


def by_person(db: Database, annotator: str, prompt_id: int) -> list[Response]:
    """What one person wrote themselves to one prompt, in order of arrival."""
    rows = db.query(
        "SELECT * FROM responses WHERE prompt_id = ? AND annotator = ? ORDER BY id", [prompt_id, annotator]
    )
    return [_response(row) for row in rows]


def shown_of(db: Database, model_id: int) -> set[int]:
    """The prompts that have a task with an answer of one model version."""
    rows = db.execute(
        "SELECT DISTINCT r.prompt_id FROM responses r JOIN task_responses t ON t.response_id = r.id"
        " WHERE r.model_id = ?",
        [model_id],
    )
    return {int(prompt) for (prompt,) in rows}


def temperatures(db: Database, model_id: int) -> set[float]:
    """The temperatures at which those answers of a version were drawn that stand in tasks."""
    rows = db.execute(
        "SELECT DISTINCT json_extract(r.sampling, '$.temperature') FROM responses r"
        " JOIN task_responses t ON t.response_id = r.id WHERE r.model_id = ?",
        [model_id],
    )
    return {float(temperature) for (temperature,) in rows if temperature is not None}


def count(db: Database) -> int:
    """How many responses there are, without those that were taken out by themselves or with their prompts."""
    return db["responses"].count_where("prompt_id NOT IN taken_out AND id NOT IN out_responses")


def _response(row: Row) -> Response:
    return Response(
        prompt_id=row["prompt_id"],
        model_id=row["model_id"],
        text=row["text"],
        seed=row["seed"],
        sampling=json.loads(row["sampling"]),
        finish_reason=row["finish_reason"],
        annotator=row["annotator"],
        token_ids=None if row["token_ids"] is None else tuple(json.loads(row["token_ids"])),
        id=row["id"],
    )
