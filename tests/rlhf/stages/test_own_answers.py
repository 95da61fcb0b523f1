"""What a person wrote themselves teaches, says nothing of what it was put above, and moves no version."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database

from rlhf.ratings import rate as convert
from rlhf.stages.context import Context
from rlhf.stages.demonstrations import FromRankings
from rlhf.stages.leaderboard import leaderboard
from rlhf.stages.ranking_table import RankingTable
from rlhf.stages.rate import rate
from rlhf.stages.repeats import due_repeats
from store import annotators, answers, rankings, responses, scores, tasks
from store.records import Task
from store.results import figures

Make = Callable[..., Any]


def write(db: Database, made: Any, prompt: int, person: str, text: str) -> int:
    """A person is shown a prompt's responses and writes an answer of their own; the id of that response."""
    (task,) = tasks.add(db, [Task(prompt, made.shown[prompt])])
    held = tasks.lease(db, task, person, made.shown[prompt])
    answers.write(db, str(held.lease), person, text)
    made.answer_held(held, person)
    return responses.by_person(db, person, prompt)[-1].id


@pytest.fixture
def made(db: Database, world: Make) -> Any:
    """Two versions on 12 prompts, each ranked by two people; what a task that is held already is ranked with."""
    found = world([0.0, 2.5])
    for person in ("cy", "dee"):
        annotators.ensure(db, person)
    for prompt in found.prompts(12, each=2):
        for person in ("ada", "bo"):
            found.rank(prompt, person)

    def answer_held(held: Task, person: str) -> None:
        order = sorted(held.response_ids, key=lambda r: -found.truth[r])
        rankings.submit(db, str(held.lease), person, {r: n for n, r in enumerate(order, 1)}, seconds=5.0)

    found.answer_held = answer_held
    return found


def test_the_scores_are_those_of_one_comparison_with_each_response(ctx: Context, db: Database, made: Any) -> None:
    """Against the same rankings with the pairs spelled out: the tie below is no tie."""
    prompt = next(iter(made.shown))
    own = write(db, made, prompt, "cy", "By hand")
    rating = rate(ctx).record
    spelled = []
    for ranking in rankings.current(db):
        if own in ranking.levels:
            spelled += [dataclasses.replace(ranking, levels={own: 1, seen: 2}) for seen in made.shown[prompt]]
        else:
            spelled.append(ranking)
    table = RankingTable(spelled)
    direct = convert(table.levels, table.prompt, table.annotator, method="davidson", reliability=True)
    stored = {score.response_id: score.elo for score in scores.of_rating(db, rating.id)}
    for p, ids in enumerate(table.response_ids):
        for k, response in enumerate(ids):
            assert stored[response] == pytest.approx(float(direct.elo[p, k]))
    assert max(made.shown[prompt] + (own,), key=stored.__getitem__) == own


def test_agreement_and_counts_are_as_without_it(ctx: Context, db: Database, made: Any) -> None:
    prompt = next(iter(made.shown))
    (task,) = tasks.add(db, [Task(prompt, made.shown[prompt])])
    held = tasks.lease(db, task, "cy", made.shown[prompt])
    made.answer_held(held, "cy")
    before = figures(rate(ctx).record)
    answers.write(db, str(held.lease), "cy", "By hand")
    after = figures(rate(ctx).record)
    assert (after.alpha, after.vote_agreement) == (before.alpha, before.vote_agreement)
    assert after.rankings == before.rankings + 1
    of_cy = [{row.name: row for row in each.by_annotator}["cy"] for each in (before, after)]
    assert of_cy[1].rankings == of_cy[0].rankings + 1
    assert (of_cy[1].tau, of_cy[1].consistency) == (of_cy[0].tau, of_cy[0].consistency)
    assert sum(row.rankings for row in after.by_annotator) == after.rankings


def test_it_never_enters_the_leaderboard(db: Database, made: Any) -> None:
    before = leaderboard(db)
    for prompt in list(made.shown)[:6]:
        (task,) = tasks.add(db, [Task(prompt, made.shown[prompt])])
        held = tasks.lease(db, task, "cy" if prompt % 2 else "dee", made.shown[prompt])
        answers.write(db, str(held.lease), str(held.annotator), "By hand")
    after = leaderboard(db)
    assert dataclasses.replace(after, rankings=before.rankings) == before


def test_where_people_only_wrote_there_is_something_to_learn_and_nothing_to_compare(
    ctx: Context, db: Database, world: Make, letters: Make
) -> None:
    alone = world([0.0, 2.5])
    for prompt in alone.prompts(3):
        (task,) = tasks.add(db, [Task(prompt, alone.shown[prompt])])
        annotators.ensure(db, "ada")
        held = tasks.lease(db, task, "ada", alone.shown[prompt])
        answers.write(db, str(held.lease), "ada", f"By hand {prompt}")
    board = leaderboard(db)
    assert (board.newest, board.prompts, board.decision) == ("base", 0, "open")
    rate(ctx)
    data = FromRankings(db, 1).read(db, letters())
    assert len(data.train) == 3


def test_fine_tuning_from_rankings_is_shown_it(
    ctx: Context, db: Database, made: Any, letters: Make, spelled: Make
) -> None:
    chosen = list(made.shown)[:4]
    for prompt in chosen:
        write(db, made, prompt, "cy", f"{prompt} by hand")
    rate(ctx)
    data = FromRankings(db, 1).read(db, letters())
    shown = [spelled(one.answer) for one in data.train]
    assert len(shown) == 12
    by_hand = {text for text, ended in shown if "by hand" in text and ended}
    assert by_hand == {f"{prompt} by hand" for prompt in chosen}


def test_what_is_ranked_again_is_what_models_wrote(ctx: Context, db: Database, made: Any) -> None:
    for prompt in made.shown:
        (task,) = tasks.add(db, [Task(prompt, made.shown[prompt])])
        held = tasks.lease(db, task, "cy", made.shown[prompt])
        made.answer_held(held, "cy")
        answers.write(db, str(held.lease), "cy", "By hand")
    rate(ctx)
    due = due_repeats(db, 1.0, 0)
    assert {task.prompt_id: set(task.response_ids) for task in due} == {p: set(r) for p, r in made.shown.items()}
