"""Promotion from the research page: by whom it may be done, and what is kept of it."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from store import models
from store.records import Model, Rating, Role
from store.workspace import Workspace

SignIn = Callable[[str, Role], TestClient]
Call = Callable[..., Any]
BASE = "hidden-model-0"


@pytest.fixture
def newest(db: Database, rated: Callable[..., Rating], board: Callable[..., dict[str, Any]]) -> int:
    """A version that beats the base in the stored leaderboard."""
    made = models.add(db, Model("policy-2", "policy", "tiny", 1))
    rated(db, {"leaderboard": board(BASE, "policy-2")})
    return made


@pytest.mark.parametrize("role", ["researcher", "admin"])
def test_a_promotion_names_its_person_and_keeps_its_evidence(
    sign_in: SignIn, call: Call, workspace: Workspace, newest: int, role: Role
) -> None:
    client = sign_in("Rosa", role)
    _, _, versions, *_ = call(client, "/research", "promote", {"model": newest})
    assert "policy-2 is the default generator" in versions
    assert call(client, "/research", "promote", {"model": newest}) is not None
    with workspace.store() as db:
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


def test_the_way_back(sign_in: SignIn, call: Call, workspace: Workspace, newest: int) -> None:
    client = sign_in("Rosa", "researcher")
    for model in (newest, 1):
        assert call(client, "/research", "promote", {"model": model}) is not None
    with workspace.store() as db:
        assert [p.model_id for p in models.promotions(db)] == [newest, 1]
        assert models.promotions(db)[-1].evidence["winner"] == "policy-2"


@pytest.mark.parametrize("event", [None, {}, {"model": 99}, {"model": "2"}, {"model": True}, {"model": 3}])
def test_what_cannot_be_promoted_is_refused(
    sign_in: SignIn, call: Call, workspace: Workspace, newest: int, event: dict[str, Any] | None
) -> None:
    with workspace.store() as db:
        assert models.add(db, Model("reward-1", "reward", "tiny")) == 3
    assert call(sign_in("Rosa", "researcher"), "/research", "promote", event) is None
    with workspace.store() as db:
        assert models.promotions(db) == []


def test_a_promotion_without_any_rating_has_no_evidence(sign_in: SignIn, call: Call, workspace: Workspace) -> None:
    assert call(sign_in("Rosa", "researcher"), "/research", "promote", {"model": 1}) is not None
    with workspace.store() as db:
        assert models.promotions(db)[0].evidence == {}


def test_an_annotator_cannot_promote(sign_in: SignIn, call: Call, workspace: Workspace, newest: int) -> None:
    client = sign_in("Rosa", "researcher")
    config = client.get("/research/config").json()
    (index,) = [d["id"] for d in config["dependencies"] if d["api_name"] == "promote"]
    with workspace.store() as db, db.conn:
        db.execute("UPDATE annotators SET role = 'annotator' WHERE name = 'Rosa'")
    body = {"data": [], "fn_index": index, "session_hash": "x", "event_data": {"model": newest}}
    assert client.post("/research/gradio_api/run/predict", json=body).status_code == 403
    with workspace.store() as db:
        assert models.promotions(db) == []
