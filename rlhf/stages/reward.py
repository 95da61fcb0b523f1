"""Scores -> reward model."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from sqlite_utils import Database

from rlhf import training
from rlhf.ratings.converter import ELO_PER_LOGIT
from rlhf.stages import gate
from rlhf.stages.context import Context, Made, keep, same_settings
from rlhf.stages.rated import rated_prompts
from store import models, scores
from store.records import Model, Rating, Score
from store.results import RewardJudgement, as_json, figures

if TYPE_CHECKING:
    from rlhf.training.chat import Chat
    from rlhf.training.foretell import Foretold
    from rlhf.training.models import RoleModel
    from rlhf.training.reward import RankedPrompt, RewardResult


def reward(ctx: Context, *, again: bool = False) -> Made[Model]:
    """Train a reward model on the newest scores, starting from the one that older scores taught.

    Where that was done already with the same settings, the model of then is returned, unless `again`. Raises NotReady
    where there are no scores, or no ranked prompt on one side of the split.
    """
    tables = ctx.tables("model", "reward")
    with ctx.store() as db:
        rating = scores.require_latest(db)
        done = models.latest(db, "reward")
        if done and done.rating_id == rating.id and same_settings(done.settings, tables) and not again:
            return Made(done, f"Nothing new since {done.name}, taught by rating {rating.id}: pass --again.")
        # A second try with other settings starts where the first one did, and not from the first one.
        older = [m for m in models.every(db, "reward") if m.rating_id != rating.id]
        previous = older[-1] if older else None
    model = ctx.load_model(ctx.settings.reward.seed)
    with ctx.store() as db:
        train, heldout = ranked_prompts(db, rating, model.chat)
    model.fresh("reward")
    if previous:
        ctx.load_role(model, previous)
    result = training.reward.train_reward(
        model,
        train,
        heldout,
        ctx.settings.reward,
        continued=previous is not None,
        progress=ctx.progress,
        log=ctx.log,
    )
    judged = _judge(ctx, model, rating, result, train, heldout)
    made = Model(
        name="",
        kind="reward",
        base_model="",
        parent_id=previous.id if previous else None,
        metrics=as_json(judged),
        rating_id=rating.id,
        made_by="reward",
        settings=tables,
    )
    return Made(keep(ctx, model, made))


def ranked_prompts(db: Database, rating: Rating, chat: Chat) -> tuple[list[RankedPrompt], list[RankedPrompt]]:
    """The rated responses of each prompt, of the train and of the eval split."""
    sides: dict[str, list[RankedPrompt]] = {"train": [], "eval": []}
    for rated in rated_prompts(db, rating, chat):
        sides[rated.prompt.split].append(
            training.reward.RankedPrompt(
                messages=rated.prompt.messages, answers=tuple(rated.answers), tempered=tempered(rated.scores)
            )
        )
    return sides["train"], sides["eval"]


def tempered(rated: Sequence[Score]) -> tuple[float, ...]:
    """Elo of one prompt's responses, drawn together by how unsure they are, so that gaps are as wide as is known.

    E[logistic(N(d, v))] = logistic(d / sqrt(1 + pi v / 8)) (MacKay 1992, The evidence framework applied to
    classification networks), with the prompt's mean variance of a difference; after one ranking of four responses
    the raw gaps are half as wide again as the odds warrant.
    """
    k = len(rated)
    known = [score.stderr for score in rated if score.stderr is not None]
    if len(known) < k:
        return tuple(score.elo for score in rated)
    # Scores are centred in their prompt, so two of k have covariance -var / (k - 1): hence the factor k / (k - 1).
    variance = 2 * k / (k - 1) * sum(e * e for e in known) / k / ELO_PER_LOGIT**2
    centre = sum(score.elo for score in rated) / k
    return tuple(centre + (score.elo - centre) / math.sqrt(1 + math.pi / 8 * variance) for score in rated)


def _judge(
    ctx: Context,
    model: RoleModel,
    rating: Rating,
    result: RewardResult,
    train: Sequence[RankedPrompt],
    heldout: Sequence[RankedPrompt],
) -> RewardJudgement:
    """How good the model is and whether PPO may use it; where not, how many more rankings that would take."""
    told, config = figures(rating), ctx.settings.gate
    agreed = told.vote_agreement
    found = _foretold(ctx, model, [*train, *heldout])
    judged = RewardJudgement(
        **dataclasses.asdict(result.measured),
        train_prompts=len(train),
        heldout_prompts=len(heldout),
        mean=result.mean,
        std=result.std,
        passes=False,
        vote_agreement=agreed,
        alpha=told.alpha,
        alpha_high=told.alpha_high,
        ceiling=None if agreed is None else gate.ceiling(agreed),
        foretold_correlation=found.correlation,
        foretold_z=found.z,
        foretold_p=found.p,
        foretold_prompts=found.prompts,
        gain=found.gain,
        gain_low=found.gain_low,
        gain_high=found.gain_high,
    )
    if gate.refusal(judged, config) is None:
        return dataclasses.replace(judged, passes=True)
    per_prompt = told.rankings / max(told.prompts, 1)
    more = gate.more_rankings(found.z, found.prompts, per_prompt, config.alpha)
    return dataclasses.replace(judged, more_rankings=more if found.p > config.alpha else None)


def _foretold(ctx: Context, model: RoleModel, ranked: Sequence[RankedPrompt]) -> Foretold:
    """Whether people's scores can be foretold from the base's last states, on prompts drawn from both sides."""
    config, seed = ctx.settings.gate, ctx.settings.reward.seed
    drawn = random.Random(seed).sample(list(ranked), min(config.prompts, len(ranked)))
    states = training.reward.last_states(model, drawn, tokens=ctx.settings.reward.microbatch_tokens)
    scores = [np.array(prompt.tempered) / ELO_PER_LOGIT for prompt in drawn]
    return training.foretell.foretell(states, scores, permutations=config.permutations, seed=seed)
