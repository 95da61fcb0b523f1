"""Torch: chats, models, sampling, losses, the reward model, PPO. Takes plain records and never sees the store.

`from rlhf import training` loads nothing: `training.ppo` does, when it is first used. So whoever only asks (whether a
stage has anything to do, whether an option is known) has the answer at once, and not after the seconds torch takes.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlhf.training import (
        base,
        chat,
        dpo,
        elsewhere,
        foretell,
        gguf,
        likeness,
        looks,
        losses,
        metrics,
        models,
        ppo,
        pretrained,
        progress,
        proposals,
        reward,
        rollout,
        sampling,
        sft,
        trackers,
        trial,
    )

__all__ = [
    "base",
    "chat",
    "dpo",
    "elsewhere",
    "foretell",
    "gguf",
    "likeness",
    "looks",
    "losses",
    "metrics",
    "models",
    "ppo",
    "pretrained",
    "progress",
    "proposals",
    "reward",
    "rollout",
    "sampling",
    "sft",
    "trackers",
    "trial",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")
