"""Scores -> which prompts to rank once more. numpy only."""

import math
from collections import Counter

import numpy as np
from sqlite_utils import Database

from rlhf.ratings import flip_risk
from store import prompts, rankings, scores, tasks
from store.records import Task, TaskReason

UNIFORM_EVERY = 5
"""One repeated prompt in five is drawn at random. Without them only prompts that are hard to order would be ranked
twice, and whatever is measured on left-out rankings would come out worse than it is."""


def due_repeats(db: Database, share: float, seed: int) -> list[Task]:
    """The tasks to open that rank again what is rated, for `share` of the rated prompts; the caller adds them.

    Those that still wait count towards the share. Held-out prompts are left alone, which several people rank anyway.
    The order is that of flip risk over n + 1 for a prompt ranked n times, with every fifth drawn at random; where the
    scores have no standard errors, all are drawn at random.
    """
    shown = _shown_last(db)
    waiting = tasks.prompts_to_rank_again(db)
    wanted = min(math.ceil(share * len(shown)) - len(waiting), len(shown))
    if wanted <= 0:
        return []
    drawn = np.random.default_rng([seed, rankings.count(db)]).permutation(list(shown)).tolist()
    by_risk = _by_risk(db, shown)
    # Drawn first, from all prompts: what the order by risk leaves over is mostly easy to rank.
    uniform = drawn[: math.ceil(wanted / UNIFORM_EVERY) if by_risk else wanted]
    left = {*shown} - {*uniform, *waiting}
    unsure = [prompt for prompt in by_risk if prompt in left][: wanted - len(uniform)]
    reasons: dict[int, TaskReason] = {**dict.fromkeys(uniform, "uniform"), **dict.fromkeys(unsure, "risk")}
    return [Task(prompt, shown[prompt][0], reasons[prompt]) for prompt in _mixed(uniform, unsure)]


def _mixed(uniform: list[int], unsure: list[int]) -> list[int]:
    """One that was drawn, then four unsure ones, and so on: however few are ranked, one in five was drawn."""
    mixed = []
    for turn, prompt in enumerate(uniform):
        start = turn * (UNIFORM_EVERY - 1)
        mixed += [prompt, *unsure[start : start + UNIFORM_EVERY - 1]]
    return mixed


def _shown_last(db: Database) -> dict[int, tuple[tuple[int, ...], int]]:
    """For each rated prompt of the train split the responses that were ranked together last, and how often.

    A prompt that was put back since the newest rating has no scores in it, and comes after the next one.
    """
    rating = scores.latest(db)
    if rating is None:
        return {}
    train = {p.id for p in prompts.every(db, "train")}
    rated = {score.response_id for score in scores.of_rating(db, rating.id)}
    last: dict[int, tuple[int, ...]] = {}
    times: Counter[tuple[int, ...]] = Counter()
    own = tasks.of_reason(db, tasks.OWN)
    for ranking in rankings.current(db, up_to=rating.last_ranking_id):
        if ranking.task_id in own:  # what a person said of their own answer is asked of nobody
            continue
        if ranking.prompt_id in train and len(ranking.levels) > 1 and rated.issuperset(ranking.levels):
            last[ranking.prompt_id] = together = tuple(sorted(ranking.levels))
            times[together] += 1
    return {prompt: (together, times[together]) for prompt, together in last.items()}


def _by_risk(db: Database, shown: dict[int, tuple[tuple[int, ...], int]]) -> list[int]:
    """Rated prompts, first the one whose order one more ranking would most likely correct; empty where the scores
    have no standard errors."""
    known = {score.response_id: score for score in scores.of_rating(db, scores.require_latest(db).id)}
    if any(score.stderr is None for score in known.values()):
        return []
    size = max(len(together) for together, _ in shown.values())
    elo, stderr = np.full((2, len(shown), size), np.nan)
    for row, (together, _) in enumerate(shown.values()):
        for column, response in enumerate(together):
            elo[row, column], stderr[row, column] = known[response].elo, known[response].stderr
    risk = flip_risk(elo, stderr, [times for _, times in shown.values()])
    prompt_ids = list(shown)
    return [prompt_ids[place] for place in np.argsort(-risk, kind="stable")]
