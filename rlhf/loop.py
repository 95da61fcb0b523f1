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
from rlhf.training.progress import Progress
from store import rankings, rounds, scores
from store.errors import NotReady
from store.records import Round


def run_round(ctx: Context, *, force: bool = False) -> Round:
    """One turn of the loop; a stage whose product is there already is skipped, so a broken-off round goes on.

    Raises NotReady when fewer than `round.min_rankings` rankings have come since the last round, Refused when the
    reward model is not worth optimising against (unless `force`).
    """
    started = time.monotonic()
    number = check_ready(ctx)
    rating = rate(_part(ctx, 0))
    if ctx.settings.round.auto_promote:
        with ctx.store() as db:
            promote_if_preferred(db)
    judge = reward(_part(ctx, 1))
    policy = ppo(_part(ctx, 2), force=force)
    generate(_part(ctx, 3), policy.name)
    metrics = {
        "round": number,
        "policy": policy.name,
        "rankings": rating.metrics["rankings"],
        "reward_accuracy": judge.metrics["accuracy"],
        "reward_before": policy.metrics["reward_before"],
        "reward_after": policy.metrics["reward_after"],
        "kl": policy.metrics["kl"],
        "win_rate": policy.metrics["win_rate"],
        **(judge_by_simulated(ctx, policy) if ctx.settings.round.judge == "simulated" else {}),
        "seconds": time.monotonic() - started,
    }
    done = Round(number, rating.id, judge.id, policy.id, metrics)
    with ctx.store() as db:
        rounds.add(db, done)
    return done


def run_loop(ctx: Context, *, rounds: int = 0, force: bool = False, wait_seconds: float = 5.0) -> list[Round]:
    """Wait for enough new rankings, run a round, again; `rounds` ends it (0: never)."""
    done: list[Round] = []
    while not rounds or len(done) < rounds:
        try:
            check_ready(ctx)
        except NotReady as not_yet:
            ctx.progress(0, 1, f"waiting: {not_yet}")
            time.sleep(wait_seconds)
            continue
        done.append(run_round(ctx, force=force))
    return done


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


def _part(ctx: Context, stage: int, of: int = 4) -> Context:
    """The context of one stage of several, whose progress is a part of the whole."""

    def scaled(done: int, total: int, note: str) -> None:
        ctx.progress(stage * total + done, of * total, note)

    progress: Progress = scaled
    return dataclasses.replace(ctx, progress=progress)
