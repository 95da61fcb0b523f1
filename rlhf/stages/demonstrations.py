"""What supervised fine-tuning is shown: the answers of a file, or the responses that people ranked highest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sqlite_utils import Database

from rlhf import training
from rlhf.stages.rated import rated_prompts
from store import prompts, scores
from store.errors import BadInput, NotReady
from store.formats import demonstrations as files
from store.records import Json, Rating

if TYPE_CHECKING:
    from rlhf.training.chat import Chat
    from rlhf.training.sft import Demonstration

NAMED = 5
"""Demonstrations that a refusal names before it says how many more there are."""


class Source(Protocol):
    """Where demonstrations come from."""

    @property
    def told(self) -> Json:
        """What is stored with the policy: the same data is told alike."""

    def read(self, db: Database, chat: Chat) -> Data:
        """All of them as token ids, divided into what is trained on and what is held out."""


@dataclass
class Data:
    """Demonstrations of the two splits, and the places of those that exceed the context."""

    train: list[Demonstration] = field(default_factory=list)
    heldout: list[Demonstration] = field(default_factory=list)
    too_long: list[str] = field(default_factory=list)

    def add(self, chat: Chat, shown: Demonstration, split: str, place: str) -> None:
        """Put one where it belongs."""
        if chat.room(shown.messages, len(shown.answer)) < 0:
            self.too_long.append(place)
        else:
            (self.train if split == "train" else self.heldout).append(shown)

    def check(self, chat: Chat, *, skip_long: bool) -> None:
        """Raise BadInput where some exceed the context, unless they may be left out, and where none is left."""
        if self.too_long and not skip_long:
            named = ", ".join(self.too_long[:NAMED])
            more = f" and {len(self.too_long) - NAMED} more" if len(self.too_long) > NAMED else ""
            raise BadInput(
                f"{len(self.too_long)} demonstrations exceed the context of {chat.context} tokens ({named}{more}): "
                "shorten them, or pass --skip-long to leave them out."
            )
        if not self.train:
            raise BadInput(f"0 demonstrations are left to train on ({len(self.heldout)} are held out): add more.")


class FromFile:
    """The demonstrations of a file; raises BadInput for one that cannot be used, naming its broken lines."""

    def __init__(self, file: str | None) -> None:
        if not file:
            raise BadInput("There is nothing to learn from: name a file with --data FILE, or pass --from rankings.")
        found = files.read(Path(file))
        if found.broken:
            raise BadInput(
                f"{file} has broken lines ({len(found.broken)}): {found.describe_broken()}. Mend or remove them."
            )
        self.name, self.shown = Path(file).name, found.shown

    @property
    def told(self) -> Json:
        """The name of the file, and SHA-256 of what it shows: the same data is known in any file and form."""
        told = json.dumps([[one.messages, one.answer] for one in self.shown], ensure_ascii=False)
        return {"sha256": hashlib.sha256(told.encode()).hexdigest()}

    def read(self, db: Database, chat: Chat) -> Data:
        """All of them; one whose prompt is held out in the workspace is held out here too."""
        split_of = _splits(db)
        found = Data()
        for one in self.shown:
            made = training.sft.Demonstration(one.messages, tuple(chat.response(one.answer)))
            found.add(chat, made, split_of(one.messages), f"line {one.line}")
        return found


class FromRankings:
    """The `top` responses of each prompt by the newest scores; raises NotReady where there are none."""

    def __init__(self, db: Database, top: int) -> None:
        self.rating: Rating = scores.require_latest(db)
        self.top = top

    @property
    def told(self) -> Json:
        """The rating, and how many responses of a prompt."""
        return {"rating": self.rating.id, "top": self.top}

    def read(self, db: Database, chat: Chat) -> Data:
        """Finished responses alone: one that was cut would teach not to end."""
        found = Data()
        for rated in rated_prompts(db, self.rating, chat):
            order = sorted(range(len(rated.scores)), key=lambda k: -rated.scores[k].elo)
            whole = [k for k in order if rated.responses[k].finished][: self.top]
            for k in whole:
                made = training.sft.Demonstration(rated.prompt.messages, rated.answers[k])
                found.add(chat, made, rated.prompt.split, f"response {rated.responses[k].id}")
        if not found.train:
            raise NotReady("No response to a train prompt has a score yet: rank some, and run rate.")
        return found


def _splits(db: Database) -> Callable[[Sequence[dict[str, str]]], str]:
    # Those that were taken out, are held back or wait, too: they may count one day, and are judged on then.
    every = (*prompts.every(db), *prompts.taken_out(db), *prompts.waiting(db), *prompts.held(db))
    known = {prompts.digest(p.messages): p.split for p in every}
    return lambda messages: known.get(prompts.digest(messages)) or prompts.draw_split(messages)
