"""Prompts: the chats that are to be answered."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence

from sqlite_utils import Database

from store.db import writing
from store.errors import BadInput, NotFound
from store.records import Message, Prompt, Split

EVAL_SHARE = 0.15
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character: JSON can spell it and UTF-8 cannot store it."""


def digest(messages: Sequence[Message]) -> str:
    """A prompt's identity: the same chat imported twice is one prompt."""
    canonical = json.dumps([[m["role"], m["content"]] for m in messages], ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def draw_split(messages: Sequence[Message]) -> Split:
    """Drawn from the text itself, so that it is the same on every machine and for ever."""
    return "eval" if int(digest(messages)[:8], 16) / 16**8 < EVAL_SHARE else "train"


def make(messages: Iterable[Message], *, source: str, split: Split | None = None) -> Prompt:
    """A prompt from a chat; raises BadInput unless its last turn is the user's and no turn is empty or no text."""
    turns = tuple({"role": m["role"], "content": m["content"]} for m in messages)
    if strange := sorted({turn["role"] for turn in turns} - {"system", "user", "assistant"}):
        raise BadInput(f"The role {strange[0]!r} is unknown: write system, user or assistant.")
    if not turns or turns[-1]["role"] != "user":
        raise BadInput("The last turn of a prompt must be the user's: end it with a user message.")
    if any(not turn["content"].strip() for turn in turns):
        raise BadInput("The prompt is empty: give it some text.")
    if any(LONE_SURROGATE.search(turn["content"]) for turn in turns):
        raise BadInput("The prompt holds half a character (a lone surrogate): mend the text.")
    return Prompt(messages=turns, split=split or draw_split(turns), source=source)


def add(db: Database, prompts: Iterable[Prompt]) -> list[int]:
    """Store prompts; one that is there already keeps its id, split and source. Returns ids in order."""
    ids = []
    with writing(db):
        for prompt in prompts:
            key = digest(prompt.messages)
            db.execute(
                "INSERT OR IGNORE INTO prompts (messages, digest, split, source) VALUES (?, ?, ?, ?)",
                [json.dumps(prompt.messages, ensure_ascii=False), key, prompt.split, prompt.source],
            )
            ids.append(db.execute("SELECT id FROM prompts WHERE digest = ?", [key]).fetchone()[0])
    return ids


def every(db: Database, split: Split | None = None) -> list[Prompt]:
    """All prompts in order of arrival, of one split where it is named."""
    where, args = ("WHERE split = ?", [split]) if split else ("", [])
    return [_prompt(row) for row in db.query(f"SELECT * FROM prompts {where} ORDER BY id", args)]


def get(db: Database, prompt_id: int) -> Prompt:
    """One prompt; raises NotFound."""
    for row in db.query("SELECT * FROM prompts WHERE id = ?", [prompt_id]):
        return _prompt(row)
    raise NotFound(f"There is no prompt {prompt_id}.")


def count(db: Database) -> int:
    """How many prompts are stored."""
    return db["prompts"].count


def _prompt(row: dict) -> Prompt:
    return Prompt(messages=tuple(json.loads(row["messages"])), split=row["split"], source=row["source"], id=row["id"])
