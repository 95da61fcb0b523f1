"""The tables as they are given to people: which columns of each, a batch at a time.

Nothing of what lets somebody in (password hashes, sessions, invitations, tokens) is among them.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from store.db import Row


@dataclass(frozen=True)
class Dump:
    """A table: its columns, those of them that hold JSON, and the columns by which its rows are in order."""

    columns: tuple[str, ...]
    holds_json: tuple[str, ...] = ()
    key: tuple[str, ...] = ("id",)
    where: str = "1"


DUMPS = {
    "prompts": Dump(("id", "messages", "split", "source", "removed", "waiting", "created"), ("messages",)),
    "responses": Dump(
        ("id", "prompt_id", "model_id", "annotator", "text", "seed", "sampling", "finish_reason", "created"),
        ("sampling",),
    ),
    "rankings": Dump(
        (
            "id", "prompt_id", "annotator", "kind", "levels", "shown_order", "seconds", "comment", "supersedes",
            "created",
        ),
        ("levels", "shown_order"),
    ),
    "ratings": Dump(("id", "method", "config", "metrics", "last_ranking_id", "created"), ("config", "metrics")),
    "scores": Dump(
        ("rating_id", "response_id", "elo", "stderr", "comparisons"),
        key=("rating_id", "response_id"),
        where="rating_id = (SELECT max(id) FROM ratings)",
    ),
    "models": Dump(
        (
            "id", "name", "kind", "base_model", "parent_id", "rating_id", "reward_id", "made_by", "job_id", "metrics",
            "settings", "created",
        ),
        ("metrics", "settings"),
    ),
    "rounds": Dump(
        ("number", "rating_id", "reward_id", "policy_id", "job_id", "metrics", "created"), ("metrics",), ("number",)
    ),
    "jobs": Dump(("id", "kind", "state", "params", "error", "result", "created"), ("params", "result")),
    "metrics": Dump(("job_id", "name", "step", "value"), key=("job_id", "name", "step")),
}  # fmt: skip
"""Each table that is given away. Of the scores, those of the newest rating."""


def batch(db: Database, table: str, after: Sequence[object] | None = None, limit: int = 500) -> Iterator[Row]:
    """The rows of a table (a key of `DUMPS`) after the key `after`, in order, JSON as what it says."""
    dump = DUMPS[table]
    key = ", ".join(dump.key)
    beyond = f"AND ({key}) > ({', '.join('?' * len(dump.key))})" if after is not None else ""
    rows = db.query(
        f"SELECT {', '.join(dump.columns)} FROM {table} WHERE {dump.where} {beyond} ORDER BY {key} LIMIT ?",
        [*(after or ()), limit],
    )
    for row in rows:
        yield {name: json.loads(value) if name in dump.holds_json else value for name, value in row.items()}
