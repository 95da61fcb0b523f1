"""Prompts: chats that end with a user's turn, to which the models write responses.

A prompt that was taken out is kept with all that people said of it, and counts nowhere until it is put back: the
view `current_rankings` of the store is without it, and `taken_out` names it.

A prompt that somebody flagged is held back, which is the same until a researcher decides (store/voices.py).

A prompt that a model proposed waits for a researcher's yes, and counts nowhere until then. To refuse it is to take it
out: it stays known, so that it is not proposed a second time, and putting it back makes it wait again.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring as quoted

from sqlite_utils import Database

from store.db import Row, writing
from store.errors import BadInput, NotFound
from store.first_tables import CLOCK
from store.records import Message, Prompt, Split

EVAL_SHARE = 0.15
"""Share of the prompts that is held out: models are judged on them and never trained on them."""
DIGITS = 8
"""How many hexadecimal digits of the digest draw the split: 2^32 values, fine enough for any number of prompts."""
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character that UTF-16 writes in two: JSON can spell it, and UTF-8 cannot store it."""


def digest(messages: Sequence[Message]) -> str:
    """SHA-256 of a chat's roles and texts, in hexadecimal: what makes two prompts the same one."""
    # A list in a fixed order, since the same object can be spelled in several: a stored digest must hold for ever. It
    # is written as json.dumps would write it, which takes five times as long for what a file has by the million.
    turns = ", ".join(f"[{quoted(m['role'])}, {quoted(m['content'])}]" for m in messages)
    return hashlib.sha256(f"[{turns}]".encode()).hexdigest()


def draw_split(messages: Sequence[Message]) -> Split:
    """The split of a chat, drawn from its text, so that it is the same on every machine and for ever."""
    return "eval" if int(digest(messages)[:DIGITS], 16) / 16**DIGITS < EVAL_SHARE else "train"


def make(messages: Iterable[Message], *, source: str, split: Split | None = None) -> Prompt:
    """A prompt from a chat, in the `split` given or else drawn; `source` says where it came from.

    Raises BadInput unless the last turn is the user's, every role is known, and every turn has text that UTF-8
    can hold.
    """
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
    """Store prompts; one that is there already keeps its id, split, source and import. Returns ids in order.

    One that waits for a yes and now comes from elsewhere, from a file say, has it: it waits no longer.
    """
    ids = []
    with writing(db):
        for prompt in prompts:
            key = digest(prompt.messages)
            # A prompt that is there keeps its split: one that was trained on must not be judged on later.
            db.execute(
                "INSERT OR IGNORE INTO prompts (messages, digest, split, source, import_id, waiting)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    json.dumps(prompt.messages, ensure_ascii=False),
                    key,
                    prompt.split,
                    prompt.source,
                    prompt.import_id,
                    int(prompt.waiting),
                ],
            )
            if not prompt.waiting:
                db.execute(
                    "UPDATE prompts SET waiting = 0, import_id = ? WHERE digest = ? AND waiting = 1",
                    [prompt.import_id, key],
                )
            ids.append(db.execute("SELECT id FROM prompts WHERE digest = ?", [key]).fetchone()[0])
    return ids


def every(db: Database, split: Split | None = None) -> list[Prompt]:
    """The prompts, or those of one split, in order of arrival, without those that were taken out, are held back or
    wait."""
    where, args = ("AND split = ?", [split]) if split else ("", [])
    rows = db.query(
        f"SELECT * FROM prompts WHERE removed IS NULL AND waiting = 0 {where} AND held IS NULL ORDER BY id", args
    )
    return [_prompt(row) for row in rows]


def one_by_one(db: Database, *, after: int = 0, limit: int = -1) -> Iterator[Prompt]:
    """The same as `every` gives, one at a time: the cursor is open as long as they are read.

    Those whose id comes `after` an id, and no more than `limit`, which is any number where it is negative.
    """
    counting = (
        "SELECT * FROM prompts WHERE removed IS NULL AND waiting = 0 AND held IS NULL AND id > ? ORDER BY id LIMIT ?"
    )
    for row in db.query(counting, [after, limit]):
        yield _prompt(row)


def taken_out(db: Database) -> list[Prompt]:
    """The prompts that were taken out, refused ones included, in order of arrival."""
    return [_prompt(row) for row in db.query("SELECT * FROM prompts WHERE removed IS NOT NULL ORDER BY id")]


def held(db: Database) -> list[Prompt]:
    """The prompts that a flag holds back, in order of arrival, without those that were taken out as well."""
    rows = db.query("SELECT * FROM prompts WHERE held IS NOT NULL AND removed IS NULL ORDER BY id")
    return [_prompt(row) for row in rows]


def waiting(db: Database) -> list[Prompt]:
    """The prompts that wait for a yes, in order of arrival, without those that were refused."""
    rows = db.query("SELECT * FROM prompts WHERE waiting = 1 AND removed IS NULL ORDER BY id")
    return [_prompt(row) for row in rows]


def accept(db: Database, prompt_ids: Iterable[int]) -> None:
    """Say yes to prompts: all of them, or none where one is unknown (NotFound) or does not wait (BadInput)."""
    with writing(db):
        for prompt_id in prompt_ids:
            prompt = get(db, prompt_id)
            if prompt.removed:
                raise BadInput(f"Prompt {prompt_id} was taken out on {prompt.removed[:10]}: put it back first.")
            if not prompt.waiting:
                raise BadInput(f"Prompt {prompt_id} does not wait for a yes: nothing was changed.")
            db.execute("UPDATE prompts SET waiting = 0 WHERE id = ?", [prompt_id])


def get(db: Database, prompt_id: int) -> Prompt:
    """One prompt, whether it counts or not; raises NotFound."""
    for row in db.query("SELECT * FROM prompts WHERE id = ?", [prompt_id]):
        return _prompt(row)
    raise NotFound(f"There is no prompt {prompt_id}.")


def count(db: Database) -> int:
    """How many prompts there are, without those that were taken out, are held back or wait."""
    return db["prompts"].count_where("removed IS NULL AND waiting = 0 AND held IS NULL")


def count_heldout(db: Database) -> int:
    """How many of them models are judged on and never trained on."""
    return db["prompts"].count_where("removed IS NULL AND waiting = 0 AND held IS NULL AND split = 'eval'")


def remove(db: Database, prompt_ids: Iterable[int]) -> None:
    """Take prompts out: all of them, or none where one is unknown (NotFound) or out already (BadInput)."""
    with writing(db):
        for prompt_id in prompt_ids:
            if since := get(db, prompt_id).removed:
                raise BadInput(f"Prompt {prompt_id} was taken out already, on {since[:10]}: nothing was changed.")
            db.execute(f"UPDATE prompts SET removed = {CLOCK} WHERE id = ?", [prompt_id])


def restore(db: Database, prompt_ids: Iterable[int]) -> None:
    """Put prompts back: all of them, or none where one is unknown (NotFound) or is not taken out (BadInput)."""
    with writing(db):
        for prompt_id in prompt_ids:
            if not get(db, prompt_id).removed:
                raise BadInput(f"Prompt {prompt_id} is not taken out: nothing was changed.")
            db.execute("UPDATE prompts SET removed = NULL, removed_with = NULL WHERE id = ?", [prompt_id])


def _prompt(row: Row) -> Prompt:
    return Prompt(
        messages=tuple(json.loads(row["messages"])),
        split=row["split"],
        source=row["source"],
        id=row["id"],
        import_id=row["import_id"],
        removed=row["removed"],
        waiting=bool(row["waiting"]),
        held=row["held"],
    )
