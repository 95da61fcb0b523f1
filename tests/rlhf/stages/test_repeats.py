"""What is ranked again: where the order is least sure, with a fair share left to chance."""

from collections import Counter
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sqlite_utils import Database

from rlhf.settings import overlay
from rlhf.stages.context import Context
from rlhf.stages.generate import _copies, _overlap
from rlhf.stages.rate import rate
from rlhf.stages.repeats import due_repeats
from store import rankings, scores, tasks
from store.records import Prompt, Task

Make = Callable[..., Any]


@pytest.fixture
def made(world: Make) -> Any:
    """Forty prompts to train on, ranked one to four times, and five held out."""
    made = world()
    for number, prompt in enumerate(made.prompts(40, each=3)):
        for person in ("ada", "bo", "cy", "dee")[: 1 + number % 4]:
            made.rank(prompt, person)
    for prompt in made.prompts(5, each=3, split="eval"):
        made.rank(prompt, "ada")
    return made


def open_repeats(db: Database, share: float, seed: int) -> int:
    return len(tasks.add(db, due_repeats(db, share, seed)))


def opened(db: Database) -> list[Task]:
    return [tasks.get(db, i) for i in tasks.free_for(db, "nobody yet", 99)]


def risk_by_hand(db: Database, made: Any, prompt: int) -> float:
    """Sum over pairs of Phi(-|d| / sd), over n + 1; the errors of k centred scores add up to k/(k-1) each pair."""
    own = {s.response_id: s for s in scores.of_rating(db, scores.require_latest(db).id)}
    total = 0.0
    for i, j in combinations(made.shown[prompt], 2):
        sd = np.sqrt(1.5 * (own[i].stderr ** 2 + own[j].stderr ** 2))
        total += stats.norm.sf(abs(own[i].elo - own[j].elo) / sd)
    return total / (1 + sum(r.prompt_id == prompt for r in rankings.current(db)))


def test_the_least_sure_are_ranked_again_and_one_in_five_by_chance(ctx: Context, db: Database, made: Any) -> None:
    rate(ctx)
    assert open_repeats(db, 0.5, seed=0) == 20
    found = opened(db)
    assert Counter(t.reason for t in found) == {"risk": 16, "uniform": 4}
    assert [t.reason for t in found[:10]] == ["uniform", "risk", "risk", "risk", "risk"] * 2
    train = list(made.shown)[:40]
    assert {t.prompt_id for t in found} <= set(train)
    assert all(t.response_ids == made.shown[t.prompt_id] for t in found)
    by_chance = {t.prompt_id for t in found if t.reason == "uniform"}
    risk = {p: risk_by_hand(db, made, p) for p in set(train) - by_chance}
    unsure = {t.prompt_id for t in found if t.reason == "risk"}
    assert min(risk[p] for p in unsure) >= max(risk[p] for p in risk.keys() - unsure) - 1e-6
    assert len(set(risk.values())) > 10


def test_what_still_waits_counts_towards_the_share(ctx: Context, db: Database, made: Any) -> None:
    assert open_repeats(db, 0.5, seed=0) == 0  # nothing is rated yet
    rate(ctx)
    assert open_repeats(db, 0.25, seed=0) == 10
    assert open_repeats(db, 0.25, seed=1) == 0
    assert open_repeats(db, 0.5, seed=1) == 10
    twice = [p for p, n in Counter(t.prompt_id for t in opened(db) if t.reason == "risk").items() if n > 1]
    assert twice == []
    assert open_repeats(db, 0.0, seed=2) == 0


def test_scores_without_errors_leave_only_chance(ctx: Context, db: Database, made: Any) -> None:
    settings = overlay(ctx.settings, {"rating": {"method": "elo", "reliability": False}})
    rate(Context(ctx.workspace, settings, 0, ctx.progress, ctx.log))
    assert open_repeats(db, 0.2, seed=0) == 8
    assert {t.reason for t in opened(db)} == {"uniform"}


@pytest.mark.slow
def test_chance_favours_no_prompt(ctx: Context, db: Database, made: Any) -> None:
    """Uniform picks are drawn from all prompts, not from those that the risk left over."""
    rate(ctx)
    counts: Counter[int] = Counter()
    for seed in range(200):
        open_repeats(db, 0.5, seed)
        counts.update(t.prompt_id for t in opened(db) if t.reason == "uniform")
        db.execute("DELETE FROM task_responses WHERE task_id IN (SELECT id FROM tasks WHERE state = 'open')")
        db.execute("DELETE FROM tasks WHERE state = 'open'")
        db.conn.commit()
    assert stats.chisquare([counts[p] for p in list(made.shown)[:40]]).pvalue > 0.001


def prompt(number: int, split: str) -> Prompt:
    return Prompt(({"role": "user", "content": str(number)},), split, "test", number)  # type: ignore[arg-type]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 10), (0.1, 10), (0.15, 15), (1.0, 100)])
def test_overlap_is_the_held_out_prompts_and_as_many_others_as_it_takes(share: float, expected: int) -> None:
    chosen = [prompt(i, "eval" if i % 10 == 0 else "train") for i in range(1, 101)]
    overlap = _overlap(chosen, share, seed=0)
    assert len(overlap) == expected
    assert {p.id for p in chosen if p.split == "eval"} <= overlap
    made = _copies([Task(p.id, (2 * p.id, 2 * p.id + 1)) for p in chosen], overlap, people=3)
    assert Counter(t.reason for t in made) == Counter({"overlap": 3 * expected, "fresh": 100 - expected})
    assert [t.prompt_id for t in made] == sorted(t.prompt_id for t in made)
