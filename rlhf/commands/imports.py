"""The commands `imports` and `prompts`: what a workspace was given, taking some of it out, and putting it back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from textwrap import shorten

from sqlite_utils import Database

from rlhf.commands.door_options import ImportsOptions, PromptsOptions
from rlhf.commands.parse import Call
from store import imports as files
from store import prompts as chats
from store import rankings
from store.called import as_called
from store.db import writing
from store.errors import BadInput
from store.records import Json, Prompt
from store.results import as_json

SHOWN = 60
"""Characters of a prompt in the list; its `messages` are whole in JSON."""
RATE_AGAIN = "Rate again, so that the scores know of it: python launch.py rate"
ANSWER_THEM = "Let a version answer them, so that people can rank: python launch.py generate"
STILL_HELD = "A flag holds {} of them back all the same, until somebody decides it: python launch.py inbox list"

Change = Callable[[Database, Iterable[int]], None]
"""What accepts, takes out or puts back all of these ids, or none of them."""
CHANGES: dict[str, Change] = {"accept": chats.accept, "remove": chats.remove, "restore": chats.restore}


@dataclass(frozen=True)
class Changed:
    """How many prompts were accepted, taken out or put back, and how many rankings rest on them."""

    action: str
    prompts: int
    rankings: int
    next: str = ""


def imports(call: Call[ImportsOptions]) -> Json | Changed:
    """The command `imports`: every file that was imported; some taken out whole, or put back."""
    asked = call.options
    _check(call.name, asked.action, asked.ids)
    with call.workspace.store() as db:
        if asked.action != "list":
            return _changed(db, asked.action, files.remove if asked.action == "remove" else files.restore, asked.ids)
        rows = [_file(as_json(each)) for each in files.every(db)]
        return {"count": len(rows), "imports": rows}


def prompts(call: Call[PromptsOptions]) -> Json | Changed:
    """The command `prompts`: those that stand, wait or were taken out; some accepted, taken out, put back."""
    asked = call.options
    _check(call.name, asked.action, asked.ids)
    if asked.action != "list" and (asked.removed or asked.waiting or asked.find):
        raise BadInput("--removed, --waiting and --find choose what is listed: give them to `prompts list`.")
    if asked.removed and asked.waiting:
        raise BadInput("--removed and --waiting are two lists: ask for one of them.")
    with call.workspace.store() as db:
        if asked.action != "list":
            return _changed(db, asked.action, CHANGES[asked.action], asked.ids)
        listed = chats.taken_out(db) if asked.removed else chats.waiting(db) if asked.waiting else chats.every(db)
        found = [prompt for prompt in listed if _has(prompt, asked.find)]
        ranked = rankings.per_prompt(db)
        return {"count": len(found), "prompts": [_row(prompt, ranked.get(prompt.id, 0)) for prompt in found]}


def _check(name: str, action: str, ids: tuple[int, ...]) -> None:
    if action == "list" and ids:
        raise BadInput(f"`{name} list` takes no numbers, and {ids[0]} is one: leave it out.")
    if action != "list" and not ids:
        raise BadInput(f"`{name} {action}` was given 0 numbers: `python launch.py {name} list` shows them.")


def _changed(db: Database, action: str, change: Change, ids: tuple[int, ...]) -> Changed:
    moved = chats.waiting if action == "accept" else chats.taken_out
    with writing(db):
        many, rested = len(moved(db)), rankings.count(db)
        change(db, dict.fromkeys(ids))
        many, rested = abs(len(moved(db)) - many), abs(rankings.count(db) - rested)
    held = [prompt for prompt in chats.held(db) if change is chats.restore and prompt.id in ids]
    if held:
        then = STILL_HELD.format(len(held))
    else:
        then = RATE_AGAIN if rested else ANSWER_THEM if action == "accept" else ""
    return Changed(action, many, rested, as_called(then))


def _has(prompt: Prompt, words: str) -> bool:
    text = " ".join(turn["content"] for turn in prompt.messages).casefold()
    return all(word in text for word in words.casefold().split())


def _file(told: Json) -> Json:
    # The number first, and the longest last: the columns of the table that a person reads.
    number, digest = told.pop("id"), told.pop("sha256")
    return {"id": number, **told, "sha256": digest}


def _row(prompt: Prompt, ranked: int) -> Json:
    # What moves the cursor of a terminal is left out: a prompt is text from anywhere.
    plain = "".join(letter if letter.isprintable() else " " for letter in prompt.text)
    return {
        "id": prompt.id,
        "split": prompt.split,
        **({"source": prompt.source} if prompt.waiting else {}),
        "import_id": prompt.import_id,
        "rankings": ranked,
        "removed": prompt.removed,
        "text": shorten(plain, SHOWN, placeholder="…") or plain[:SHOWN],
        "messages": list(prompt.messages),
    }
