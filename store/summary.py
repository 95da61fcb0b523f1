"""Where a workspace stands and what to do next, in one dictionary, as `status` prints it."""

from sqlite_utils import Database

from store import jobs, models, prompts, rankings, responses, rounds, scores, tasks
from store.called import as_called
from store.records import Json
from store.results import as_json, figures, judgement

RECENT_JOBS = 5
"""Jobs that `status` lists: the last round and what went wrong beside it."""


def summary(db: Database, min_rankings: int) -> Json:
    """Counts, how far to trust the rankings, the model versions, the latest jobs, and the next step as a sentence.

    `min_rankings` is how many new rankings a round waits for. A job is `left` where it was running and its process is
    gone: a worker takes it up again. It is `unheard` where it is done on another machine, of which this process has
    not heard a beat yet.
    """
    people, simulated = rankings.people_and_simulated(db)
    every = models.every(db)
    names = {m.id: m.name for m in every}
    left, unheard = jobs.left(db), jobs.unheard(db)
    return {
        "prompts": prompts.count(db),
        "responses": responses.count(db),
        "rankings": people + simulated,
        "rankings_by_people": people,
        "rankings_by_simulated": simulated,
        "open_tasks": tasks.count_open(db),
        "rounds": len(rounds.every(db)),
        **_trust(db),
        "models": [
            {"name": m.name, "kind": m.kind, "parent": names.get(m.parent_id or 0), "created": m.created}
            for m in every
        ],
        "jobs": [
            {
                "id": j.id,
                "kind": j.kind,
                "state": "left" if j.id in left else "unheard" if j.id in unheard else j.state,
                "note": ", ".join(filter(None, (unheard.get(j.id), j.note))),
                "error": j.error,
            }
            for j in jobs.recent(db, RECENT_JOBS)
        ],
        "next": next_step(db, min_rankings),
    }


def _trust(db: Database) -> Json:
    """What the latest rating says of the annotators and of the versions; empty before the first."""
    promoted = models.generator(db)
    told: Json = {"generator": promoted.name} if promoted else {}
    if rating := scores.latest(db):
        measured = figures(rating)
        told["agreement"] = {
            "alpha": measured.alpha,
            "low": measured.alpha_low,
            "high": measured.alpha_high,
            "rankings_since": rankings.count(db, since=rating.last_ranking_id),
        }
        told |= as_json({"by_annotator": measured.by_annotator, "leaderboard": measured.leaderboard})
        told |= as_json({"least_agreeing": scores.pairs_apart(db, rating.id)})
        disputed = [(row, prompts.get(db, row.prompt_id)) for row in measured.disputed]
        told["disputed"] = [{**as_json(row), "prompt": prompt.text} for row, prompt in disputed if prompt.counts]
    return told


def next_step(db: Database, min_rankings: int) -> str:
    """What to do now, as one sentence with its command, where a round waits for `min_rankings` new rankings."""
    return as_called(_next(db, min_rankings))


def _next(db: Database, min_rankings: int) -> str:
    # In the order in which the loop needs them: the first that is missing is what to do.
    if not prompts.count(db):
        return "Import prompts: python launch.py import FILE"
    if not responses.count(db):
        return "Sample responses: python launch.py generate"
    done = rounds.every(db)
    since = scores.get(db, done[-1].rating_id).last_ranking_id if done else 0
    new = rankings.count(db, since=since)
    if lacking := _refused(db):
        return lacking
    if new >= min_rankings:
        return f"Run round {len(done) + 1} on {new} new rankings: python launch.py round"
    waiting = tasks.count_open(db)
    if waiting:
        return f"Rank {min_rankings - new} more of the {waiting} open tasks: python launch.py serve"
    return "Sample fresh responses: python launch.py generate"


def _refused(db: Database) -> str | None:
    """What a refused reward model waits for; None where the newest was not refused, or enough has come since."""
    judge, rating = models.latest(db, "reward"), scores.latest(db)
    if judge is None or rating is None or judge.rating_id != rating.id or not judge.metrics:
        return None
    judged = judgement(judge)
    trained = any(policy.reward_id == judge.id for policy in models.every(db, "policy"))
    since = rankings.count(db, since=rating.last_ranking_id)
    wanted = judged.more_rankings or 1
    if judged.passes or trained or since >= wanted:
        return None
    return f"Rank about {wanted - since} more, for {judge.name} was refused: python launch.py serve"
