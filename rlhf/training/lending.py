"""The policy lent to a trainer of TRL, and taken back: one base in memory, whoever trains on it.

TRL looks for an adapter called `default`, sets padding and stop tokens, replaces the base's forward and rounds the
adapter to bf16. So the policy is lent as a copy of that name, and all that was touched is put back at the end.
"""

import copy
import math
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase, PrinterCallback, TrainerCallback

from rlhf.training.models import RoleModel
from rlhf.training.progress import OnLog, OnProgress
from store.errors import WorkError

LENT: Any = "default"
"""The name of the adapter that TRL trains."""

TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id")
"""What transformers' Trainer makes the model's configurations agree with its tokenizer on."""


@contextmanager
def lent(model: RoleModel) -> Iterator[Any]:
    """The PeftModel with a copy of the policy as its adapter `default`, which becomes the policy at the end.

    Where the work raises, the policy stays what it was.
    """
    base = model.base
    config = base.config.get_text_config()
    before = {name: getattr(config, name, None) for name in TOKENS}
    generation, forward = base.generation_config, base.__dict__.get("forward")
    # As the trainer would put them anyway, with a warning.
    base.generation_config = copy.deepcopy(generation)
    for name in TOKENS:
        for told in (config, base.generation_config):
            setattr(told, name, getattr(tokenizer_for(model), name))
    model.fresh(LENT)
    model.copy("policy", LENT)
    model.train_roles(LENT)
    try:
        with model.role(LENT), _quiet():
            # The PeftModel's own idea of what is active: after each look at the reference, TRL goes back to that.
            model.peft.set_adapter(LENT)
            yield model.peft
        model.copy(LENT, "policy")
    finally:
        base.__dict__.pop("forward", None)
        if forward is not None:
            base.forward = forward
        base.generation_config = generation
        for name, value in before.items():
            setattr(config, name, value)
        model.peft.set_adapter("policy")
        if "ref" in model.peft.peft_config:
            model.peft.delete_adapter("ref")
        model.drop(LENT)
        model.train_roles()


@contextmanager
def _quiet() -> Iterator[None]:
    """TRL 1.16 warns of its own defaults each time that a trainer is made."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*gradient_checkpointing", FutureWarning)
        yield


def tokenizer_for(model: RoleModel) -> PreTrainedTokenizerBase:
    """A tokenizer for a trainer to change as it likes; its padding token is the one that the model pads with."""
    tokenizer = copy.deepcopy(model.chat.tokenizer)
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(model.chat.pad_id)
    return tokenizer


def arguments(model: RoleModel, folder: str, config: Any) -> dict[str, Any]:
    """What SFTConfig and DPOConfig share: no file is written, nothing is reported, 8-bit AdamW, linear decay.

    `config` has batch_size, microbatch_size, epochs, learning_rate, warmup, max_grad_norm and seed.
    """
    cuda = model.device.type == "cuda"
    return {
        "output_dir": folder,
        "per_device_train_batch_size": config.microbatch_size,
        "gradient_accumulation_steps": config.batch_size // config.microbatch_size,
        "num_train_epochs": config.epochs,
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": config.warmup,  # a share, where it is below 1
        "max_grad_norm": config.max_grad_norm,
        "optim": "paged_adamw_8bit" if cuda else "adamw_bnb_8bit",
        "bf16": cuda,
        "gradient_checkpointing": False,
        "use_cpu": not cuda,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": config.seed,
        "data_seed": config.seed,
        "max_length": None,
        "dataloader_pin_memory": cuda,
    }


def run(trainer: Any, model: RoleModel, progress: OnProgress, log: OnLog) -> list[dict[str, float]]:
    """Train; returns the metrics of each step. Raises WorkError when the loss stops being finite."""
    for parameter in model.parameters(LENT):  # TRL has rounded them to bf16, in which small steps are lost
        parameter.data = parameter.data.float()
    model.copy("policy", LENT)
    trainer.remove_callback(PrinterCallback)  # which prints on stdout, where the result belongs
    told = _Told(progress, log)
    trainer.add_callback(told)
    trainer.train()
    if not all(torch.isfinite(p).all() for p in model.parameters(LENT)):
        raise WorkError("Training stopped being finite (weights): lower the learning rate.")
    return told.history


class _Told(TrainerCallback):
    """What a trainer of transformers says, told as everything else here is."""

    def __init__(self, progress: OnProgress, log: OnLog) -> None:
        self.progress, self.log = progress, log
        self.history: list[dict[str, float]] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **others: Any) -> None:
        if "loss" not in (logs or {}):  # the summary at the end
            return
        metrics = {name: float(value) for name, value in logs.items() if name != "epoch"}
        if not all(math.isfinite(value) for value in metrics.values()):
            bad = ", ".join(name for name, value in metrics.items() if not math.isfinite(value))
            raise WorkError(
                f"Training stopped being finite at step {state.global_step} ({bad}): lower learning_rate."
            )
        self.history.append(metrics)
        self.log(len(self.history) - 1, metrics)
        self.progress(state.global_step, state.max_steps, f"training: loss {metrics['loss']:.3f}")


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder that a trainer asks for and writes nothing to that is kept."""
    return tempfile.TemporaryDirectory(prefix="rankloop-")
