"""Reward model -> policy."""

from __future__ import annotations

import dataclasses

from sqlite_utils import Database

from rlhf import training
from rlhf.settings import GateConfig, ppo_config
from rlhf.stages import gate
from rlhf.stages.context import Context, Made, keep, same_settings
from rlhf.stages.evaluate import compare, score_sequences
from store import models, prompts
from store.errors import NotReady, Refused
from store.records import Model
from store.results import PolicyComparison, as_json, judgement


def ppo(ctx: Context, *, force: bool = False, again: bool = False) -> Made[Model]:
    """A policy trained against the latest reward model, from the latest policy that older scores made.

    Nothing is trained where that was done with the same settings, unless `again`. Raises NotReady where there is no
    reward model, Refused where it is not good enough, unless `force`.
    """
    config = ppo_config(ctx.settings)
    tables = {**ctx.tables("model"), "ppo": as_json(config)}
    with ctx.store() as db:
        judge = models.latest(db, "reward")
        if judge is None:
            raise NotReady("There is no reward model yet: run `python launch.py reward` first.")
        done = models.latest(db, "policy")
        if done and done.reward_id == judge.id and same_settings(done.settings, tables) and not again:
            return Made(done, f"Nothing new since {done.name}, trained against {judge.name}: pass --again.")
        start = _start(db, judge)
        train, heldout = prompts.every(db, "train"), prompts.every(db, "eval")
    judged = judgement(judge)
    passes = check_gate(judge, ctx.settings.gate, force=force)
    model = ctx.load_model(config.seed)
    ctx.load_role(model, start)
    model.fresh("reward")
    ctx.load_role(model, judge)
    model.copy("reward", "value")
    result = training.ppo.train_policy(
        model,
        [p.messages for p in train],
        lambda seq: score_sequences(model, judged, seq),
        config,
        progress=ctx.progress,
        log=ctx.log,
    )
    measured = compare(ctx, model, judge, heldout[: config.compare_prompts])
    figures = PolicyComparison(
        steps=result.steps,
        stopped=result.stopped,
        shift=result.shift,
        scale=result.scale,
        forced=force and not passes,
        last_step=result.history[-1],
        **{f.name: getattr(measured, f.name) for f in dataclasses.fields(measured)},
    )
    made = Model(
        name="",
        kind="policy",
        base_model="",
        parent_id=start.id,
        metrics=as_json(figures),
        reward_id=judge.id,
        made_by="ppo",
        settings=tables,
    )
    return Made(keep(ctx, model, made))


def _start(db: Database, judge: Model) -> Model:
    """The newest policy that owes nothing to the judge's scores: a second try starts where the first one did."""
    rating_of = {m.id: m.rating_id for m in models.every(db, "reward")}
    for policy in reversed(models.every(db, "policy")):
        if policy.reward_id is None or rating_of.get(policy.reward_id) != judge.rating_id:
            return policy
    raise NotReady("The workspace has no policy: make it again with `python launch.py init`.")


def check_gate(judge: Model, config: GateConfig, *, force: bool) -> bool:
    """Whether the reward model is good enough; raises Refused, with what it would take, unless `force`."""
    judged = judgement(judge)
    if gate.passes(judged.accuracy, judged.accuracy_low, config, judged.vote_agreement):
        return True
    if force:
        return False
    if judged.heldout_needed is not None:
        remedy = (
            f"rank about {judged.heldout_needed - judged.heldout_prompts} more held-out prompts "
            "to tell that from chance"
        )
    elif judged.more_rankings:
        remedy = f"about {judged.more_rankings} more rankings would do"
    else:
        remedy = "more of the same rankings would not do (clearer guidelines or more annotators a prompt might)"
    raise Refused(
        f"{judge.name} orders {judged.accuracy:.1%} of the held-out pairs right "
        f"({judged.accuracy_low:.1%} to {judged.accuracy_high:.1%}) and PPO asks for "
        f"{gate.required(config, judged.vote_agreement):.1%}: {remedy}, or pass --force."
    )
