"""Practice: a newcomer ranks some prompts with a known answer, sees that answer, and nothing of it counts.

It is the first known answers of the workspace that are practised on. Whoever has seen the answer is neither checked
with it later nor given its prompt.
"""

import json
from dataclasses import dataclass

from sqlite_utils import Database

from store import checks
from store.db import writing
from store.records import Ranking


@dataclass(frozen=True)
class Practice:
    """The known answer that a person is to practise on next, as the `number`th of `of`."""

    known: Ranking
    number: int
    of: int


def due(db: Database, annotator: str, count: int) -> Practice | None:
    """What somebody who has never ranked, skipped or flagged practises on next, of the first `count` known answers.

    None where they have practised on all, or have answered a real task already.
    """
    if count == 0 or db["rankings"].count_where("annotator = ?", [annotator]):
        return None
    lessons = checks.gold(db)[:count]
    seen = done(db, annotator)
    for number, known in enumerate(lessons, start=1):
        if known.prompt_id not in seen:
            return Practice(known, number, len(lessons))
    return None


def done(db: Database, annotator: str) -> set[int]:
    """The prompts whose known answer a person has seen."""
    return {row[0] for row in db.execute("SELECT prompt_id FROM practised WHERE annotator = ?", [annotator])}


def store(db: Database, annotator: str, prompt_id: int, levels: dict[int, int]) -> None:
    """Keep what a person said before they saw the known answer; said again, the first stands."""
    told = json.dumps({str(response): level for response, level in sorted(levels.items())})
    with writing(db):
        db.execute(
            "INSERT OR IGNORE INTO practised (annotator, prompt_id, levels) VALUES (?, ?, ?)",
            [annotator, prompt_id, told],
        )
