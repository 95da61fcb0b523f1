"""Model versions: what made them, and which of them writes what people rank next."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlite_utils import Database

from store import jobs, models, rankings, scores, tasks
from store.errors import BadInput, NotFound
from store.records import Model, Rating


def test_the_last_promotion_rules_and_all_are_kept(db: Database) -> None:
    base, first = (models.add(db, Model(name, "policy", "tiny")) for name in ("base", "policy-1"))
    assert models.generator(db) is None
    models.promote(db, first, "ada", {"share": 0.75})
    assert (models.generator(db) or Model("", "policy", "")).name == "policy-1"
    models.promote(db, base, "bo")
    assert models.generator(db) == models.named(db, "base")
    kept = models.promotions(db)
    assert [(p.model_id, p.by, p.evidence) for p in kept] == [(first, "ada", {"share": 0.75}), (base, "bo", {})]


def test_a_version_is_read_back_as_it_was_made(db: Database, make_tasks: Callable[..., list[int]]) -> None:
    (task,) = make_tasks(db)
    held = tasks.lease(db, task, "ada", tasks.get(db, task).response_ids)
    ranking = rankings.submit(db, str(held.lease), "ada", dict.fromkeys(held.response_ids, 1))
    rating = scores.save(db, Rating("davidson", {}, {}, ranking.id), [])
    job = jobs.enqueue(db, "reward")
    judge = Model(
        "reward-1", "reward", "tiny", 1, job, "models/reward-1", {"std": 0.1 + 0.2}, rating_id=rating,
        made_by="reward", settings={"reward": {"epochs": 2, "learning_rate": 1e-5}},
    )  # fmt: skip
    judge_id = models.add(db, judge)
    policy_id = models.add(db, Model("policy-1", "policy", "tiny", reward_id=judge_id, made_by="ppo"))
    stored = models.get(db, judge_id)
    assert stored == replace(judge, id=judge_id, created=stored.created)
    assert (models.get(db, policy_id).reward_id, models.get(db, policy_id).rating_id) == (judge_id, None)
    assert models.get(db, 1).made_by == "init"
    elsewhere = models.get(db, models.add(db, Model("elsewhere", "imported", "unknown", made_by="import")))
    assert models.every(db, "imported") == [elsewhere]


def test_only_a_policy_that_is_there_can_be_promoted(db: Database) -> None:
    reward = models.add(db, Model("reward-1", "reward", "tiny"))
    with pytest.raises(BadInput, match="reward-1 is a reward model"):
        models.promote(db, reward, "ada")
    with pytest.raises(NotFound):
        models.promote(db, 99, "ada")
    assert models.promotions(db) == []
