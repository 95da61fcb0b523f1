"""A policy judged: by the reward model on held-out prompts, by the simulated annotators on prompts nobody ranked."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from rlhf.stages.context import Context
from rlhf.tiny.annotator import utility
from rlhf.tiny.prompts import TinyPrompt, evaluation_prompts, new_topic_prompts
from rlhf.training.chat import Sequences
from rlhf.training.metrics import distinct, divergence, win_rate
from rlhf.training.models import Role, RoleModel
from rlhf.training.reward import score_texts
from rlhf.training.sampling import Sample, sample
from store.records import Message, Model, Prompt, is_whole


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


@torch.no_grad()
def score_sequences(model: RoleModel, judge: Model, seq: Sequences) -> torch.Tensor:
    """Normalised rewards of token sequences, (B,)."""
    with model.role("reward"):
        return (model.scores(seq) - judge.metrics["mean"]) / judge.metrics["std"]


def compare(ctx: Context, model: RoleModel, judge: Model, heldout: Sequence[Prompt]) -> dict[str, Any]:
    """The new policy against where it started and against the base, on prompts that PPO never saw.

    Rewards are in standard deviations of the reward model's training responses; `win_rate` is by the reward model.
    """
    chats = [p.messages for p in heldout]
    one = dataclasses.replace(ctx.settings.sampling, responses=1, seed=ctx.settings.sampling.seed + 7)

    def answers(role: Role) -> list[Sample]:
        return [group[0] for group in sample(model, chats, one, role=role, progress=ctx.progress)]

    def rewards(samples: Sequence[Sample]) -> np.ndarray:
        items = [(c, s.text, is_whole(s.finish_reason)) for c, s in zip(chats, samples, strict=True)]
        return (score_texts(model, items) - judge.metrics["mean"]) / judge.metrics["std"]

    new, before, base = answers("policy"), answers("reference"), answers("base")
    reward_new, reward_base = rewards(new), rewards(base)
    return {
        "reward_before": float(rewards(before).mean()),
        "reward_after": float(reward_new.mean()),
        "reward_base": float(reward_base.mean()),
        "kl": divergence(model, chats, new, one.temperature),
        "kl_reference": divergence(model, chats, new, one.temperature, against="reference"),
        "win_rate": win_rate(reward_new, reward_base),
        "distinct": distinct([s.text for s in new]),
        "length": float(np.mean([len(s.token_ids) for s in new])),
        "examples": [
            {"prompt": p.text, "base": old.text, "policy": fresh.text}
            for p, old, fresh in zip(heldout[:8], base, new, strict=False)
        ],
    }
