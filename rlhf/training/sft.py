"""Supervised fine-tuning of the policy on demonstrations, by TRL's SFTTrainer on the quantised base.

The loss is on the answers only, the token that ends a turn included: token ids are made by `Chat`, so that what is
taught is what is sampled, whatever the tokenizer's own idea of an end is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset
from trl.trainer.sft_config import SFTConfig as TrlConfig
from trl.trainer.sft_trainer import SFTTrainer

from rlhf.settings import SFTConfig
from rlhf.training.chat import Chat, Sequences
from rlhf.training.lending import arguments, lent, run, scratch, tokenizer_for
from rlhf.training.metrics import nats
from rlhf.training.models import RoleModel
from rlhf.training.progress import OnLog, OnProgress, no_log, silent
from store.errors import BadInput
from store.records import Message


@dataclass(frozen=True)
class Demonstration:
    """A chat that ends with the user's turn, and the answer that it should get, as token ids with the end of turn."""

    messages: Sequence[Message]
    answer: tuple[int, ...]


@dataclass(frozen=True)
class SFTResult:
    """Optimiser steps done, the metrics of each, and the held-out loss before and after, nats a token.

    The losses are None where nothing was held out.
    """

    steps: int
    history: list[dict[str, float]]
    loss_before: float | None
    loss_after: float | None


def train_sft(
    model: RoleModel,
    train: Sequence[Demonstration],
    heldout: Sequence[Demonstration],
    config: SFTConfig,
    *,
    replay: Sequences | None = None,
    progress: OnProgress = silent,
    log: OnLog = no_log,
) -> SFTResult:
    """Train the `policy` role on demonstrations; the `reference` becomes a frozen copy of where it started.

    `replay` are texts of the base's own, which are mixed in as they are. Raises BadInput where an answer does not fit
    the context, WorkError when the loss stops being finite.
    """
    chat = model.chat
    rows = [_row(chat, shown) for shown in train]
    judged = chat.sequences(
        [chat.prompt(shown.messages) for shown in heldout], [list(shown.answer) for shown in heldout]
    )
    model.copy("policy", "reference")
    if replay is not None:
        rows += _texts(replay)
    before = nats(model, judged, "policy") if heldout else None
    with lent(model) as peft, scratch() as folder:
        trainer = SFTTrainer(
            model=peft,
            args=TrlConfig(**arguments(model, folder, config), dataset_kwargs={"skip_prepare_dataset": True}),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer_for(model),
        )
        history = run(trainer, model, progress, log)
    after = nats(model, judged, "policy") if heldout else None
    return SFTResult(len(history), history, before, after)


def _row(chat: Chat, shown: Demonstration) -> dict[str, Any]:
    prompt = chat.prompt(shown.messages)
    if len(prompt) + len(shown.answer) > chat.context:
        raise BadInput(
            f"A demonstration of {len(prompt)} tokens and an answer of {len(shown.answer)} exceed the context of "
            f"{chat.context}: shorten it, or pass --skip-long."
        )
    return {"input_ids": [*prompt, *shown.answer], "labels": [-100] * len(prompt) + list(shown.answer)}


def _texts(replay: Sequences) -> list[dict[str, Any]]:
    rows = []
    for i in range(len(replay.lengths)):
        prompt = replay.prompt_ids[i][replay.prompt_mask[i]].tolist()
        rest = replay.response_ids[i][replay.response_mask[i]].tolist()
        rows.append({"input_ids": [*prompt, *rest], "labels": [-100] * len(prompt) + rest})
    return rows
