"""Talking to versions: one conversation with one of them, and one prompt put to two of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rlhf import training
from rlhf.settings import SamplingConfig
from rlhf.stages.context import Context
from store import models, prompts
from store.errors import BadInput
from store.records import Message
from store.results import Answer, Answers

if TYPE_CHECKING:
    from rlhf.training.models import RoleModel, Voice


def answer(ctx: Context, *, prompt: str, versions: Sequence[str] = ()) -> Answers:
    """Put one prompt to one version, or to two of them side by side; nothing is stored but the job's result.

    Raises BadInput for a prompt that is empty or fills the context, and as `store.models.speakers` does.
    """
    asked = prompts.make([{"role": "user", "content": prompt}], source="asked").text
    with ctx.store() as db:
        chosen = models.speakers(db, versions)
    model = ctx.load_model()
    told = []
    for done, version in enumerate(chosen):
        ctx.progress(done, len(chosen), f"{version.name} answers")
        voice = ctx.load_version(model, version)
        told.append(Conversation(version.name, model, voice, ctx.settings.sampling).answer(asked))
    return Answers(asked, tuple(told))


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
