"""Prompts found by words in them and in their responses, and by what is known of them.

The index (SQLite's FTS5) is brought up to date by whoever searches, so that ranking, sampling and importing write
nothing for it. A row of `words` is a prompt (its number twice) or a response (twice its number, and one).
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlite_utils import Database

from store import prompts
from store.db import writing
from store.records import Prompt

MOST_WORDS = 20
"""Words of a search that are looked for; what comes after them is left out."""
BATCH = 1000
"""Texts that go into the index in one transaction: some ten milliseconds, in which nobody else writes."""
PATIENCE = 3.0
"""Seconds after which a search goes on with what is in the index; the next one goes on with the rest."""

_ASKED = """INSERT INTO words (rowid, asked)
    SELECT 2 * id, (SELECT group_concat(value ->> '$.content', char(10)) FROM json_each(messages))
    FROM prompts WHERE id > ? AND id <= ?"""
_ANSWERED = "INSERT INTO words (rowid, answered) SELECT 2 * id + 1, text FROM responses WHERE id > ? AND id <= ?"
_FOUND = """id IN (SELECT rowid / 2 FROM words WHERE words MATCH ? AND rowid % 2 = 0
    UNION ALL SELECT prompt_id FROM responses WHERE id IN
    (SELECT rowid / 2 FROM words WHERE words MATCH ? AND rowid % 2 = 1))"""
_RANKED = "(SELECT prompt_id FROM current_rankings WHERE kind = 'ranked')"


@dataclass(frozen=True)
class Sought:
    """What is looked for; each field narrows it where it is given.

    `text` has to stand in a prompt or in one of its responses: all its words, or words that begin with them. `ids`
    are the only prompts that come into question, and `models` are versions that all have answered.
    """

    text: str = ""
    split: Literal["train", "eval"] | None = None
    source: str = ""
    ranked: bool | None = None
    ids: tuple[int, ...] | None = None
    models: tuple[int, ...] = ()


def catch_up(db: Database) -> int:
    """Bring the index up to date, for at most `PATIENCE` seconds; returns how many texts are not in it yet."""
    ends = time.monotonic() + PATIENCE
    while left := _left(db):
        if time.monotonic() > ends:
            return left
        with writing(db):
            asked, answered = db.execute("SELECT prompts, responses FROM words_upto").fetchone()
            to_prompt, to_response = _end(db, "prompts", asked), _end(db, "responses", answered)
            db.execute(_ASKED, [asked, to_prompt])
            db.execute(_ANSWERED, [answered, to_response])
            db.execute("UPDATE words_upto SET prompts = ?, responses = ?", [to_prompt, to_response])
    return 0


def find(db: Database, sought: Sought, *, offset: int = 0, limit: int = 20) -> tuple[list[Prompt], int]:
    """The prompts that are sought in order of arrival, from the `offset`th on, and how many there are in all."""
    where, args = _where(sought)
    (count,) = db.execute(f"SELECT count(*) FROM prompts WHERE {where}", args).fetchone()
    rows = db.execute(f"SELECT id FROM prompts WHERE {where} ORDER BY id LIMIT ? OFFSET ?", [*args, limit, offset])
    return [prompts.get(db, prompt_id) for (prompt_id,) in rows.fetchall()], count


def sources(db: Database, limit: int = 50) -> list[str]:
    """Where the prompts came from, by name."""
    rows = db.execute(
        "SELECT DISTINCT source FROM prompts WHERE removed IS NULL AND waiting = 0 ORDER BY source LIMIT ?", [limit]
    )
    return [source for (source,) in rows]


def _left(db: Database) -> int:
    (left,) = db.execute(
        "SELECT (SELECT count(*) FROM prompts WHERE id > u.prompts)"
        " + (SELECT count(*) FROM responses WHERE id > u.responses) FROM words_upto u"
    ).fetchone()
    return int(left)


def _end(db: Database, table: str, after: int) -> int:
    """The last id of the next batch; `after` itself where nothing is new."""
    (last,) = db.execute(
        f"SELECT max(id) FROM (SELECT id FROM {table} WHERE id > ? ORDER BY id LIMIT ?)", [after, BATCH]
    ).fetchone()
    return after if last is None else int(last)


def _where(sought: Sought) -> tuple[str, list[object]]:
    parts, args = ["removed IS NULL AND waiting = 0"], list[object]()

    def narrow(part: str, *values: object) -> None:
        parts.append(part)
        args.extend(values)

    if sought.text.strip():
        match = _match(sought.text)
        narrow(*(_FOUND, match, match) if match else ("0",))
    if sought.split:
        narrow("split = ?", sought.split)
    if sought.source:
        narrow("source = ?", sought.source)
    if sought.ranked is not None:
        narrow(f"id {'IN' if sought.ranked else 'NOT IN'} {_RANKED}")
    if sought.ids is not None:
        narrow(f"id IN ({_marks(sought.ids)})", *sought.ids)
    for model in sought.models:
        narrow("id IN (SELECT prompt_id FROM responses WHERE model_id = ?)", model)
    return " AND ".join(parts), args


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _match(text: str) -> str:
    """The words of a text as FTS5 looks for all of them, each as a beginning; empty where there is none."""
    return " ".join(f'"{word}"*' for word in re.findall(r"[^\W_]+", text)[:MOST_WORDS])
