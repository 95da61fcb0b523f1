"""What supervised fine-tuning and DPO share as stages: the policy they start from, what is measured, what is kept."""

from __future__ import annotations

import dataclasses
import logging
import time
from typing import TYPE_CHECKING

from rlhf import training
from rlhf.stages.compare import answers, uncut
from rlhf.stages.context import Context, Made, record, same_settings, write
from rlhf.stages.forgetting import forgotten, replay_text
from rlhf.stages.halves import BROKEN_OFF
from store import models, prompts
from store.db import writing
from store.records import Json, Model
from store.results import TunedFigures, as_json, tuned

if TYPE_CHECKING:
    from sqlite_utils import Database

    from rlhf.settings.training import TunedConfig
    from rlhf.training.chat import Sequences
    from rlhf.training.models import RoleModel

log = logging.getLogger(__name__)

MEASURED_PROMPTS = 64
"""Held-out prompts that the policy answers to measure its KL."""
LUCK = 13
"""Added to the sampling seed, so that these are other draws than those that people rank."""


def same_made(db: Database, made_by: str, start: Model, tables: Json) -> Model | None:
    """The policy that was made so already, from the same start, data and settings; None where there is none."""
    for policy in reversed(models.every(db, "policy")):
        if policy.made_by == made_by and policy.parent_id == start.id and same_settings(policy.settings, tables):
            return policy
    return None


def loaded(ctx: Context, start: Model, seed: int) -> RoleModel:
    """The base with the policy that training starts from."""
    model = ctx.load_model(seed)
    ctx.load_role(model, start)
    return model


def replay_for(ctx: Context, model: RoleModel, config: TunedConfig, examples: int) -> Sequences | None:
    """Texts of the base's own, as many as the replay share asks for; None where it asks for none."""
    count = round(config.replay * examples)
    return replay_text(ctx, model, count) if count else None


def kept(ctx: Context, model: RoleModel, made: Model, figures: TunedFigures, started: float) -> Made[Model]:
    """Keep a trained policy, and then measure it; `started` is when its stage began.

    In this order, since hours of training are in it: neither an error in measuring nor a kill loses it.
    """
    half = dataclasses.replace(figures, unmeasured=BROKEN_OFF, seconds=time.monotonic() - started)
    written = write(ctx, model, dataclasses.replace(made, metrics=as_json(half)))
    with ctx.store() as db:
        policy = record(db, written)
    return _measured(ctx, model, policy)


def finished(ctx: Context, half: Model, seed: int) -> Made[Model]:
    """Measure a policy that was kept, and whose measuring was broken off."""
    with ctx.store() as db:
        start = models.get(db, half.parent_id or 0)
    model = loaded(ctx, start, seed)
    model.copy("policy", "reference")
    ctx.load_role(model, half)
    return _measured(ctx, model, half)


def _measured(ctx: Context, model: RoleModel, policy: Model) -> Made[Model]:
    """The policy with what it forgot and how far it went, or with the reason why that could not be measured."""
    began, figures = time.monotonic(), tuned(policy)
    assert figures is not None  # fine-tuning and DPO made its metrics
    try:
        forgets = forgotten(ctx, model, "reference", "policy")
        figures = _moved(ctx, model, dataclasses.replace(figures, forgetting=forgets, unmeasured=""))
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        log.warning("%s is kept, but not all of it could be measured (%s).", policy.name, reason)
        figures = dataclasses.replace(figures, unmeasured=reason)
    lasted = figures.seconds + time.monotonic() - began
    with ctx.store() as db, writing(db):
        done = Made(models.measured(db, policy.id, as_json(dataclasses.replace(figures, seconds=lasted))))
        ctx.made(db, done)
    return done


def _moved(ctx: Context, model: RoleModel, figures: TunedFigures) -> TunedFigures:
    """The KL of the policy from the base and from where it started, on answers drawn with nothing cut off."""
    with ctx.store() as db:
        chats = [p.messages for p in prompts.every(db, "eval")][:MEASURED_PROMPTS]
    if not chats:
        return figures
    temperature = ctx.settings.sampling.temperature or 1.0
    drawn = answers(uncut(ctx, temperature), model, chats, "policy", LUCK)
    kl, kl_reference = (
        training.metrics.divergence(model, chats, drawn, temperature, against=role) for role in ("base", "reference")
    )
    return dataclasses.replace(figures, kl=kl, kl_reference=kl_reference)
