"""Promotion from the research page: by whom it may be done, and what is kept of it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate.panels.versions import versions
from store import models
from store.records import Model, Rating, Role
from store.workspace import Workspace

SignIn = Callable[[str, Role], TestClient]
Act = Callable[..., str]
BASE = "hidden-model-0"


@pytest.fixture
def newest(db: Database, rated: Callable[..., Rating], board: Callable[..., dict[str, Any]]) -> int:
    """A version that beats the base in the stored leaderboard."""
    made = models.add(db, Model("policy-2", "policy", "tiny", 1))
    rated(db, {"leaderboard": board(BASE, "policy-2")})
    return made


@pytest.mark.parametrize("role", ["researcher", "admin"])
def test_a_promotion_names_its_person_and_keeps_its_evidence(
    sign_in: SignIn, act: Act, workspace: Workspace, newest: int, role: Role
) -> None:
    client = sign_in("Rosa", role)
    assert act(client, "promote", model=newest) == ""
    assert act(client, "promote", model=newest) == ""  # pressed twice
    with workspace.store() as db:
        assert "policy-2 is the default generator" in versions(db)
        (promotion,) = models.promotions(db)
        assert models.generator(db) == models.get(db, newest)
    assert promotion.by == "Rosa"
    assert promotion.evidence == {
        "rating": 1,
        "judges": "people",
        "rankings": 240,
        "newest": "policy-2",
        "against": BASE,
        "winner": "policy-2",
        "share": 0.71,
        "low": 0.58,
        "high": 0.84,
        "prompts": 64,
        "version": {
            "name": "policy-2",
            "elo": 1123.4,
            "low": 1080.2,
            "high": 1166.6,
            "comparisons": 310,
            "prompts": 64,
        },
    }


def test_the_way_back(sign_in: SignIn, act: Act, workspace: Workspace, newest: int) -> None:
    client = sign_in("Rosa", "researcher")
    for model in (newest, 1):
        assert act(client, "promote", model=model) == ""
    with workspace.store() as db:
        assert [p.model_id for p in models.promotions(db)] == [newest, 1]
        assert models.promotions(db)[-1].evidence["winner"] == "policy-2"


@pytest.mark.parametrize("sent", [{}, {"model": 99}, {"model": "2"}, {"model": True}, {"model": 3}])
def test_what_cannot_be_promoted_is_refused(
    sign_in: SignIn, act: Act, workspace: Workspace, newest: int, sent: dict[str, Any]
) -> None:
    with workspace.store() as db:
        assert models.add(db, Model("reward-1", "reward", "tiny")) == 3
    assert re.search("There is no model|promote a policy", act(sign_in("Rosa", "researcher"), "promote", **sent))
    with workspace.store() as db:
        assert models.promotions(db) == []


def test_a_promotion_without_any_rating_has_no_evidence(sign_in: SignIn, act: Act, workspace: Workspace) -> None:
    assert act(sign_in("Rosa", "researcher"), "promote", model=1) == ""
    with workspace.store() as db:
        assert models.promotions(db)[0].evidence == {}


def test_an_annotator_cannot_promote(sign_in: SignIn, act: Act, workspace: Workspace, newest: int) -> None:
    client = sign_in("Rosa", "researcher")
    with workspace.store() as db, db.conn:
        db.execute("UPDATE annotators SET role = 'annotator' WHERE name = 'Rosa'")
    assert client.post("/api/promote", json={"model": newest}).status_code == 403
    with workspace.store() as db:
        assert models.promotions(db) == []


def question(db: Database, model: int) -> str:
    """What the page asks before it promotes a version."""
    (found,) = re.findall(f'data-promote="{model}" data-asks="([^"]*)" data-rests="([^"]*)"', versions(db))
    return " ".join(found)


def test_the_question_says_what_is_replaced_and_on_what_evidence(
    db: Database, newest: int, rated: Callable[..., Rating], board: Callable[..., dict[str, Any]]
) -> None:
    asked = question(db, newest)
    assert asked.startswith("Promote policy-2? From now on policy-2 writes the responses that people rank next")
    assert "wins 71% against hidden-model-0 on 64 prompts, judged by people, so people prefer policy-2." in asked
    other = models.add(db, Model("policy-3", "policy", "tiny", 1))
    assert "Evidence: none, since no rating decided between the two." in question(db, other)
    models.promote(db, newest, "Rosa")
    assert "in place of policy-2." in question(db, 1)
    assert "so people prefer policy-2." in question(db, 1)
    rated(db, {"leaderboard": board(BASE, "policy-2", decision="open")})
    assert "leaves open which of them people prefer" in question(db, 1)
