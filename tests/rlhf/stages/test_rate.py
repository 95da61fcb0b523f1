"""What `rate` writes: agreement, annotators, known answers, and a spread learned from a fair sample."""

import dataclasses
import json
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from sqlite_utils import Database

from rlhf.ratings import rate as convert
from rlhf.stages.context import Context
from rlhf.stages.rate import rate
from rlhf.stages.repeats import due_repeats
from store import annotators, checks, rankings, scores, tasks
from store.records import Task
from store.results import figures

Make = Callable[..., Any]


def by_name(ctx: Context) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in rate(ctx).record.metrics["by_annotator"]}


@pytest.mark.slow
def test_one_who_clicks_a_thousand_times_stands_out_and_moves_nobody(ctx: Context, world: Make) -> None:
    made = world()
    for prompt in made.prompts(60, each=4):
        for person in ("ada", "bo", "cy"):
            made.rank(prompt, person)
    before = by_name(ctx)
    with ctx.store() as db:
        sure = {s.response_id: s.elo for s in scores.of_rating(db, scores.require_latest(db).id)}
    for prompt in made.prompts(940, each=4) + list(made.shown)[:60]:
        made.rank(prompt, "clicker", clicks=True)
    after = by_name(ctx)
    clicker = after.pop("clicker")
    assert clicker["rankings"] == 1000
    assert clicker["reliability"] < 0.3 < min(row["reliability"] for row in after.values())
    assert clicker["tau"] < 0.15 < min(row["tau"] for row in after.values())
    assert clicker["log_loss"] > max(row["log_loss"] for row in after.values())
    for name, row in after.items():
        assert row["reliability"] == pytest.approx(before[name]["reliability"], rel=0.35)
    with ctx.store() as db:
        now = {s.response_id: s.elo for s in scores.of_rating(db, scores.require_latest(db).id)}
    moved = np.array([now[r] - sure[r] for r in sure])
    assert np.sqrt(np.mean(moved**2)) < 0.25 * np.std(list(sure.values()))


def test_metrics_are_json_and_stay_until_something_changes(ctx: Context, db: Database, world: Make) -> None:
    made = world()
    first, second = made.prompts(2, each=3)
    made.rank(first, "ada")
    made.rank(second, "ada")
    rating = rate(ctx).record
    json.dumps(rating.metrics, allow_nan=False)
    row = rating.metrics["by_annotator"][0]
    assert (row["name"], row["rankings"], row["tau"], row["seconds"]) == ("ada", 2, None, 5.0)
    assert rate(ctx).record == rating
    checks.mark_gold(db, rankings.current(db)[0].id)
    assert rate(ctx).record.id == rating.id + 1
    made.rank(first, "bo")
    assert [p.shared for p in scores.pairs(db, rate(ctx).record.id)] == [1]
    assert scores.pairs(db, rating.id) == []


def test_a_known_answer_judges_the_others_and_not_its_author(ctx: Context, db: Database, world: Make) -> None:
    made = world()
    for prompt in made.prompts(12, each=4):
        made.rank(prompt, "ada")
    for ranking in rankings.current(db):
        checks.mark_gold(db, ranking.id)
    for prompt in made.shown:
        made.rank(prompt, "clicker", reason="gold", clicks=True)
    rows = by_name(ctx)
    assert (rows["ada"]["gold"], rows["ada"]["gold_accuracy"], rows["ada"]["flagged"]) == (0, None, False)
    # Counted pair by pair, as the words say.
    answers = {r.prompt_id: r.levels for r in rankings.current(db) if r.annotator == "ada"}
    right = [
        (a < b) == (answers[r.prompt_id][i] < answers[r.prompt_id][j])
        for r in rankings.current(db)
        if r.annotator == "clicker"
        for i, a in r.levels.items()
        for j, b in r.levels.items()
        if i < j
    ]
    assert rows["clicker"]["gold"] == 12
    assert rows["clicker"]["gold_accuracy"] == pytest.approx(np.mean(right))


def test_a_person_who_agrees_with_himself_is_not_two_people(ctx: Context, db: Database, world: Make) -> None:
    made = world()
    for prompt in made.prompts(8, each=3):
        made.rank(prompt, "ada")
    assert rate(ctx).record.metrics["vote_agreement"] is None
    for prompt in made.shown:
        made.rank(prompt, "ada", reason="repeat")
    assert rate(ctx).record.metrics["vote_agreement"] is None
    for prompt in made.shown:
        made.rank(prompt, "bo", clicks=True)
    said = {who: [r.levels for r in rankings.current(db) if r.annotator == who] for who in ("ada", "bo")}
    alike = [
        (a[i] < a[j]) == (b[i] < b[j])
        for a, b in zip(said["ada"][:8], said["bo"], strict=True)
        for i, j in combinations(sorted(a), 2)
    ]
    assert rate(ctx).record.metrics["vote_agreement"] == pytest.approx(np.mean(alike))
    assert len(said["ada"]) == 16
    assert 0.2 < np.mean(alike) < 0.8


def test_sigma_is_that_of_the_rankings_which_no_risk_asked_for(ctx: Context, db: Database, world: Make) -> None:
    made = world()
    for prompt in made.prompts(30, each=2):
        made.rank(prompt, "ada")
        made.rank(prompt, "bo")
    fair = np.array([[r.levels[i] for i in made.shown[r.prompt_id]] for r in rankings.current(db)])
    for prompt in made.shown:
        made.rank(prompt, "cy", reason="risk", clicks=True)
        made.rank(prompt, "dee", reason="risk", clicks=True)
    every = np.array([[r.levels[i] for i in made.shown[r.prompt_id]] for r in rankings.current(db)])
    asked = np.array([list(made.shown).index(r.prompt_id) for r in rankings.current(db)])
    rating = dataclasses.replace(ctx.settings.rating, reliability=False)
    plain = dataclasses.replace(ctx, settings=dataclasses.replace(ctx.settings, rating=rating))
    metrics = rate(plain).record.metrics
    assert metrics["sigma"] == pytest.approx(convert(fair, asked[:60]).sigma)
    assert abs(metrics["sigma"] - convert(every, asked).sigma) > 0.1
    assert metrics["rankings"] == 120  # and all of them are scored


@pytest.mark.slow
def test_sigma_is_learned_from_what_was_not_asked_for_because_it_was_unsure(
    ctx: Context, db: Database, world: Make
) -> None:
    """Adaptive picks make sigma drift upwards; the rankings that they did not choose tell the true spread."""
    made = world()
    made.prompts(240, each=2)
    for prompt in made.shown:
        made.rank(prompt, "ada")
    for turn in range(8):
        rate(ctx)
        tasks.add(db, due_repeats(db, 0.5, seed=turn))
        while free := tasks.free_for(db, f"person {turn}", 500):
            for task in free:
                made.answer(task, f"person {turn}")
    found = rate(ctx).record.metrics["sigma"]
    standing = rankings.current(db)
    position = {r: ids.index(r) for ids in made.shown.values() for r in ids}
    levels = np.full((len(standing), 2), -1)
    for n, ranking in enumerate(standing):
        for response, level in ranking.levels.items():
            levels[n, position[response]] = level
    row = {prompt: p for p, prompt in enumerate(made.shown)}
    naive = convert(levels, [row[r.prompt_id] for r in standing])
    assert found == pytest.approx(1.4, rel=0.3)
    assert naive.sigma > 1.2 * found


@pytest.mark.parametrize("method", ["elo", "plackett_luce"])
def test_other_methods_are_rated_beside_repeats_too(ctx: Context, db: Database, world: Make, method: str) -> None:
    made = world()
    first, second = made.prompts(2, each=3)
    made.rank(first, "ada")
    made.rank(first, "bo", reason="risk")
    made.rank(second, "ada")
    rating = dataclasses.replace(ctx.settings.rating, method=method, reliability=False)
    other = dataclasses.replace(ctx, settings=dataclasses.replace(ctx.settings, rating=rating))
    assert rate(other).record.metrics["rankings"] == 3
    assert all((s.stderr is None) == (method == "elo") for s in scores.of_rating(db, 1))


def test_the_time_by_the_server_stands_beside_that_of_the_page(ctx: Context, db: Database, world: Make) -> None:
    made = world()
    for name, waits in (("ada", (10, 30, 20)), ("simulated:bo", (10, 10, 10))):
        annotators.ensure(db, name)
        for prompt, wait in zip(made.prompts(3, each=2), waits, strict=True):
            (task,) = tasks.add(db, [Task(prompt, made.shown[prompt])])
            held = tasks.lease(db, task, name, made.shown[prompt])
            with db.conn:
                db.execute("UPDATE tasks SET handed = handed - ? WHERE id = ?", [wait, task])
            rankings.submit(db, str(held.lease), name, dict.fromkeys(made.shown[prompt], 1), seconds=0.05)
    rows = {row.name: row for row in figures(rate(ctx).record).by_annotator}
    assert rows["ada"].seconds == 0.05, "what their page claims"
    assert rows["ada"].lasted == pytest.approx(20, abs=2)
    assert rows["simulated:bo"].lasted is None
