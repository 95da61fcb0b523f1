"""Direct preference optimisation (Rafailov et al. 2023) of the policy, by TRL's DPOTrainer on the quantised base.

Token ids are made by `Chat`, as those that are sampled; the reference is the adapter that the policy started from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from trl.trainer.dpo_config import DPOConfig as TrlConfig
from trl.trainer.dpo_trainer import DPOTrainer

from rlhf.settings import DPOConfig
from rlhf.training.chat import Chat, Sequences
from rlhf.training.lending import arguments, lent, run, scratch, tokenizer_for
from rlhf.training.metrics import DIVERGENCE_TOKENS, log_ratios
from rlhf.training.models import RoleModel
from rlhf.training.progress import OnLog, OnProgress, no_log, silent
from store.records import Message


@dataclass(frozen=True)
class Pair:
    """Two answers to one chat, as token ids with the end of turn; the first one is preferred."""

    messages: Sequence[Message]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]


@dataclass(frozen=True)
class PairLoss:
    """The DPO loss in nats a pair, and the share of the pairs whose chosen answer has the higher implied reward."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class DPOResult:
    """Optimiser steps done, the metrics of each, and the held-out pairs before and after (None without)."""

    steps: int
    history: list[dict[str, float]]
    before: PairLoss | None
    after: PairLoss | None


def train_dpo(
    model: RoleModel,
    train: Sequence[Pair],
    heldout: Sequence[Pair],
    config: DPOConfig,
    *,
    replay: Sequences | None = None,
    progress: OnProgress = silent,
    log: OnLog = no_log,
) -> DPOResult:
    """Train the `policy` role on pairs; the `reference` becomes a frozen copy of where it started.

    `replay` are texts of the base's own, whose loss is added. Raises WorkError when the loss stops being finite.
    """
    model.copy("policy", "reference")
    before = pair_loss(model, heldout, config.beta) if heldout else None
    weights: dict[str, Any] = (
        {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, config.sft]} if config.sft else {}
    )
    with lent(model) as peft, scratch() as folder:
        trainer = _Trainer(
            model=peft,
            args=TrlConfig(**arguments(model, folder, config), beta=config.beta, **weights),
            train_dataset=Dataset.from_list([_row(model.chat, pair) for pair in train]),
            processing_class=tokenizer_for(model),
        )
        trainer.remind(replay, config)
        history = run(trainer, model, progress, log)
    return DPOResult(len(history), history, before, pair_loss(model, heldout, config.beta) if heldout else None)


def pair_loss(model: RoleModel, pairs: Sequence[Pair], beta: float) -> PairLoss:
    """Rafailov et al. 2023, eq. 7, of `policy` against `reference`; an implied reward that is equal counts half."""
    prompts = [model.chat.prompt(pair.messages) for pair in pairs]
    ratios = [
        log_ratios(
            model,
            model.to_device(model.chat.sequences(prompts, answers)),
            1.0,
            "reference",
            tokens=DIVERGENCE_TOKENS,
        )[0]
        for answers in ([pair.chosen for pair in pairs], [pair.rejected for pair in pairs])
    ]
    margin = beta * (ratios[0] - ratios[1])
    hit = (margin > 0).double() + 0.5 * (margin == 0).double()
    return PairLoss(float(torch.nn.functional.softplus(-margin).mean()), float(hit.mean()))


def _row(chat: Chat, pair: Pair) -> dict[str, Any]:
    return {
        "prompt_ids": chat.prompt(pair.messages),
        "chosen_ids": list(pair.chosen),
        "rejected_ids": list(pair.rejected),
    }


_Untyped: Any = DPOTrainer
"""Its types are those of a trainer of whole models: no type checker can follow what is done with an adapter."""


class _Trainer(_Untyped):  # type: ignore[misc]
    """TRL's trainer on data that is token ids already, with a loss on texts of the base's own beside."""

    def _prepare_dataset(self, dataset: Any, *others: Any) -> Any:
        return dataset

    def remind(self, replay: Sequences | None, config: DPOConfig) -> None:
        """Add the loss on `replay`, nats a token, to that of the pairs: a text a pair, weighted by [dpo] replay."""
        self.replay, self.share, self.turn = replay, config.replay, 0

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **others: Any) -> Any:
        found = super().compute_loss(model, inputs, return_outputs=return_outputs, **others)
        if self.replay is None or not self.model.training:
            return found
        loss, outputs = found if return_outputs else (found, None)
        loss = loss + self.share * self._reminded(model, len(inputs["input_ids"]) // 2)
        return (loss, outputs) if return_outputs else loss

    def _reminded(self, model: Any, count: int) -> torch.Tensor:
        """Mean nats a token of the next `count` texts."""
        assert self.replay is not None
        rows = torch.arange(self.turn, self.turn + count) % len(self.replay.lengths)
        self.turn += count
        texts = self.replay.rows(rows)
        whole = {"input_ids": texts.input_ids, "attention_mask": texts.attention_mask.long()}
        labels = texts.input_ids.masked_fill(~texts.attention_mask, -100)
        labels[:, : texts.prompt_ids.shape[1]] = -100
        on = {name: value.to(self.accelerator.device) for name, value in {**whole, "labels": labels}.items()}
        loss: torch.Tensor = model(
            **on, position_ids=texts.position_ids.to(on["labels"].device), fused_lm_head=True
        ).loss
        return loss
