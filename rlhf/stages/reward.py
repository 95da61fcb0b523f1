"""Scores -> reward model."""

import math
from collections.abc import Sequence
from typing import Any

from sqlite_utils import Database

from rlhf.stages import gate
from rlhf.stages.context import Context, keep
from rlhf.training.losses import ELO_PER_LOGIT
from rlhf.training.models import RoleModel
from rlhf.training.reward import RankedPrompt, RewardResult, train_reward
from store import models, prompts, responses, scores
from store.records import Model, Rating, Score


def reward(ctx: Context) -> Model:
    """A reward model taught by the newest scores, going on from the previous one where there is one.

    Raises NotReady where there are no scores, or no ranked prompt on one side of the split.
    """
    with ctx.store() as db:
        rating = scores.require_latest(db)
        previous = models.latest(db, "reward")
        if previous and previous.rating_id == rating.id:
            return previous
        train, heldout = ranked_prompts(db, rating)
    model = ctx.load_model(ctx.settings.reward.seed)
    _start_reward(model, previous, ctx)
    result = train_reward(
        model,
        train,
        heldout,
        ctx.settings.reward,
        continued=previous is not None,
        progress=ctx.progress,
        log=ctx.log,
    )
    metrics = {**result.metrics, "mean": result.mean, "std": result.std}
    metrics |= _verdict(ctx, model, rating, result, train, heldout)
    return keep(ctx, model, "reward", previous, metrics, rating.id)


def ranked_prompts(db: Database, rating: Rating) -> tuple[list[RankedPrompt], list[RankedPrompt]]:
    """The rated responses of each prompt, of the train and of the eval split."""
    texts = {r.id: r for r in responses.every(db)}
    by_prompt: dict[int, list[Score]] = {}
    for score in scores.of_rating(db, rating.id):
        by_prompt.setdefault(texts[score.response_id].prompt_id, []).append(score)
    sides: dict[str, list[RankedPrompt]] = {"train": [], "eval": []}
    for prompt in prompts.every(db):
        if len(rated := by_prompt.get(prompt.id, [])) > 1:
            answers = [texts[score.response_id] for score in rated]
            sides[prompt.split].append(
                RankedPrompt(
                    prompt.messages,
                    tuple(a.text for a in answers),
                    tuple(a.finished for a in answers),
                    tempered(rated),
                )
            )
    return sides["train"], sides["eval"]


def tempered(rated: Sequence[Score]) -> tuple[float, ...]:
    """Elo of one prompt's responses, drawn together by how unsure they are, so that gaps are as wide as is known.

    E[logistic(N(d, v))] = logistic(d / sqrt(1 + pi v / 8)) (MacKay 1992), with the prompt's mean variance of a
    difference; after one ranking of four the raw gaps are half as wide again as the odds warrant.
    """
    k = len(rated)
    known = [score.stderr for score in rated if score.stderr is not None]
    if len(known) < k:
        return tuple(score.elo for score in rated)
    variance = 2 * k / (k - 1) * sum(e * e for e in known) / k / ELO_PER_LOGIT**2
    centre = sum(score.elo for score in rated) / k
    return tuple(centre + (score.elo - centre) / math.sqrt(1 + math.pi / 8 * variance) for score in rated)


def _start_reward(model: RoleModel, previous: Model | None, ctx: Context) -> None:
    model.fresh("reward")
    if previous and previous.path:
        model.load("reward", ctx.workspace.folder / previous.path)


def _verdict(
    ctx: Context,
    model: RoleModel,
    rating: Rating,
    result: RewardResult,
    train: Sequence[RankedPrompt],
    heldout: Sequence[RankedPrompt],
) -> dict[str, Any]:
    """Whether PPO may use the model; where not, how many ranked prompts it would take, by a learning curve."""
    agreed = rating.metrics.get("agreement")
    config = ctx.settings.gate
    target = gate.required(config, agreed)
    verdict: dict[str, Any] = {"required_accuracy": target, "passes": gate.passes(result.metrics, config, agreed)}
    if agreed is not None:
        verdict["agreement"], verdict["ceiling"] = agreed, gate.ceiling(agreed)
    if not verdict["passes"] and result.metrics["accuracy"] >= target:
        verdict["heldout_needed"] = gate.heldout_needed(result.metrics)
    elif not verdict["passes"]:
        curve = [(len(train), result.metrics["accuracy"])]
        model.copy("reward", "value")  # keeps the trained weights while smaller sets are tried
        for part in (len(train) // 4, len(train) // 2):
            if part >= 8:
                model.fresh("reward")
                smaller = train_reward(model, train[:part], heldout, ctx.settings.reward, progress=ctx.progress)
                curve.append((part, smaller.metrics["accuracy"]))
        model.copy("value", "reward")
        needed = gate.rankings_needed(curve, target) if len(curve) > 1 else None
        per_prompt = rating.metrics["rankings"] / max(rating.metrics["prompts"], 1)
        verdict["curve"] = curve
        verdict["more_rankings"] = needed and max(1, round((needed - len(train)) * per_prompt))
    return verdict
