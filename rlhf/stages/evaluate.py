"""Policies -> how much better than a baseline they are, by whom, at what distance, and what best-of-n reaches."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlite_utils import Database

from rlhf.ratings import wins
from rlhf.settings import ppo_config
from rlhf.stages.by_people import people
from rlhf.stages.context import Context, same_settings
from rlhf.stages.curve import plot
from rlhf.stages.forgetting import own_text
from rlhf.stages.judges import ByRewardModel, BySimulated
from rlhf.stages.measure import AnyJudge, Bench, against_baseline, best_of_n, figures
from rlhf.stages.outside import ByCommand, words
from rlhf.stages.ppo import parted
from rlhf.stages.run_looks import age, is_look, looks_of
from store import evaluations, models, prompts, rankings, responses
from store.errors import BadInput, NotReady
from store.records import Json, Model, Prompt
from store.results import BestOfN, Evaluation, PolicyEvaluation, judgement

if TYPE_CHECKING:
    from rlhf.training.models import Role


@dataclass(frozen=True)
class Asked:
    """What is to be measured: policies, oldest first, on what prompts, by whom; `basis` is all that it rests on."""

    policies: tuple[Model, ...]
    baseline: Model
    prompts: Sequence[Prompt]
    judge: str
    command: str | None
    reward: Model | None
    basis: Json


def evaluate(
    ctx: Context,
    *,
    models: Sequence[str] = (),
    baseline: str = "base",
    judge: str | None = None,
    judge_command: str | None = None,
    again: bool = False,
) -> Evaluation:
    """Compare policies with a baseline on held-out prompts, all at one temperature and from one seed.

    What was measured already, from the same versions, prompts, rankings and settings, is returned as it was, unless
    `again`. Raises BadInput, NotFound or NotReady where a version, the judge or the prompts are not to be had, and
    what the judge's program raises (rlhf/stages/outside.py). Nothing is stored but the job's result, at the end.
    """
    started = time.monotonic()
    ctx = _evenly(ctx)
    with ctx.store() as db:
        asked = _asked(ctx, db, models, baseline, judge, judge_command)
        done = [old for old in evaluations.every(db) if same_settings(old.basis, asked.basis)]
    if done and not again:
        return dataclasses.replace(done[-1], skipped="Nothing new since then: pass --again to measure it once more.")
    found = _measured(ctx, asked)
    drawn = plot(found, ctx.workspace.runs / f"evaluation-job{ctx.job_id}.png")
    where = str(drawn.relative_to(ctx.workspace.folder))
    return dataclasses.replace(found, plot=where, seconds=time.monotonic() - started)


def _evenly(ctx: Context) -> Context:
    """The context in which every version answers: one temperature, several answers, the seed of evaluation."""
    config, sampling = ctx.settings.evaluate, ctx.settings.sampling
    temperature = sampling.temperature if config.temperature is None else config.temperature
    even = dataclasses.replace(sampling, temperature=temperature, seed=config.seed)
    return dataclasses.replace(ctx, settings=dataclasses.replace(ctx.settings, sampling=even))


def _asked(
    ctx: Context, db: Database, names: Sequence[str], baseline: str, judge: str | None, command: str | None
) -> Asked:
    if judge and command:
        raise BadInput(f"--judge {judge} and --judge-command name two judges: give one of them.")
    judge = "command" if command else judge or ctx.settings.round.judge
    theirs = _policy(db, baseline)
    policies = tuple(m for m in _policies(ctx, db, names) if m.name != theirs.name)
    if not policies:
        raise NotReady(f"There is no policy to compare with {theirs.name}: train one with `python launch.py round`.")
    reward = models.latest(db, "reward")
    if judge == "reward" and reward is None:
        raise NotReady("There is no reward model yet: run `python launch.py reward` first, or name another --judge.")
    if judge == "simulated" and ctx.settings.model.base_model != "tiny":
        raise BadInput(
            f"The simulated annotators know the prompts of `tiny` only, and the base is "
            f"{ctx.settings.model.base_model}: name another --judge."
        )
    if command:
        words(command)
    heldout = parted(prompts.every(db, "eval"), ppo_config(ctx.settings))[1][: ctx.settings.evaluate.prompts]
    if not heldout:
        raise NotReady('There are 0 held-out prompts: import some; "split": "eval" in a line of a file makes one.')
    basis = {
        "policies": [m.name if is_look(m) else m.id for m in policies],
        "baseline": theirs.id,
        "prompts": [p.id for p in heldout],
        "judge": command or judge,
        # The count too: rankings go where their prompts are taken out.
        "rankings": [rankings.newest(db), rankings.count(db)] if judge == "people" else [],
        "reward": reward.id if reward else 0,
        **ctx.tables("evaluate", "sampling", "forgetting"),
    }
    return Asked(policies, theirs, heldout, judge, command, reward, basis)


def _policies(ctx: Context, db: Database, names: Sequence[str]) -> list[Model]:
    """The named policies once each, or those of the latest lineage; oldest first."""
    if names:
        named = {m.name: m for name in names for m in _named(ctx, db, name)}
        return sorted(named.values(), key=age)
    latest = models.latest(db, "policy")
    return models.lineage(db, latest.id)[::-1] if latest else []


def _named(ctx: Context, db: Database, name: str) -> list[Model]:
    version, at, which = name.partition(models.LOOK)
    policy = _policy(db, version)
    return looks_of(ctx.workspace, policy, which) if at else [policy]


def _policy(db: Database, name: str) -> Model:
    if (model := models.named(db, name)).kind != "policy":
        raise BadInput(f"{name} is a {model.kind} model and answers nothing here: name policies.")
    return model


def _measured(ctx: Context, asked: Asked) -> Evaluation:
    part, parts = 0, len(asked.policies) + 1

    def progress(done: int, total: int, note: str) -> None:
        ctx.progress(part * total + done, parts * total, note)

    bench = _bench(dataclasses.replace(ctx, progress=progress), asked)
    best, best_shares = best_of_n(bench)
    told = figures(bench, asked.baseline.name, bench.baseline, bench.home)
    rows, notes = [], []
    for part, policy in enumerate(asked.policies, start=1):  # noqa: B007 (read by `progress`)
        ctx.load_role(bench.model, policy)
        row, shares = against_baseline(bench, policy, asked.baseline)
        rows.append(dataclasses.replace(row, best_of_n=best))
        if shares is not None and best_shares is not None and not is_look(policy):
            notes += _no_better(row, best[-1], shares - best_shares, asked)
    with ctx.store() as db:
        notes += _cautions(ctx, db, asked, bench.judge.name, rows)
    return Evaluation(
        baseline=asked.baseline.name,
        judge=bench.judge.name,
        reward_model=asked.reward.name if asked.reward else None,
        prompts=len(asked.prompts),
        samples=ctx.settings.evaluate.samples,
        temperature=ctx.settings.sampling.temperature,
        of_baseline=told,
        policies=tuple(rows),
        notes=tuple(notes),
        basis=asked.basis,
    )


def _bench(ctx: Context, asked: Asked) -> Bench:
    """The model with the baseline and the reward model in their roles, the judge, and the prompts."""
    model = ctx.load_model()
    if asked.baseline.path:
        ctx.load_role(model, asked.baseline)
        model.copy("policy", "reference")
    reward = None
    if asked.reward:
        ctx.load_role(model, asked.reward)
        reward = ByRewardModel(asked.reward.name, model, judgement(asked.reward))
    for policy in asked.policies:  # each once before anything is measured: one that cannot be loaded costs no wait
        ctx.load_role(model, policy)
    chats = [p.messages for p in asked.prompts]
    home: Role = "reference" if asked.baseline.path else "base"
    return Bench(ctx, model, chats, _judge(ctx, asked, reward), reward, home, own_text(ctx, model))


def _judge(ctx: Context, asked: Asked, reward: ByRewardModel | None) -> AnyJudge:
    if asked.command:
        return ByCommand(asked.command, ctx.settings.evaluate.seed, ctx.progress)
    if asked.judge == "people":
        with ctx.store() as db:
            return people(db)
    if asked.judge == "simulated":
        return BySimulated()
    assert reward is not None
    return reward


def _no_better(row: PolicyEvaluation, best: BestOfN, gain: np.ndarray, asked: Asked) -> list[str]:
    """A sentence where a policy does not surely win more than the best of n of the baseline; `gain` is (P,)."""
    surely = wins.mean(gain)
    if surely.low > 0 or asked.reward is None:
        return []
    does = "only matches" if surely.high >= 0 else "does worse than"
    return [
        f"{row.name} {does} the best of {best.n} answers of {asked.baseline.name} by {asked.reward.name} (win rate "
        f"{row.win_rate:.3f}, best of {best.n} {best.win_rate:.3f}, the difference {surely.low:+.3f} to "
        f"{surely.high:+.3f}), which is at most {best.kl:.2f} nats away and needs no training; {row.name} is "
        f"{row.kl:.1f} nats away."
    ]


def _cautions(ctx: Context, db: Database, asked: Asked, judge: str, rows: Sequence[PolicyEvaluation]) -> list[str]:
    """What is to be known before the figures are used, a sentence each."""
    said = []
    unseen = [row.name for row in rows if row.win_rate is None]
    if unseen:
        said.append(
            f"No ranking holds a response of {asked.baseline.name} and one of {', '.join(unseen)}: "
            "rank fresh responses, in which versions are mixed."
        )
    learned = [m.name for m in asked.policies if asked.reward and m.reward_id == asked.reward.id]
    if judge == (asked.reward.name if asked.reward else None) and learned:
        said.append(
            f"{judge} judges, and {', '.join(learned)} learned to please it: this win rate flatters. "
            "Name another --judge, or rank fresh responses."
        )
    return [*said, *_temperatures(db, ctx.settings.sampling.temperature, asked)]


def _temperatures(db: Database, now: float, asked: Asked) -> list[str]:
    """A sentence for each other temperature at which answers of these versions are ranked, and one for 0."""
    ranked: dict[float, list[str]] = {}
    for model in (asked.baseline, *(policy for policy in asked.policies if not is_look(policy))):
        for temperature in responses.temperatures(db, model.id) - {now}:
            ranked.setdefault(temperature, []).append(model.name)
    said = [
        f"People rank answers of {', '.join(names)} that were drawn at temperature {temperature:g}; "
        f"these are drawn at {now:g}."
        for temperature, names in sorted(ranked.items())
    ]
    if now == 0:
        said.append(
            "At temperature 0 all answers to a prompt are one: KL is the log-ratio of that one at temperature 1, and "
            "best-of-n has nothing to choose from."
        )
    return said
