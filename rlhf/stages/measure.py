"""What `evaluate` measures: one set of prompts, the baseline's answers to them, and every version's against these."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rlhf import training
from rlhf.ratings import wins
from rlhf.ratings.best_of_n import doubling, expected, kl_bound
from rlhf.ratings.length_control import length_controlled
from rlhf.stages.by_people import ByPeople
from rlhf.stages.compare import draw, uncut
from rlhf.stages.context import Context
from rlhf.stages.judges import ByRewardModel, Judge, score_groups
from rlhf.stages.outside import ByCommand, Pair
from store.records import Model
from store.results import AnswerFigures, BestOfN, PolicyEvaluation

if TYPE_CHECKING:
    from rlhf.stages.judges import Chat
    from rlhf.training.chat import Sequences
    from rlhf.training.models import Role, RoleModel
    from rlhf.training.sampling import Sample

POLICY_LUCK, BASELINE_LUCK, BEST_LUCK = 101, 102, 103
"""Added to the seed of evaluation. The baseline has its own: with the policy's, a policy that is hardly better would
say nearly the same words each time, a little better, and win nearly always."""

AnyJudge = Judge | ByCommand | ByPeople


@dataclass(frozen=True)
class Answers:
    """S answers of one version to each of P prompts; `reward` and `score` (P, S) where somebody scores them."""

    groups: Sequence[Sequence[Sample]]
    reward: np.ndarray | None
    score: np.ndarray | None

    @property
    def flat(self) -> list[Sample]:
        """All answers, prompt by prompt."""
        return [sample for group in self.groups for sample in group]

    @property
    def letters(self) -> np.ndarray:
        """Length of each answer in characters, (P, S)."""
        return np.array([[len(sample.text) for sample in group] for group in self.groups], float)


@dataclass(frozen=True)
class Bench:
    """All versions answer `chats` under the settings of `ctx`; `home` is the baseline's role in the model.

    `reward` scores every answer where there is a reward model; `text` is the base's own, on which forgetting shows.
    """

    ctx: Context
    model: RoleModel
    chats: Sequence[Chat]
    judge: AnyJudge
    reward: ByRewardModel | None
    home: Role
    text: Sequences

    @cached_property
    def baseline(self) -> Answers:
        """The baseline's answers, which every version meets."""
        return self.answers(self.home, BASELINE_LUCK)

    @cached_property
    def spare(self) -> Answers:
        """Other answers of the baseline, from which the best is taken."""
        return self.answers(self.home, BEST_LUCK, self.ctx.settings.evaluate.best_of)

    def answers(self, role: Role, luck: int, samples: int | None = None) -> Answers:
        """So many answers of a role to each prompt, scored."""
        config = self.ctx.settings.evaluate
        groups = draw(self.ctx, self.model, self.chats, role, config.seed + luck, samples or config.samples)
        # One reward model in both places is asked once.
        reward = score_groups(self.reward, self.chats, groups) if self.reward else None
        if isinstance(self.judge, ByCommand | ByPeople):
            return Answers(groups, reward, None)
        score = reward if self.judge is self.reward else score_groups(self.judge, self.chats, groups)
        return Answers(groups, reward, score)


def figures(bench: Bench, name: str, answers: Answers, role: Role) -> AnswerFigures:
    """What the answers of a version are like."""
    metrics = training.metrics
    draws = list(zip(*answers.groups, strict=True))
    return AnswerFigures(
        name=name,
        reward=None if answers.reward is None else float(answers.reward.mean()),
        score=None if answers.score is None else float(answers.score.mean()),
        length=float(np.mean([len(sample.token_ids) for sample in answers.flat])),
        ended=float(np.mean([sample.finish_reason == "stop" for sample in answers.flat])),
        # Draw by draw: more answers to a prompt repeat each other, and say nothing of how varied one answer each is.
        distinct=float(np.mean([metrics.distinct([sample.text for sample in one]) for one in draws])),
        repeated=float(np.mean([metrics.repeated(sample.text) for sample in answers.flat])),
        forgetting=metrics.nats(bench.model, bench.text, role),
    )


def against_baseline(bench: Bench, version: Model, theirs: Model) -> tuple[PolicyEvaluation, np.ndarray | None]:
    """One version against the baseline, and its shares of the meetings (P,) where the judge saw these answers.

    Its weights are in the role `policy`, where it has any.
    """
    role: Role = "policy" if version.path else "base"
    answers = bench.answers(role, POLICY_LUCK)
    kl = kl_from_baseline(bench, answers, role)
    row = PolicyEvaluation(
        **dataclasses.asdict(figures(bench, version.name, answers, role)),
        win_rate=None,
        low=None,
        high=None,
        win_rate_length_controlled=None,
        prompts=0,
        kl=kl.mean,
        kl_error=None if math.isnan(kl.error) else kl.error,
    )
    if isinstance(bench.judge, ByPeople):
        said = bench.judge.verdict(version, theirs)
        if not said.prompts:
            return row, None
        even = bench.judge.length_controlled(version, theirs)
        return _won(row, wins.Estimate(said.share, math.nan, said.low, said.high), even, said.prompts), None
    outcome, longer = meet(bench, answers)
    won = outcome.mean(1)
    prompt = np.repeat(np.arange(len(outcome)), outcome.shape[1])
    even = length_controlled(outcome.ravel(), longer.ravel(), prompt)
    return _won(row, wins.win_rate(won), even, len(won)), won


def _won(row: PolicyEvaluation, rate: wins.Estimate, even: float | None, prompts: int) -> PolicyEvaluation:
    return dataclasses.replace(
        row,
        win_rate=rate.mean,
        low=rate.low,
        high=rate.high,
        win_rate_length_controlled=even,
        prompts=prompts,
    )


def meet(bench: Bench, mine: Answers) -> tuple[np.ndarray, np.ndarray]:
    """The outcome of M meetings with the baseline's answers to each prompt, and how much longer mine is, (P, M).

    Where answers are scored, each meets each; an outside judge is asked once for each draw.
    """
    theirs, size = bench.baseline, len(bench.chats)
    if isinstance(bench.judge, ByCommand):
        pairs = [
            Pair(chat, a.text, b.text)
            for chat, one, other in zip(bench.chats, mine.groups, theirs.groups, strict=True)
            for a, b in zip(one, other, strict=True)
        ]
        return bench.judge.outcomes(pairs).reshape(size, -1), mine.letters - theirs.letters
    assert mine.score is not None
    assert theirs.score is not None
    longer = mine.letters[:, :, None] - theirs.letters[:, None, :]
    return wins.outcomes(mine.score, theirs.score).reshape(size, -1), longer.reshape(size, -1)


def kl_from_baseline(bench: Bench, answers: Answers, role: Role) -> wins.Estimate:
    """KL(version || baseline) in nats a response, with its error over prompts."""
    sampling = bench.ctx.settings.sampling
    if sampling.top_p < 1:
        config = bench.ctx.settings.evaluate
        groups = draw(uncut(bench.ctx), bench.model, bench.chats, role, config.seed + POLICY_LUCK, config.samples)
        answers = Answers(groups, None, None)
    each = [chat for chat, group in zip(bench.chats, answers.groups, strict=True) for _ in group]
    ratios = training.metrics.response_log_ratios(
        bench.model, each, answers.flat, sampling.temperature or 1.0, of=role, against=bench.home
    )
    return wins.mean(ratios.reshape(len(bench.chats), -1).mean(1))


def best_of_n(bench: Bench) -> tuple[tuple[BestOfN, ...], np.ndarray | None]:
    """The best of n of the baseline for n = 1, 2, 4, ..., and the shares (P,) of the largest n against one answer.

    By the mean over all subsets, where answers are scored; an outside judge sees the best of the first n.
    """
    most = bench.ctx.settings.evaluate.best_of
    if not most or bench.reward is None:
        return (), None
    spare, rows = bench.spare, []
    assert spare.reward is not None
    won = None
    shown = _shown_best(bench, spare.reward) if isinstance(bench.judge, ByCommand) else {}
    for n in doubling(most):
        if isinstance(bench.judge, ByCommand):
            won = shown[n]
        elif spare.score is not None and bench.baseline.score is not None:
            share = wins.outcomes(spare.score, bench.baseline.score).mean(2)
            won = expected(spare.reward, share, n)
        rate = wins.win_rate(won) if won is not None else None
        rows.append(
            BestOfN(
                n=n,
                win_rate=rate.mean if rate else None,
                low=rate.low if rate else None,
                high=rate.high if rate else None,
                reward=float(expected(spare.reward, spare.reward, n).mean()),
                score=None if spare.score is None else float(expected(spare.reward, spare.score, n).mean()),
                kl=kl_bound(n),
            )
        )
    return tuple(rows), won


def _shown_best(bench: Bench, reward: np.ndarray) -> dict[int, np.ndarray]:
    """For each n the outcomes (P,) of the best of the first n answers; no pair is shown twice."""
    assert isinstance(bench.judge, ByCommand)
    best = {n: reward[:, :n].argmax(1) for n in doubling(reward.shape[1])}
    asked = sorted({(p, int(i)) for picks in best.values() for p, i in enumerate(picks)})
    theirs = bench.baseline.groups
    pairs = [Pair(bench.chats[p], bench.spare.groups[p][i].text, theirs[p][0].text) for p, i in asked]
    said = dict(zip(asked, bench.judge.outcomes(pairs), strict=True))
    return {n: np.array([said[p, int(i)] for p, i in enumerate(picks)]) for n, picks in best.items()}
