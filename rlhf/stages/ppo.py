"""Reward model -> policy."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from rlhf.stages.context import Context, keep
from rlhf.training.chat import Sequences
from rlhf.training.metrics import distinct, divergence, win_rate
from rlhf.training.models import Role, RoleModel
from rlhf.training.ppo import train_policy
from rlhf.training.reward import score_texts
from rlhf.training.sampling import Sample, sample
from store import models, prompts
from store.errors import NotReady, Refused
from store.records import Model, Prompt


def ppo(ctx: Context, *, force: bool = False) -> Model:
    """A policy trained from the latest one against the latest reward model.

    Raises NotReady where there is no reward model, Refused where it is not good enough, unless `force`.
    """
    with ctx.store() as db:
        judge, start = models.latest(db, "reward"), models.latest(db, "policy")
        if judge is None or start is None:
            raise NotReady("There is no reward model yet: run `python launch.py reward` first.")
        if start.metrics.get("reward_id") == judge.id:
            return start
        train = prompts.every(db, "train")
        heldout = prompts.every(db, "eval")
    check_gate(judge, force=force)
    model = ctx.load_model(ctx.settings.ppo.seed)
    if start.path:
        model.load("policy", ctx.workspace.folder / start.path)
    model.fresh("reward")
    model.load("reward", ctx.workspace.folder / str(judge.path))
    model.copy("reward", "value")
    result = train_policy(
        model,
        [p.messages for p in train],
        lambda seq: score_sequences(model, judge, seq),
        ctx.settings.ppo,
        progress=ctx.progress,
        log=ctx.log,
    )
    metrics: dict[str, Any] = {"reward_id": judge.id, "steps": result.steps, "stopped": result.stopped}
    metrics |= {"shift": result.shift, "scale": result.scale, "forced": force and not judge.metrics["passes"]}
    metrics |= compare(ctx, model, judge, heldout[:200])
    metrics |= {"last_step": result.history[-1]}
    return keep(ctx, model, "policy", start, metrics)


def check_gate(judge: Model, *, force: bool) -> None:
    """Raise Refused, with what it would take, unless the reward model passes or `force` is given."""
    m = judge.metrics
    if m["passes"] or force:
        return
    more = m.get("more_rankings")
    if "heldout_needed" in m:
        remedy = (
            f"rank about {m['heldout_needed'] - m['heldout_prompts']} more held-out prompts to tell that from chance"
        )
    elif more:
        remedy = f"about {more} more rankings would do"
    else:
        remedy = "more of the same rankings would not do (clearer guidelines or more annotators a prompt might)"
    raise Refused(
        f"{judge.name} orders {m['accuracy']:.1%} of the held-out pairs right "
        f"({m['accuracy_low']:.1%} to {m['accuracy_high']:.1%}) and PPO asks for {m['required_accuracy']:.1%}: "
        f"{remedy}, or pass --force."
    )


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
        items = [(c, s.text, s.finish_reason == "stop") for c, s in zip(chats, samples, strict=True)]
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
