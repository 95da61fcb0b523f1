"""The one story: rankings -> scores -> reward model -> PPO policy -> fresh responses -> ranked again.

DPO is the short cut: from the scores straight to the policy.
"""

import dataclasses
import time
from typing import Any, Literal

from sqlite_utils import Database

from rlhf.stages.compare import judge_by_simulated
from rlhf.stages.context import Base, Context, OnMade, not_noted
from rlhf.stages.dpo import dpo
from rlhf.stages.generate import generate
from rlhf.stages.leaderboard import promote_if_preferred
from rlhf.stages.ppo import ppo
from rlhf.stages.rate import rate
from rlhf.stages.reward import reward
from store import models, rankings, rounds, scores
from store.errors import NotReady, Refused
from store.records import Model, Rating, Round
from store.results import RoundFigures, as_json, comparison, figures, judgement, tuned

Way = Literal["ppo", "dpo"]
"""How a round makes its policy of the scores."""
PARTS = 5
"""Parts of a round, for the progress of the whole: rate, reward, the policy, the round's figures, generate."""
POLL_SECONDS = 5.0
"""How often the loop looks for new rankings; a person needs about a minute for one."""


def run_round(ctx: Context, *, with_: Way = "ppo", force: bool = False) -> Round:
    """One turn of the loop; a stage whose product is there already is skipped, so a broken-off round goes on.

    With PPO the scores teach a reward model and that the policy; with DPO they teach the policy themselves.

    The round is recorded in the transaction that stores its fresh responses, which are its last product. Raises
    NotReady when fewer than `round.min_rankings` rankings have come since the last round, Refused when the reward
    model is not worth optimising against (unless `force`).
    """
    started = time.monotonic()
    number = check_ready(ctx)
    rating, judge = _taught(ctx, with_)
    policy = (ppo(_part(ctx, 2), force=force) if judge else dpo(_part(ctx, 2))).record
    told = _figures(_part(ctx, 3), number, rating, judge, policy)

    def record(db: Database, fresh: object) -> None:
        lasted = dataclasses.replace(told, seconds=time.monotonic() - started)
        done = Round(number, rating.id, judge.id if judge else None, policy.id, as_json(lasted), ctx.job_id)
        rounds.add(db, done)
        ctx.made(db, done)

    generate(_part(ctx, 4, record), model=policy.name)
    with ctx.store() as db:
        return rounds.every(db)[-1]


def run_loop(ctx: Context, *, rounds: int = 0, with_: Way = "ppo", force: bool = False) -> list[Round]:
    """Wait for enough new rankings, run a round, and begin again, until `rounds` are done (0: without end).

    Rounds that this job ran before it was killed and started again count.
    """
    done = _rounds_of(ctx)
    while not rounds or len(done) < rounds:
        try:
            check_ready(ctx)
        except NotReady as not_yet:
            ctx.progress(0, 1, f"waiting: {not_yet}")
            time.sleep(POLL_SECONDS)
            continue
        try:
            done.append(run_round(_turn(ctx), with_=with_, force=force))
        except Refused as refused:
            why = str(refused)
        else:
            continue
        _await_rankings(ctx, why)  # not above, where the error would keep the base in memory all the while
    return done


def _turn(ctx: Context) -> Context:
    """The context of one round of a loop, which is not yet what the job is to make.

    Its base is its own, so that none stays in memory for the days of waiting for rankings.
    """
    return dataclasses.replace(ctx, made=not_noted, base=Base())


def _rounds_of(ctx: Context) -> list[Round]:
    with ctx.store() as db:
        return [turn for turn in rounds.every(db) if turn.job_id == ctx.job_id]


def _taught(ctx: Context, way: Way) -> tuple[Rating, Model | None]:
    """The scores of this round, and with PPO the reward model that they taught.

    Where this job has trained a policy already that no round tells of, they are those that led to it: rankings that
    came while the job was down do not throw hours of training away.
    """
    with ctx.store() as db:
        told = {turn.policy_id for turn in rounds.every(db)}
        begun = next((m for m in models.every(db, "policy") if m.job_id == ctx.job_id and m.id not in told), None)
        if begun and begun.reward_id:
            judge = models.get(db, begun.reward_id)
            return scores.get(db, judge.rating_id or 0), judge
        if begun and begun.rating_id:
            return scores.get(db, begun.rating_id), None
    rating = rate(_part(ctx, 0)).record
    if ctx.settings.round.auto_promote:
        with ctx.store() as db:
            promote_if_preferred(db)
    return rating, reward(_part(ctx, 1)).record if way == "ppo" else None


def _await_rankings(ctx: Context, why: str) -> None:
    """Wait until as many rankings have come as the refused reward model asks for, or else as a round does."""
    with ctx.store() as db:
        judge = models.latest(db, "reward")
        if judge is None or judge.rating_id is None:
            raise NotReady("There is no reward model yet: run `python launch.py reward` first.")
        rated = scores.get(db, judge.rating_id).last_ranking_id
    wanted = judgement(judge).more_rankings or ctx.settings.round.min_rankings
    while True:
        with ctx.store() as db:
            if rankings.count(db, since=rated) >= wanted:
                return
        ctx.progress(0, 1, f"waiting for {wanted} more rankings: {why}")
        time.sleep(POLL_SECONDS)


def check_ready(ctx: Context) -> int:
    """The number of the round that could start now; raises NotReady with how many rankings are lacking."""
    wanted = ctx.settings.round.min_rankings
    with ctx.store() as db:
        number, new = rounds.following(db)
    if new < wanted:
        raise NotReady(
            f"Round {number} needs {wanted} new rankings and {new} are stored: rank {wanted - new} more, "
            f"or pass --min-rankings {max(new, 1)}."
        )
    return number


def _figures(ctx: Context, number: int, rating: Rating, judge: Model | None, policy: Model) -> RoundFigures:
    """The round in figures; its win rate is by the reward model, or by the simulated annotators where they judge."""
    told = RoundFigures(
        round=number,
        policy=policy.name,
        rankings=figures(rating).rankings,
        **(_by_reward(judge, policy) if judge else _by_pairs(policy)),
        seconds=0.0,
    )
    if ctx.settings.round.judge == "reward":
        return told
    truth = judge_by_simulated(ctx, policy)
    return dataclasses.replace(told, **{f.name: getattr(truth, f.name) for f in dataclasses.fields(truth)})


def _by_reward(judge: Model, policy: Model) -> dict[str, Any]:
    measured = comparison(policy)
    if measured is None:
        raise NotReady(f"{policy.name} was not trained here: run `python launch.py ppo` first.")
    return {
        "reward_accuracy": judgement(judge).accuracy,
        **{name: getattr(measured, name) for name in ("reward_before", "reward_after", "kl", "win_rate", "judge")},
    }


def _by_pairs(policy: Model) -> dict[str, Any]:
    """DPO has no reward model: how well the reward that it implies orders held-out pairs, and nobody's win rate."""
    measured = tuned(policy)
    assert measured is not None  # DPO made its metrics
    return {"reward_accuracy": measured.accuracy_after, "kl": measured.kl, "win_rate": None, "judge": ""}


def _part(ctx: Context, part: int, made: OnMade = not_noted) -> Context:
    """The context of one part of a round: what it reports as its progress is a part of the round's.

    What a stage has made is not yet what the job is to make, so it is not noted, unless `made` does that.
    """

    def scaled(done: int, total: int, note: str) -> None:
        ctx.progress(part * total + done, PARTS * total, note)

    return dataclasses.replace(ctx, progress=scaled, made=made)
