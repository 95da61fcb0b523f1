"""Evaluations that were made: each is the result of a job, and is read from there."""

import json

from sqlite_utils import Database

from store.results import Evaluation, read


def every(db: Database) -> list[Evaluation]:
    """All evaluations, oldest first; a job that measured nothing anew made none."""
    rows = db.execute("SELECT result FROM jobs WHERE kind = 'evaluate' AND state = 'done' ORDER BY id")
    found = [read(Evaluation, told) for (result,) in rows if (told := json.loads(result))]
    return [evaluation for evaluation in found if evaluation.skipped is None]
