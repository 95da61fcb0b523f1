"""Talking to versions: who may speak, and one conversation with one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlite_utils import Database

from rlhf import training
from rlhf.settings import SamplingConfig
from store import models
from store.errors import BadInput, NotReady
from store.records import Message, Model

if TYPE_CHECKING:
    from rlhf.training.models import RoleModel, Voice

AT_ONCE = 2
"""Versions that answer side by side at most: a person compares no more in one look."""


@dataclass(frozen=True)
class Answer:
    """What a version said; `ended` is False where it was cut at the limit of tokens."""

    model: str
    text: str
    ended: bool


def speakers(db: Database, names: Sequence[str]) -> list[Model]:
    """The versions of these names, or else the one that writes the next responses.

    Raises NotFound for a name that is not there, BadInput for a version that writes no text and for more than two.
    """
    if len(names) > AT_ONCE:
        raise BadInput(f"{len(names)} versions are named and at most {AT_ONCE} answer side by side: name fewer.")
    if not names:
        if (speaker := models.generator(db) or models.latest(db, "policy")) is None:
            raise NotReady("The workspace has no policy: make it again with `python launch.py init`.")
        return [speaker]
    chosen = [models.named(db, name) for name in dict.fromkeys(names)]
    for version in chosen:
        if version.kind != "policy":
            there = ", ".join(m.name for m in models.every(db, "policy"))
            what = "is a reward model and writes no text" if version.kind == "reward" else "is not in this workspace"
            raise BadInput(f"{version.name} {what}: name one of {there}.")
    return chosen


@dataclass
class Conversation:
    """One version's side of a conversation, and all that was said so far.

    `system` is a message that stands above it all, where it is not empty. The same seed and the same words give the
    same answers, whoever else speaks on the same base.
    """

    name: str
    model: RoleModel
    voice: Voice
    sampling: SamplingConfig
    system: str = ""
    said: list[Message] = field(default_factory=list)
    turn: int = 0

    def reset(self) -> None:
        """Forget what was said."""
        self.said = []

    def answer(self, words: str) -> Answer:
        """The version's answer to what was said and these words; both are remembered.

        Raises BadInput, and remembers nothing, where the conversation fills the context, or where the chat template
        refuses it.
        """
        above: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        chat: list[Message] = [*above, *self.said, {"role": "user", "content": words}]
        room = self.model.chat.room(chat, self.sampling.max_new_tokens)
        if room < 0:
            context, most = self.model.chat.context, self.sampling.max_new_tokens
            raise BadInput(
                f"{self.name} has a context of {context} tokens: the conversation takes {context - most - room} and "
                f"the answer up to {most}. Begin anew, say it shorter, or lower max_new_tokens."
            )
        config = dataclasses.replace(self.sampling, responses=1, seed=self.sampling.seed + self.turn)
        ((drawn,),) = training.sampling.sample(self.model, [chat], config, role=self.voice)
        self.turn += 1
        self.said += [{"role": "user", "content": words}, {"role": "assistant", "content": drawn.text}]
        return Answer(self.name, drawn.text, drawn.finish_reason == "stop")
