"""The word of a judge who knows: the simulated annotators' noiseless utility, on prompts nobody trained on."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from rlhf.stages.context import Context
from rlhf.tiny.annotator import utility
from rlhf.tiny.prompts import TinyPrompt, evaluation_prompts, new_topic_prompts
from rlhf.training.metrics import win_rate
from rlhf.training.models import Role, RoleModel
from rlhf.training.sampling import sample
from store.records import Message, Model


def judge_by_simulated(ctx: Context, policy: Model) -> dict[str, Any]:
    """Win rate of a policy against the base, on held-out prompts and on topics that were never ranked.

    `utility_before` and `utility_after` are means of the base and of the policy; manners are worth -2 to 2 and an
    answer to the topic asked is worth 5.
    """
    model = ctx.load_model()
    if policy.path:
        model.load("policy", ctx.workspace.folder / policy.path)
    known, unknown = evaluation_prompts(), new_topic_prompts()
    asked = [*known, *unknown]
    new, base = (_answers(ctx, model, asked, role) for role in ("policy", "base"))
    after, before = (_utilities(asked, answers) for answers in (new, base))
    n = len(known)
    return {
        "win_rate": win_rate(after[:n], before[:n]),
        "win_rate_new_topics": win_rate(after[n:], before[n:]),
        "utility_before": float(before[:n].mean()),
        "utility_after": float(after[:n].mean()),
        "examples": [
            {"prompt": p.text, "base": old, "policy": fresh}
            for p, old, fresh in zip(asked[:8], base, new, strict=False)
        ],
    }


def _answers(ctx: Context, model: RoleModel, asked: Sequence[TinyPrompt], role: Role) -> list[str]:
    # The seed is fixed, so that every round of every policy meets the same luck.
    one = dataclasses.replace(ctx.settings.sampling, responses=1, seed=ctx.settings.sampling.seed + 11)
    chats: list[list[Message]] = [[{"role": "user", "content": p.text}] for p in asked]
    groups = sample(model, chats, one, role=role, progress=ctx.progress)
    return [group[0].text for group in groups]


def _utilities(asked: Sequence[TinyPrompt], answers: Sequence[str]) -> np.ndarray:
    return np.array([utility(p.text, answer) for p, answer in zip(asked, answers, strict=True)])
