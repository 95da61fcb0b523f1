"""The form that puts a prompt to versions: what it sends becomes a job, and what is no such thing is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate.panels.asking import LONGEST, asked, form
from annotate.panels.jobs import job_list
from store import jobs, models
from store.errors import BadInput
from store.records import Model, Role
from store.results import Answer, Answers, as_json
from store.workspace import Workspace

SignIn = Callable[[str, Role], TestClient]
Act = Callable[..., str]
BASE = "hidden-model-0"
HOSTILE = "<img src=x onerror=alert(1)>\"'"


@pytest.fixture
def pair(db: Database) -> list[str]:
    """A policy beside the base, and a reward model."""
    models.add(db, Model("policy-2", "policy", "tiny", 1))
    models.add(db, Model("reward-1", "reward", "tiny"))
    return ["policy-2", BASE]


def test_what_is_asked_becomes_a_job(sign_in: SignIn, act: Act, workspace: Workspace, pair: list[str]) -> None:
    client = sign_in("Rosa", "researcher")
    assert act(client, "ask", prompt="Tea?", versions=pair) == ""
    with workspace.store() as db:
        assert "Answer" in job_list(db)
        (job,) = jobs.active(db)
    assert (job.kind, job.state, job.params) == ("answer", "queued", {"prompt": "Tea?", "versions": pair})
    assert "is queued already" in act(client, "ask", prompt="And tea?", versions=pair)


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"prompt": "Tea?"},
        {"prompt": 3, "versions": [BASE]},
        {"prompt": "Tea?", "versions": BASE},
        {"prompt": "Tea?", "versions": [1]},
        {"prompt": " ", "versions": [BASE]},
        {"prompt": "x" * (LONGEST + 1), "versions": [BASE]},
        {"prompt": "Tea?", "versions": ["policy-9"]},
        {"prompt": "Tea?", "versions": ["reward-1"]},
    ],
)
def test_what_is_no_question_is_refused(
    sign_in: SignIn, act: Act, workspace: Workspace, pair: list[str], sent: dict[str, Any]
) -> None:
    assert act(sign_in("Rosa", "researcher"), "ask", **sent)
    with workspace.store() as db:
        assert jobs.active(db) == []


@pytest.mark.parametrize(
    "sent", [{"prompt": "\ud800", "versions": [BASE]}, {"prompt": "Tea?", "versions": ["\ud800"]}]
)
def test_half_a_character_is_refused(db: Database, sent: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        asked(db, sent)


def test_the_form_offers_policies_the_promoted_one_first(db: Database, pair: list[str]) -> None:
    assert form(db).count("<option>") == 4
    assert form(db).index("<option>policy-2") < form(db).index(f"<option>{BASE}")
    models.promote(db, 1, "ada")
    assert form(db).index(f"<option>{BASE}") < form(db).index("<option>policy-2")
    assert "reward-1" not in form(db)


def test_answers_stand_side_by_side_with_the_job_as_text(db: Database) -> None:
    told = Answers(HOSTILE, (Answer("base", f"tea {HOSTILE}", True), Answer("policy-2", "cake", False)))
    jobs.finish(db, jobs.enqueue(db, "answer"), as_json(told))
    shown = str(job_list(db))
    assert "<img" not in shown
    assert "<dt>base</dt><dd>tea &lt;img" in shown
    assert "<dt>policy-2</dt><dd>cake …</dd>" in shown
