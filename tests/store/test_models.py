"""Promotions: which version writes what people rank next."""

import pytest
from sqlite_utils import Database

from store import models
from store.errors import BadInput, NotFound
from store.records import Model


def test_the_last_promotion_rules_and_all_are_kept(db: Database) -> None:
    base, first = (models.add(db, Model(name, "policy", "tiny")) for name in ("base", "policy-1"))
    assert models.generator(db) is None
    models.promote(db, first, "ada", {"share": 0.75})
    assert (models.generator(db) or Model("", "policy", "")).name == "policy-1"
    models.promote(db, base, "bo")
    assert models.generator(db) == models.named(db, "base")
    kept = models.promotions(db)
    assert [(p.model_id, p.by, p.evidence) for p in kept] == [(first, "ada", {"share": 0.75}), (base, "bo", {})]


def test_only_a_policy_that_is_there_can_be_promoted(db: Database) -> None:
    reward = models.add(db, Model("reward-1", "reward", "tiny"))
    with pytest.raises(BadInput, match="reward-1 is a reward model"):
        models.promote(db, reward, "ada")
    with pytest.raises(NotFound):
        models.promote(db, 99, "ada")
    assert models.promotions(db) == []
