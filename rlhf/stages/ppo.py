"""Reward model -> policy."""

from typing import Any

from rlhf.stages.context import Context, keep
from rlhf.stages.evaluate import compare, score_sequences
from rlhf.training.ppo import train_policy
from store import models, prompts
from store.errors import NotReady, Refused
from store.records import Model


def ppo(ctx: Context, *, force: bool = False) -> Model:
    """A policy trained from the latest one against the latest reward model.

    Raises NotReady where there is no reward model, Refused where it is not good enough, unless `force`.
    """
    with ctx.store() as db:
        judge, start = models.latest(db, "reward"), models.latest(db, "policy")
        if judge is None or start is None:
            raise NotReady("There is no reward model yet: run `python launch.py reward` first.")
        if start.reward_id == judge.id:
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
    metrics: dict[str, Any] = {"steps": result.steps, "stopped": result.stopped}
    metrics |= {"shift": result.shift, "scale": result.scale, "forced": force and not judge.metrics["passes"]}
    metrics |= compare(ctx, model, judge, heldout[:200])
    metrics |= {"last_step": result.history[-1]}
    return keep(ctx, model, "policy", start, metrics, judge.id)


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
