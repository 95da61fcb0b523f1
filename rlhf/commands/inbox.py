"""The command `inbox`: what annotators said beside their rankings, and what is decided of it."""

from dataclasses import dataclass

from rlhf.commands.imports import RATE_AGAIN
from rlhf.commands.options import InboxOptions
from rlhf.commands.parse import Call
from rlhf.commands.user import whoami
from store import naming, voices
from store.errors import BadInput
from store.records import Json
from store.results import as_json
from store.voices import Decision

DECISIONS: dict[str, Decision] = {"put-back": "put back", "take-out": "taken out", "read": "read"}
"""Each action that decides, and what it decides."""


@dataclass(frozen=True)
class Decided:
    """How many voices were named, and how many prompts went back or out with them."""

    action: str
    voices: int
    prompts: int
    next: str = ""


def inbox(call: Call[InboxOptions]) -> Json | Decided:
    """The command `inbox`: voices by kind and person, open or decided; some decided."""
    asked = call.options
    filtered = asked.kind or asked.person or asked.decided
    if asked.action == "list" and asked.ids:
        raise BadInput(f"`inbox list` takes no numbers, and {asked.ids[0]} is one: leave it out.")
    if asked.action != "list" and not asked.ids:
        raise BadInput(f"`inbox {asked.action}` was given 0 numbers: `python launch.py inbox list` shows them.")
    if asked.action != "list" and filtered:
        raise BadInput("--kind, --person and --decided choose what is listed: give them to `inbox list`.")
    with call.workspace.store() as db:
        if asked.action != "list":
            moved = voices.decide(db, asked.ids, DECISIONS[asked.action], whoami())
            return Decided(asked.action, len(set(asked.ids)), moved, RATE_AGAIN if moved else "")
        found = voices.every(db, kind=asked.kind or "", person=asked.person, decided=asked.decided)
        named = [as_json(each) for each in naming.in_open_tasks(db)]
        told = [as_json(voice) for voice in found]
        return {"count": len(found), "open": voices.open_ones(db), "voices": told, "naming_a_model": named}
