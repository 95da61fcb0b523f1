"""Scores -> policy, with no reward model between."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rlhf import training
from rlhf.stages.context import Context, Made
from rlhf.stages.halves import half_done, is_half
from rlhf.stages.pairs import Pairs, ordered_pairs
from rlhf.stages.rated import rated_prompts
from rlhf.stages.start import named_start, start_for
from rlhf.stages.tuned import finished, kept, loaded, replay_for, same_made
from store import scores
from store.errors import NotReady
from store.records import Model, Rating
from store.results import TunedFigures

if TYPE_CHECKING:
    from rlhf.training.dpo import DPOResult


def dpo(ctx: Context, *, start: str | None = None, again: bool = False) -> Made[Model]:
    """Train a policy on pairs of the newest scores, starting from the latest policy that older scores led to.

    Where that was done already with the same settings, the policy of then is returned, unless `again`. Raises
    NotReady where there are no scores, or no pair that they put in an order.
    """
    began, config = time.monotonic(), ctx.settings.dpo
    tables = ctx.tables("model", "dpo")
    with ctx.store() as db:
        half = half_done(db, ctx.job_id)
    if half:
        return finished(ctx, half, config.seed)
    with ctx.store() as db:
        rating = scores.require_latest(db)
        first = named_start(db, start) if start else start_for(db, rating.id)
        done = same_made(db, "dpo", first, {**tables, "rating": rating.id})
    if done and not again:
        if is_half(done):
            return finished(ctx, done, config.seed)
        return Made(done, f"Nothing new since {done.name}, taught by rating {rating.id}: pass --again.")
    model = loaded(ctx, first, config.seed)
    with ctx.store() as db:
        ranked = rated_prompts(db, rating, model.chat)
    train = ordered_pairs([r for r in ranked if r.prompt.split == "train"], config, limit=config.max_pairs)
    heldout = ordered_pairs([r for r in ranked if r.prompt.split == "eval"], config)
    if not train.used:
        raise NotReady(_nothing(rating, train.left_out()))
    replay = replay_for(ctx, model, config, len(train.used))
    result = training.dpo.train_dpo(
        model, train.used, heldout.used, config, replay=replay, progress=ctx.progress, log=ctx.log
    )
    made = Model(
        name="",
        kind="policy",
        base_model="",
        parent_id=first.id,
        rating_id=rating.id,
        made_by="dpo",
        settings={**tables, "rating": rating.id},
    )
    return kept(ctx, model, made, _figures(result, train, heldout), began)


def _figures(result: DPOResult, train: Pairs, heldout: Pairs) -> TunedFigures:
    before, after = result.before, result.after
    return TunedFigures(
        steps=result.steps,
        loss_before=before.loss if before else None,
        loss_after=after.loss if after else None,
        forgetting=None,
        seconds=0.0,
        examples=len(train.used),
        heldout=len(heldout.used),
        left_out=train.left_out(),
        accuracy_before=before.accuracy if before else None,
        accuracy_after=after.accuracy if after else None,
    )


def _nothing(rating: Rating, left_out: str) -> str:
    told = f" ({left_out})" if left_out else ""
    return (
        f"Rating {rating.id} puts no pair of responses to a train prompt in an order{told}: rank more, or lower "
        "min_margin of [dpo], and run `python launch.py rate`."
    )
