"""The one story: rankings -> scores -> reward model -> PPO policy -> fresh responses -> ranked again."""

import dataclasses
import time

from rlhf.stages.context import Context
from rlhf.stages.evaluate import judge_by_simulated
from rlhf.stages.generate import generate
from rlhf.stages.leaderboard import promote_if_preferred
from rlhf.stages.ppo import ppo
from rlhf.stages.rate import rate
from rlhf.stages.reward import reward
from store import models, rankings, rounds, scores
from store.errors import NotReady, Refused
from store.records import Model, Rating, Round
from store.results import RoundFigures, as_json, comparison, figures, judgement

STAGES = 4
"""Stages of a round, for the progress of the whole."""
POLL_SECONDS = 5.0
"""How often the loop looks for new rankings; a person needs about a minute for one."""


def run_round(ctx: Context, *, force: bool = False) -> Round:
    """One turn of the loop; a stage whose product is there already is skipped, so a broken-off round goes on.

    Raises NotReady when fewer than `round.min_rankings` rankings have come since the last round, Refused when the
    reward model is not worth optimising against (unless `force`).
    """
    started = time.monotonic()
    number = check_ready(ctx)
    rating = rate(_part(ctx, 0)).record
    if ctx.settings.round.auto_promote:
        with ctx.store() as db:
            promote_if_preferred(db)
    judge = reward(_part(ctx, 1)).record
    policy = ppo(_part(ctx, 2), force=force).record
    generate(_part(ctx, 3), model=policy.name)
    told = dataclasses.replace(_figures(ctx, number, rating, judge, policy), seconds=time.monotonic() - started)
    done = Round(number, rating.id, judge.id, policy.id, as_json(told))
    with ctx.store() as db:
        rounds.add(db, done)
    return done


def run_loop(ctx: Context, *, rounds: int = 0, force: bool = False) -> list[Round]:
    """Wait for enough new rankings, run a round, and begin again, until `rounds` are done (0: without end)."""
    done: list[Round] = []
    while not rounds or len(done) < rounds:
        try:
            check_ready(ctx)
        except NotReady as not_yet:
            ctx.progress(0, 1, f"waiting: {not_yet}")
            time.sleep(POLL_SECONDS)
            continue
        try:
            done.append(run_round(ctx, force=force))
        except Refused as refused:
            _await_rankings(ctx, str(refused))
    return done


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
        finished = rounds.every(db)
        since = scores.get(db, finished[-1].rating_id).last_ranking_id if finished else 0
        new = rankings.count(db, since=since)
    number = len(finished) + 1
    if new < wanted:
        raise NotReady(
            f"Round {number} needs {wanted} new rankings and {new} are stored: rank {wanted - new} more, "
            f"or pass --min-rankings {max(new, 1)}."
        )
    return number


def _figures(ctx: Context, number: int, rating: Rating, judge: Model, policy: Model) -> RoundFigures:
    """The round in figures; its win rate is by the reward model, or by the simulated annotators where they judge."""
    measured = comparison(policy)
    if measured is None:
        raise NotReady(f"{policy.name} was not trained here: run `python launch.py ppo` first.")
    told = RoundFigures(
        round=number,
        policy=policy.name,
        rankings=figures(rating).rankings,
        reward_accuracy=judgement(judge).accuracy,
        reward_before=measured.reward_before,
        reward_after=measured.reward_after,
        kl=measured.kl,
        win_rate=measured.win_rate,
        judge=measured.judge,
        seconds=0.0,
    )
    if ctx.settings.round.judge == "reward":
        return told
    truth = judge_by_simulated(ctx, policy)
    return dataclasses.replace(told, **{f.name: getattr(truth, f.name) for f in dataclasses.fields(truth)})


def _part(ctx: Context, stage: int) -> Context:
    """The context of one stage of a round: what it reports as its progress is a part of the round's."""

    def scaled(done: int, total: int, note: str) -> None:
        ctx.progress(stage * total + done, STAGES * total, note)

    return dataclasses.replace(ctx, progress=scaled)
