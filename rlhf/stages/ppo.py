"""Reward model -> policy."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rlhf import training
from rlhf.settings import GateConfig, PPOConfig, SamplingConfig, ppo_config
from rlhf.stages import gate
from rlhf.stages.compare import compare
from rlhf.stages.context import Context, Made, record, same_settings, write
from rlhf.stages.forgetting import forgotten, replay_text
from rlhf.stages.halves import BROKEN_OFF, half_done, is_half
from rlhf.stages.judges import score_sequences
from rlhf.stages.run_looks import keep_looks
from rlhf.stages.start import start_for
from store import models, prompts
from store.db import writing
from store.errors import NotReady, Refused
from store.records import Model, Prompt
from store.results import PolicyComparison, as_json, comparison, judgement

if TYPE_CHECKING:
    from rlhf.training.models import RoleModel
    from rlhf.training.ppo import PPOResult

log = logging.getLogger(__name__)

PTX_TEXTS = 512
"""Texts of the base's own that PTX goes through, again and again; fewer where there are fewer."""


def ppo(ctx: Context, *, force: bool = False, again: bool = False) -> Made[Model]:
    """Train a policy against the latest reward model, starting from the latest policy that older scores led to.

    Where that was done already with the same settings, the policy of then is returned, unless `again`; where only its
    comparison was broken off, that is made now. Raises NotReady where there is no reward model or no prompt to train
    on, Refused where the reward model is not good enough, unless `force`.
    """
    config = ppo_config(ctx.settings)
    tables = {**ctx.tables("model"), "ppo": as_json(config)}
    with ctx.store() as db:
        judge = models.latest(db, "reward")
        if judge is None:
            raise NotReady("There is no reward model yet: run `python launch.py reward` first.")
        done = models.latest(db, "policy")
        if not (done and done.reward_id == judge.id and same_settings(done.settings, tables) and not again):
            done = half_done(db, ctx.job_id)
    if done and is_half(done):
        return Made(_measured(ctx, _loaded_again(ctx, done, config.seed), done))
    if done:
        return Made(done, f"Nothing new since {done.name}, trained against {judge.name}: pass --again.")
    with ctx.store() as db:
        start = start_for(db, judge.rating_id, reach=config.kl_target, limit=config.max_drift)
        train, heldout = prompts.every(db, "train"), prompts.every(db, "eval")
    if not train:
        raise NotReady("There are 0 prompts to train on: import some with `python launch.py import FILE`.")
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
        beside=training.ppo.Beside(
            heldout=[p.messages for p in parted(heldout, config)[0]],
            own_text=replay_text(ctx, model, PTX_TEXTS) if config.ptx_coef else None,
        ),
        progress=ctx.progress,
        log=ctx.log,
    )
    log.info("PPO keeps %s%s.", result.why, f" (stopped early: {result.stopped})" if result.stopped else "")
    made = Model(
        name="",
        kind="policy",
        base_model="",
        parent_id=start.id,
        metrics=as_json(_unmeasured(result, judge, BROKEN_OFF, forced=force and not passes)),
        reward_id=judge.id,
        made_by="ppo",
        settings=tables,
    )
    weights = result.weights if config.keep_looks else {}
    written = write(ctx, model, made, beside=lambda folder: keep_looks(model, weights, folder))
    with ctx.store() as db:
        policy = record(db, written)
    return Made(_measured(ctx, model, policy))


def parted(heldout: Sequence[Prompt], config: PPOConfig) -> tuple[Sequence[Prompt], Sequence[Prompt]]:
    """Held-out prompts that choose which step's policy is kept, and others that it is compared on afterwards.

    At most a quarter chooses: where there are few, training looks at prompts of its own instead.
    """
    choosing = min(config.check_prompts, len(heldout) // 4)
    rest = len(heldout) - choosing
    return heldout[rest:], heldout[:rest][: config.compare_prompts]


def _measured(ctx: Context, model: RoleModel, policy: Model) -> Model:
    """The policy with its comparison, where that can be made; the record is there already, without it.

    Hours of training are in it: neither an error here nor a kill loses it.
    """
    known = comparison(policy)
    assert known is not None  # PPO made its metrics
    with ctx.store() as db:
        judge, heldout = models.get(db, policy.reward_id or 0), prompts.every(db, "eval")
    compared = parted(heldout, ppo_config(ctx.settings))[1]
    try:
        told = _compared(ctx, model, judge, known, compared)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        log.warning("%s is kept, but it could not be compared with the base (%s).", policy.name, reason)
        told = dataclasses.replace(known, unmeasured=reason)
    with ctx.store() as db, writing(db):
        done = models.measured(db, policy.id, as_json(told))
        ctx.made(db, Made(done))
    return done


def _compared(
    ctx: Context, model: RoleModel, judge: Model, known: PolicyComparison, compared: Sequence[Prompt]
) -> PolicyComparison:
    if not compared:
        return dataclasses.replace(known, unmeasured="there are no held-out prompts")
    found = compare(ctx, model, judge, compared)
    figures = {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}
    forgets = forgotten(ctx, model, "reference", "policy")
    drawn = _drawn(ctx.settings.sampling)
    return dataclasses.replace(known, **figures, unmeasured="", kl_measured=drawn, forgetting=forgets)


def _loaded_again(ctx: Context, policy: Model, seed: int) -> RoleModel:
    """The roles as they are when training ends: the policy, the one it started from, and its judge."""
    with ctx.store() as db:
        parent, judge = (models.get(db, number or 0) for number in (policy.parent_id, policy.reward_id))
    model = ctx.load_model(seed)
    ctx.load_role(model, parent)
    model.copy("policy", "reference")
    model.fresh("reward")
    ctx.load_role(model, judge)
    ctx.load_role(model, policy)
    return model


def _unmeasured(result: PPOResult, judge: Model, reason: str, *, forced: bool) -> PolicyComparison:
    """What training itself knows of the policy: its last look, in deviations of the reward model's scores."""
    first, kept = result.looks[0], result.kept
    return PolicyComparison(
        steps=result.steps,
        stopped=result.stopped,
        shift=result.shift,
        scale=result.scale,
        forced=forced,
        reward_before=first.reward * result.scale + result.shift,
        reward_after=kept.reward * result.scale + result.shift,
        reward_base=None,
        kl=None,
        kl_reference=kept.kl,
        win_rate=None,
        judge=judge.name,
        distinct=kept.distinct,
        length=kept.length,
        last_step=result.history[-1] if result.history else {},
        kept_step=kept.step,
        kept=result.why,
        unmeasured=reason,
    )


def _drawn(config: SamplingConfig) -> str:
    """In words, of which distribution a comparison's KL is."""
    drawn = f"answers drawn at temperature {config.temperature:g}"
    whole = f" and top_p 1 (those compared were drawn with {config.top_p:g})" if config.top_p < 1 else ""
    return f"{drawn}{whole}, log-ratios over all tokens at temperature {config.temperature or 1.0:g}"


def check_gate(judge: Model, config: GateConfig, *, force: bool) -> bool:
    """Whether the reward model is good enough; raises Refused, with what it would take, unless `force`."""
    reason = gate.refusal(judgement(judge), config)
    if reason and not force:
        raise Refused(f"PPO does not use {judge.name} yet. {reason}, or pass --force.")
    return reason is None
