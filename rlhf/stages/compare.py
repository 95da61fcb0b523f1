"""Judging a policy where it was made: it and the base answer each prompt once, and a judge scores both answers.

PPO compares its policy by the reward model on held-out prompts; a round on `tiny` by the simulated annotators, whose
noiseless utility is the truth there, on prompts that nobody ranked. `evaluate` (rlhf/stages/evaluate.py) takes any
versions, any judge, and several answers a prompt.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rlhf import training
from rlhf.ratings.wins import shares, win_rate
from rlhf.stages.context import Context
from rlhf.stages.judges import ByRewardModel, BySimulated
from rlhf.tiny.prompts import evaluation_prompts, new_topic_prompts
from store.records import Model, Prompt
from store.results import Example, judgement

if TYPE_CHECKING:
    from rlhf.stages.judges import Chat, Judge
    from rlhf.training.models import Role, RoleModel
    from rlhf.training.sampling import Sample

EXAMPLES = 8
"""Prompts whose answers are kept word for word."""
HELDOUT_LUCK, SIMULATED_LUCK = 7, 11
"""Added to the sampling seed: one judge meets every policy with the same random numbers, the other with others."""


@dataclass(frozen=True)
class Match:
    """The policy and the base on the same N chats: their answers, and what a judge says of them, (N,) each."""

    chats: Sequence[Chat]
    policy: Sequence[Sample]
    base: Sequence[Sample]
    policy_scores: np.ndarray
    base_scores: np.ndarray

    def win_rate(self, rows: slice = slice(None)) -> float:
        """Share of the chats on which the policy's answer has the higher score; equal is half."""
        return win_rate(shares(self.policy_scores[rows, None], self.base_scores[rows, None])).mean

    def examples(self) -> tuple[Example, ...]:
        """The first few prompts with both answers, word for word."""
        rows = zip(self.chats[:EXAMPLES], self.base, self.policy, strict=False)
        return tuple(Example(chat[-1]["content"], base.text, policy.text) for chat, base, policy in rows)


@dataclass(frozen=True)
class HeldOut:
    """A policy on held-out prompts by the reward model; the fields of `PolicyComparison` that are measured there."""

    reward_before: float
    reward_after: float
    reward_base: float
    kl: float
    kl_reference: float
    win_rate: float
    judge: str
    distinct: float
    length: float
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class TrueUtility:
    """A policy by the simulated annotators; the fields of `RoundFigures` that they judge."""

    win_rate: float
    judge: str
    win_rate_new_topics: float
    utility_before: float
    utility_after: float
    examples: tuple[Example, ...]


def meet(ctx: Context, model: RoleModel, chats: Sequence[Chat], judge: Judge, luck: int) -> Match:
    """Let the policy and the base answer the same chats, and the judge score them."""
    policy, base = (answers(ctx, model, chats, role, luck) for role in ("policy", "base"))
    return Match(chats, policy, base, judge.score(chats, policy), judge.score(chats, base))


def answers(ctx: Context, model: RoleModel, chats: Sequence[Chat], role: Role, luck: int) -> list[Sample]:
    """One answer of a role to each chat."""
    return [group[0] for group in draw(ctx, model, chats, role, ctx.settings.sampling.seed + luck, 1)]


def draw(
    ctx: Context, model: RoleModel, chats: Sequence[Chat], role: Role, seed: int, count: int
) -> list[list[Sample]]:
    """`count` answers of a role to each chat, as [sampling] says but for the seed."""
    config = dataclasses.replace(ctx.settings.sampling, responses=count, seed=seed)
    return training.sampling.sample(model, chats, config, role=role, progress=ctx.progress)


def compare(ctx: Context, model: RoleModel, judge: Model, heldout: Sequence[Prompt]) -> HeldOut:
    """The policy against where it started and against the base, on prompts that PPO never saw."""
    chats = [p.messages for p in heldout]
    by = ByRewardModel(judge.name, model, judgement(judge))
    match = meet(ctx, model, chats, by, HELDOUT_LUCK)
    before = answers(ctx, model, chats, "reference", HELDOUT_LUCK)
    # The likeliest words (temperature 0) have no distribution of their own: their log-ratio is that of the plain one.
    temperature = ctx.settings.sampling.temperature or 1.0
    metrics = training.metrics
    whole = ctx.settings.sampling.top_p == 1
    drawn = match.policy if whole else answers(uncut(ctx), model, chats, "policy", HELDOUT_LUCK)
    return HeldOut(
        reward_before=float(by.score(chats, before).mean()),
        reward_after=float(match.policy_scores.mean()),
        reward_base=float(match.base_scores.mean()),
        kl=metrics.divergence(model, chats, drawn, temperature),
        kl_reference=metrics.divergence(model, chats, drawn, temperature, against="reference"),
        win_rate=match.win_rate(),
        judge=by.name,
        distinct=metrics.distinct([s.text for s in match.policy]),
        length=float(np.mean([len(s.token_ids) for s in match.policy])),
        examples=match.examples(),
    )


def uncut(ctx: Context, temperature: float | None = None) -> Context:
    """The context in which answers are drawn with nothing cut off, at `temperature` or that of [sampling]: the mean
    log-ratio of a nucleus is no KL, but above it."""
    sampling = dataclasses.replace(ctx.settings.sampling, top_p=1.0)
    if temperature is not None:
        sampling = dataclasses.replace(sampling, temperature=temperature)
    return dataclasses.replace(ctx, settings=dataclasses.replace(ctx.settings, sampling=sampling))


def judge_by_simulated(ctx: Context, policy: Model) -> TrueUtility:
    """A policy against the base by true utility, on held-out prompts and on topics that were never ranked."""
    model = ctx.load_model()
    ctx.load_role(model, policy)
    known, unknown = evaluation_prompts(), new_topic_prompts()
    chats: list[Chat] = [[{"role": "user", "content": p.text}] for p in (*known, *unknown)]
    by = BySimulated()
    match = meet(ctx, model, chats, by, SIMULATED_LUCK)
    ranked = slice(len(known))
    return TrueUtility(
        win_rate=match.win_rate(ranked),
        judge=by.name,
        win_rate_new_topics=match.win_rate(slice(len(known), None)),
        utility_before=float(match.base_scores[ranked].mean()),
        utility_after=float(match.policy_scores[ranked].mean()),
        examples=match.examples(),
    )
