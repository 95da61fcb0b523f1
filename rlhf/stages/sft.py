"""Demonstrations -> policy."""

from __future__ import annotations

import time
from typing import Literal

from sqlite_utils import Database

from rlhf import training
from rlhf.stages.context import Context, Made
from rlhf.stages.demonstrations import Data, FromFile, FromRankings, Source
from rlhf.stages.halves import half_done, is_half
from rlhf.stages.start import named_start
from rlhf.stages.tuned import finished, kept, loaded, replay_for, same_made
from store import models
from store.errors import BadInput, NotReady
from store.records import Json, Model
from store.results import TunedFigures


def sft(
    ctx: Context,
    *,
    data: str | None = None,
    from_: Literal["file", "rankings"] = "file",
    top: int = 1,
    skip_long: bool = False,
    start: str | None = None,
    again: bool = False,
) -> Made[Model]:
    """Train the policy to answer as it is shown, by a file of demonstrations or the `top` responses of each prompt.

    It starts from the latest policy that was not made of the same data, or from `start`. Where that was done already
    with the same settings, the policy of then is returned, unless `again`. Raises BadInput for a file that cannot be
    used and for demonstrations that exceed the context (unless `skip_long`), NotReady without scores.
    """
    began, config = time.monotonic(), ctx.settings.sft
    with ctx.store() as db:
        half = half_done(db, ctx.job_id)
    if half:
        return finished(ctx, half, config.seed)
    if data and from_ == "rankings":
        raise BadInput(f"--data {data} and --from rankings name two things to learn from: give one of them.")
    with ctx.store() as db:
        source: Source = FromFile(data) if from_ == "file" else FromRankings(db, top)
        tables = {**ctx.tables("model", "sft"), "data": source.told}
        first = named_start(db, start) if start else _start(db, source.told)
        done = same_made(db, "sft", first, tables)
    if done and not again:
        if is_half(done):
            return finished(ctx, done, config.seed)
        return Made(done, f"Nothing new since {done.name}, which was shown the same: pass --again.")
    model = loaded(ctx, first, config.seed)
    with ctx.store() as db:
        shown = source.read(db, model.chat)
    shown.check(model.chat, skip_long=skip_long)
    result = training.sft.train_sft(
        model,
        shown.train,
        shown.heldout,
        config,
        replay=replay_for(ctx, model, config, len(shown.train)),
        progress=ctx.progress,
        log=ctx.log,
    )
    figures = TunedFigures(
        steps=result.steps,
        loss_before=result.loss_before,
        loss_after=result.loss_after,
        forgetting=None,
        seconds=0.0,
        examples=len(shown.train),
        heldout=len(shown.heldout),
        left_out=_left_out(shown, model.chat.context),
    )
    made = Model("", "policy", "", parent_id=first.id, made_by="sft", settings=tables)
    return kept(ctx, model, made, figures, began)


def _start(db: Database, told: Json) -> Model:
    """The newest policy that was not shown the same already, so that a second try starts where the first one did."""
    for policy in reversed(models.every(db, "policy")):
        if policy.made_by != "sft" or policy.settings.get("data") != told:
            return policy
    raise NotReady("The workspace has no policy: make it again with `python launch.py init`.")


def _left_out(shown: Data, context: int) -> str:
    return f"{len(shown.too_long)} demonstrations beyond the context of {context} tokens" if shown.too_long else ""
