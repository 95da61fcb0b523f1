"""A prompt that was taken out teaches nothing and is asked no more, and what was known of it returns with it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlite_utils import Database

from rlhf import training
from rlhf.ratings import rate as convert
from rlhf.settings import overlay
from rlhf.stages import gate
from rlhf.stages.context import Context
from rlhf.stages.generate import _prompts_in_need, generate
from rlhf.stages.leaderboard import leaderboard
from rlhf.stages.ranking_table import RankingTable
from rlhf.stages.rate import rate
from rlhf.stages.repeats import due_repeats
from rlhf.stages.reward import ranked_prompts
from store import annotators, models, prompts, rankings, responses, scores, summary, tasks, voices
from store.records import Model, Prompt, Ranking, Task
from store.results import figures

Make = Callable[..., Any]


@pytest.fixture
def made(world: Make) -> Any:
    """Three versions on eight prompts to train on and two held out, ranked by two or three people each."""
    made = world((0.0, 0.5, 1.0))
    for number, prompt in enumerate([*made.prompts(8), *made.prompts(2, split="eval")]):
        for person in ("ada", "bo", "cy")[: 2 + number % 2]:
            made.rank(prompt, person)
    return made


def scored(db: Database, rating_id: int) -> dict[int, tuple[float, float | None, int]]:
    return {s.response_id: (s.elo, s.stderr, s.comparisons) for s in scores.of_rating(db, rating_id)}


def by_hand(standing: list[Ranking]) -> dict[int, float]:
    """Elo of every response that some rankings compare, without a store."""
    table = RankingTable(standing)
    elo = convert(table.levels, table.prompt, table.annotator, reliability=True).elo
    return {r: elo[p, k] for p, ids in enumerate(table.response_ids) for k, r in enumerate(ids)}


def test_scores_and_leaderboard_are_those_of_the_rankings_that_are_left(
    ctx: Context, db: Database, made: Any
) -> None:
    first, *_, held = list(made.shown)
    every = rankings.current(db)
    before, board = rate(ctx).record, leaderboard(db)
    prompts.remove(db, [first, held])
    left = [r for r in every if r.prompt_id not in (first, held)]
    without = rate(ctx).record
    assert {r: elo for r, (elo, *_) in scored(db, without.id).items()} == pytest.approx(by_hand(left))
    told = figures(without)
    assert (told.rankings, told.prompts) == (len(left), 8)
    assert told.vote_agreement == gate.vote_agreement(left) != figures(before).vote_agreement
    assert told.leaderboard == leaderboard(db) == leaderboard(db, left) != board
    prompts.restore(db, [held, first])
    after = rate(ctx).record
    assert scored(db, after.id) == scored(db, before.id)
    assert {**after.metrics, "seconds": 0} == {**before.metrics, "seconds": 0}
    assert leaderboard(db) == board


def test_a_flagged_prompt_is_in_no_rating_until_it_is_put_back(
    ctx: Context, db: Database, made: Any, letters: Make
) -> None:
    first, *_ = list(made.shown)
    every, before = rankings.current(db), rate(ctx).record
    shaped = ranked_prompts(db, before, letters())
    tasks.add(db, [Task(first, made.shown[first])])
    (task,) = (task for task in tasks.free_for(db, "dora", 9) if tasks.get(db, task).prompt_id == first)
    annotators.ensure(db, "dora")
    held = tasks.lease(db, task, "dora", made.shown[first])
    flag = rankings.submit(db, str(held.lease), "dora", {}, kind="flagged")
    left = [r for r in every if r.prompt_id != first]
    meanwhile = rate(ctx).record
    assert {r: elo for r, (elo, *_) in scored(db, meanwhile.id).items()} == pytest.approx(by_hand(left))
    train, heldout = ranked_prompts(db, before, letters())  # by the scores from before the flag
    asked = prompts.get(db, first).messages
    assert (train, heldout) == ([p for p in shaped[0] if p.messages != asked], shaped[1])
    assert len(train) == len(shaped[0]) - 1
    assert first not in {p.id for p in prompts.every(db, "train")}, "what PPO trains on"
    voices.decide(db, [flag.id], "put back", "rosa")
    after = rate(ctx).record
    assert scored(db, after.id) == scored(db, before.id)
    assert ranked_prompts(db, after, letters()) == shaped


def test_rate_notices_what_was_taken_out_and_put_back(ctx: Context, db: Database, made: Any) -> None:
    first, second, third, *_ = list(made.shown)  # ranked by 2, 3 and 2 people
    whole = rate(ctx).record
    assert rate(ctx).skipped
    prompts.remove(db, [first])
    without_first = rate(ctx)
    assert not without_first.skipped
    assert rate(ctx).skipped
    prompts.restore(db, [first])
    prompts.remove(db, [third])  # as many rankings, and the same last one
    assert figures(whole).rankings - len(rankings.current(db)) == 2
    without_third = rate(ctx)
    assert not without_third.skipped
    assert set(scored(db, whole.id)) - set(scored(db, without_third.record.id)) == set(made.shown[third])
    prompts.remove(db, [second])
    prompts.restore(db, [second])
    assert rate(ctx).record == without_third.record, "back as it was: nothing new"
    prompts.restore(db, [third])
    assert not rate(ctx).skipped


def test_the_reward_model_is_not_taught_by_it(ctx: Context, db: Database, made: Any, letters: Make) -> None:
    first, *_, held = list(made.shown)
    rating = rate(ctx).record
    chats = {p.id: p.messages for p in prompts.every(db)}
    before = ranked_prompts(db, rating, letters())
    prompts.remove(db, [first, held])  # the scores are older than that
    train, heldout = ranked_prompts(db, rating, letters())
    assert train == [p for p in before[0] if p.messages != chats[first]]
    assert heldout == [p for p in before[1] if p.messages != chats[held]]
    assert (len(train), len(heldout)) == (7, 1)
    prompts.restore(db, [first, held])
    assert ranked_prompts(db, rating, letters()) == before


def test_it_is_neither_answered_nor_ranked_again(ctx: Context, db: Database, made: Any) -> None:
    first, *_ = list(made.shown)
    fresh = models.get(db, models.add(db, Model("policy-9", "policy", "tiny")))
    prompts.remove(db, [first])
    assert {p.id for p in _prompts_in_need(db, fresh, 0)} == set(made.shown) - {first}
    rate(ctx)
    assert {task.prompt_id for task in due_repeats(db, 1.0, 0)} == set(list(made.shown)[1:8])
    prompts.restore(db, [first])
    assert first not in {task.prompt_id for task in due_repeats(db, 1.0, 0)}, "it has no scores yet"
    rate(ctx)
    assert {task.prompt_id for task in due_repeats(db, 1.0, 0)} == set(list(made.shown)[:8])


def test_status_names_no_dispute_of_it(ctx: Context, db: Database, made: Any) -> None:
    rate(ctx)
    disputed = [row["prompt_id"] for row in summary.summary(db, 9)["disputed"]]
    assert disputed
    prompts.remove(db, disputed[:1])
    assert [row["prompt_id"] for row in summary.summary(db, 9)["disputed"]] == disputed[1:]


def test_a_job_that_is_answering_it_ends_as_ever(
    ctx: Context, db: Database, make_base: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken out while the model writes: what was written is kept, and nobody is asked to rank it."""
    tables = {
        "model": {"base_model": str(make_base("llama")), "rank": 4},
        "sampling": {"responses": 3, "max_new_tokens": 6},
        "generate": {"overlap_share": 0.0},
    }
    small = dataclasses.replace(ctx, settings=overlay(ctx.settings, tables))
    models.add(db, Model("base", "policy", small.settings.model.base_model))
    chats: list[Prompt] = [
        prompts.make([{"role": "user", "content": text}], source="test", split="train") for text in ("tea", "cake")
    ]
    tea, cake = prompts.add(db, chats)
    sample = training.sampling.sample

    def meanwhile(*args: Any, **more: Any) -> Any:
        with ctx.workspace.store() as other:
            prompts.remove(other, [tea])
        return sample(*args, **more)

    monkeypatch.setattr(training.sampling, "sample", meanwhile)
    assert generate(small).prompts == 2
    assert [tasks.get(db, task).prompt_id for task in tasks.free_for(db, "ada", 9)] == [cake]
    assert responses.count(db) == 3
    prompts.restore(db, [tea])
    assert {tasks.get(db, task).prompt_id for task in tasks.free_for(db, "ada", 9)} == {tea, cake}
    assert responses.count(db) == 6


def test_arrays_of_levels_hold_no_row_of_it(db: Database, made: Any) -> None:
    first, *_ = list(made.shown)
    prompts.remove(db, [first])
    table = RankingTable(rankings.current(db))
    assert first not in table.prompt_ids
    assert np.bincount(table.prompt).tolist() == [3, 2, 3, 2, 3, 2, 3, 2, 3]
