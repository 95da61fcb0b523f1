"""A stage that has nothing to do says so, looks at its settings, and starts a second try where the first one did."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from rlhf import training
from rlhf.jobs.execute import told
from rlhf.settings import overlay
from rlhf.stages.context import Context, same_settings
from rlhf.stages.generate import generate
from rlhf.stages.ppo import ppo
from rlhf.stages.rate import rate
from rlhf.stages.reward import reward
from rlhf.training.looks import Look
from rlhf.training.ppo import PPOResult
from store import jobs, models

Make = Callable[..., Any]


def turned(ctx: Context, **tables: dict[str, Any]) -> Context:
    return dataclasses.replace(ctx, settings=overlay(ctx.settings, tables))


@pytest.fixture
def ranked(ctx: Context, db: Database, world: Make, make_base: Callable[..., Path]) -> Context:
    """Sixteen prompts ranked on each side, on a random Llama."""
    made = world()
    for split in ("train", "eval"):
        for prompt in made.prompts(8, each=2, split=split):
            made.rank(prompt, "ada")
    ctx = dataclasses.replace(ctx, job_id=jobs.enqueue(db, "round"))
    few = {"model": {"base_model": str(make_base("llama")), "rank": 4}, "sampling": {"max_new_tokens": 4}}
    return turned(ctx, **few, ppo={"steps": 1})


def test_a_rating_is_made_again_only_for_a_reason(ranked: Context) -> None:
    first = rate(ranked)
    assert first.skipped == ""
    found = rate(ranked)
    assert (found.record, found.skipped) == (first.record, "Nothing new since rating 1: pass --again.")
    assert rate(ranked, again=True).record.id == 2
    assert rate(turned(ranked, rating={"method": "elo"})).record.id == 3


def test_a_reward_model_is_trained_again_for_other_settings_or_when_asked(ranked: Context, db: Database) -> None:
    rate(ranked)
    first = reward(ranked)
    assert (first.skipped, first.record.name, first.record.made_by) == ("", "reward-1", "reward")
    found = reward(ranked)
    assert found.record == first.record
    assert found.skipped == "Nothing new since reward-1, taught by rating 1: pass --again."
    other = reward(turned(ranked, reward={"learning_rate": 1e-9, "epochs": 2})).record
    assert (other.name, other.parent_id, other.settings["reward"]["epochs"]) == ("reward-2", None, 2)
    assert reward(ranked, again=True).record.name == "reward-3"
    # What was judged by another gate is the same model: nothing is trained for it.
    assert reward(turned(ranked, gate={"min_accuracy": 0.1})).skipped
    # New scores are a reason, and what older scores taught is where it goes on from.
    assert rate(ranked, again=True).record.id == 2
    fresh = reward(ranked).record
    assert (fresh.rating_id, models.get(db, fresh.parent_id or 0).name) == (2, "reward-3")


@pytest.mark.slow
def test_a_second_policy_of_the_same_scores_starts_where_the_first_one_did(
    ranked: Context, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.ppo, "train_policy", _without_training)
    rate(ranked)
    reward(ranked)
    first = ppo(ranked, force=True)
    assert (first.skipped, first.record.name, first.record.reward_id) == (
        "",
        "policy-1",
        models.named(db, "reward-1").id,
    )
    found = ppo(ranked, force=True)
    assert (found.record, found.skipped) == (
        first.record,
        "Nothing new since policy-1, trained against reward-1: pass --again.",
    )
    base = models.named(db, "base").id
    for again in (ppo(turned(ranked, ppo={"steps": 2}), force=True), ppo(ranked, force=True, again=True)):
        assert again.record.parent_id == base
    rate(ranked, again=True)
    reward(ranked)
    assert models.get(db, ppo(ranked, force=True).record.parent_id or 0).name == "policy-3"


def _without_training(model: Any, *_: Any, **__: Any) -> PPOResult:
    model.copy("policy", "reference")
    look = Look(step=1, reward=0.0, kl=0.0, drift=0.0, length=3.0, ended=1.0, distinct=1.0, repeated=0.0)
    return PPOResult(1, 0.0, 1.0, [{"kl/k1": 0.0}], "", (look,), look, "step 1 of 1")


def test_a_version_that_has_answered_everything_says_so(ranked: Context) -> None:
    nothing = generate(turned(ranked, generate={"repeat_share": 0.0}))
    assert (nothing.model, nothing.prompts, nothing.responses) == ("base", 0, 0)
    assert nothing.skipped == "base has answered every prompt: import more, or train another version."


def test_the_job_s_result_says_it_too(ranked: Context, db: Database) -> None:
    rated = rate(ranked)
    assert told(db, rated)["skipped"] is None
    again = told(db, rate(ranked))
    assert (again["rating"], again["rankings"], again["skipped"][:15]) == (1, 16, "Nothing new sin")


def test_settings_are_the_same_where_both_sides_know_them() -> None:
    stored = {"reward": {"epochs": 1, "gone": 3}}
    assert same_settings(stored, {"reward": {"epochs": 1, "brought": 5}, "model": {}})
    assert not same_settings(stored, {"reward": {"epochs": 2}})
    assert same_settings({}, {"reward": {"epochs": 2}})
