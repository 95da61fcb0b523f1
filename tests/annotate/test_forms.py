"""The forms that start a job: what they offer, what they refuse in which words, and what is queued."""

import ast
import inspect
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate.forms import FORMS, fields
from annotate.panels.start import start_forms
from annotate.starting import hindrance
from rlhf.jobs.execute import stage_of
from rlhf.settings import KINDS, Settings, overlay
from rlhf.settings import kinds as kinds_module
from rlhf.settings import tables as tables_module
from rlhf.settings import training as training_module
from store import jobs, models
from store.records import Model, Rating, Role
from store.workspace import Workspace
from tests.annotate.test_hostile import ATTACK, Read

SignIn = Callable[[str, Role], TestClient]
Call = Callable[..., Any]


def docstrings() -> set[str]:
    """Every string under a field, read from the source of the settings by other means than the page's."""
    found = set()
    for module in (kinds_module, tables_module, training_module):
        for text in re.findall(
            r'^    \w+: [^\n]*\n    """(.*?)"""', inspect.getsource(module), re.MULTILINE | re.DOTALL
        ):
            found.add(" ".join(ast.literal_eval(f'"""{text}"""').split()))
    return found


def test_every_entry_has_its_docstring_and_its_bounds(db: Database) -> None:
    read = Read(start_forms(db, Settings()))
    known = docstrings()
    for kind in FORMS:
        assert 1 <= len(fields(kind)) <= 6
        for field in fields(kind):
            assert field.dial.help in known, (kind, field.name)
            assert field.dial.help.replace("'", "’").replace("`", "") in read.texts
    assert "at least 1" in read.texts
    assert "above 0, at most 1" in read.texts


def test_what_runs_a_program_is_in_no_form(db: Database) -> None:
    assert set(FORMS) >= {"sft", "dpo", "ppo", "round", "evaluate"}
    for kind in FORMS:
        assert not {field.name for field in fields(kind)} & {"wait", *KINDS[kind].by_hand}
    assert "judge_command" not in start_forms(db, Settings())


def test_the_presets_are_those_of_the_workspace(
    sign_in: SignIn, call: Call, workspace: Workspace, db: Database
) -> None:
    (workspace.folder / "workspace.toml").write_text("[dpo]\nbeta = 0.125\n[ppo]\nsteps = 77\n")
    client = sign_in("Rosa", "researcher")
    shown = str(call(client, "/research", "draw", {"shown": "#/jobs"}))
    assert re.search(r'name="beta" value="0.125"', shown)
    assert re.search(r'name="ppo.steps" value="77"', shown)
    (workspace.folder / "workspace.toml").write_text("[dpo]\nbeta = -1\n")
    assert "come back when workspace.toml is mended" in str(call(client, "/research", "draw", {"shown": "#/jobs"}))


@pytest.fixture
def ready(db: Database, rated: Callable[..., Rating]) -> Database:
    """A ranking with scores, a reward model and a policy beside the base: every kind could work."""
    rated(db, {})
    models.add(db, Model("reward-1", "reward", "tiny"))
    models.add(db, Model("policy-1", "policy", "tiny", 1))
    return db


def refusal(client: TestClient, kind: str, values: Any) -> str:
    """What the page says to a form; empty where it took it."""
    answer = client.post("/api/start", json={"kind": kind, "values": values})
    assert (answer.status_code == 200) == ("job" in answer.json())
    return str(answer.json().get("error") or "")


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("dpo", {"beta": "0"}, "beta is 0.0: it must be above 0."),
        ("dpo", {"epochs": "0"}, "epochs is 0: it must be at least 1."),
        ("dpo", {"epochs": "many"}, "epochs is 'many': it must be of type int."),
        ("dpo", {"learning_rate": "nan"}, "learning rate is nan: it must be a finite number."),
        ("dpo", {"pairs": "some"}, "pairs is 'some': choose one of 'all', 'extremes'."),
        ("dpo", {"start": "policy-9"}, "There is no model 'policy-9': the workspace has"),
        ("dpo", {"start": "reward-1"}, "reward-1 is a reward model and answers nothing: name a policy."),
        ("dpo", {"stop": "1"}, "The form has no 'stop': reload the page."),
        ("round", {"ppo.steps": "-1"}, "ppo.steps is -1: it must be at least 1."),
        ("ppo", {"kl_target": "13"}, "ppo.kl_target is 13 and ppo.max_kl is 12"),
        ("ppo", {"force": "yes"}, "force is 'yes': it must be of type bool."),
        ("evaluate", {"judge_command": "rm -r ."}, "The form has no 'judge_command': reload the page."),
        ("evaluate", {"models": "policy-1, nobody"}, "There is no model 'nobody'"),
        ("sft", {"from_": "file", "data": ""}, "There is nothing to learn from"),
        ("sft", {"from_": "file", "data": "/no/such/file.jsonl"}, "/no/such/file.jsonl cannot be read (No such file"),
        ("sft", {"from_": "file", "data": "/"}, "/ cannot be read (no regular file)"),
        ("init", {}, "There is no form for 'init': reload the page."),
        ("simulate", {}, "There is no form for 'simulate': reload the page."),
    ],
)
def test_what_does_not_fit_is_refused_in_words_and_queues_nothing(
    sign_in: SignIn, ready: Database, kind: str, values: Any, said: str
) -> None:
    assert said in refusal(sign_in("Rosa", "researcher"), kind, values)
    assert jobs.recent(ready) == []


@pytest.mark.parametrize("values", [None, [], "x", 3, {}])
def test_what_was_not_sent_is_as_it_was_preset(sign_in: SignIn, ready: Database, values: Any) -> None:
    assert refusal(sign_in("Rosa", "researcher"), "dpo", values) == ""
    (job,) = jobs.active(ready)
    assert job.params["settings"]["dpo"]["beta"] == Settings().dpo.beta
    assert job.params["start"] is None


def test_a_form_becomes_the_parameters_of_the_command(
    sign_in: SignIn, ready: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in("Rosa", "admin")
    sent = {"models": " policy-1 , hidden-model-0 ", "baseline": "hidden-model-0", "judge": "people", "samples": "2"}
    assert refusal(client, "evaluate", sent) == ""
    (tmp_path / "shown.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    monkeypatch.chdir(tmp_path)
    told = {"from_": "file", "data": "shown.jsonl", "learning_rate": "1e-3", "start": ""}
    assert refusal(client, "sft", told) == ""
    evaluate, sft = jobs.active(ready)
    assert evaluate.kind == "evaluate"
    assert evaluate.params["models"] == ["policy-1", "hidden-model-0"]
    assert evaluate.params["judge"] == "people"
    assert evaluate.params["settings"] == {"evaluate": {"prompts": 150, "samples": 2, "best_of": 16}}
    assert sft.params["data"] == str(tmp_path / "shown.jsonl")  # the worker may run elsewhere
    assert sft.params["start"] is None
    assert sft.params["settings"] == {"sft": {"epochs": 1, "learning_rate": 1e-3}}


@pytest.mark.parametrize("kind", FORMS)
def test_the_parameters_are_what_the_stage_takes(sign_in: SignIn, ready: Database, kind: str) -> None:
    """The options are arguments of the stage's function, and the settings are tables of the workspace."""
    filled = {"evaluate": {"judge": "people", "baseline": "hidden-model-0"}, "sft": {"from_": "rankings"}}
    assert refusal(sign_in("Rosa", "researcher"), kind, filled.get(kind, {})) == ""
    (job,) = jobs.active(ready)
    asked = dict(job.params)
    overlay(Settings(), asked.pop("settings"))
    assert set(asked) <= set(inspect.signature(stage_of(kind)).parameters)


def test_a_button_says_why_it_cannot_be_pressed_and_the_server_holds_to_it(
    sign_in: SignIn, db: Database, workspace: Workspace
) -> None:
    client = sign_in("Rosa", "researcher")
    expected = {
        "dpo": "There are no scores yet",
        "reward": "There are no scores yet",
        "ppo": "There is no reward model yet",
        "round": "There are 0 rankings",
        "evaluate": "There is no policy to compare",
    }
    shown = start_forms(db, Settings())
    for kind, said in expected.items():
        form = re.search(rf'<form data-form="{kind}".*?</form>', shown, re.DOTALL)
        assert form is not None
        assert said in Read(form[0]).texts
        assert "disabled" in form[0]
        assert said in refusal(client, kind, {})
    assert jobs.recent(db) == []


def test_an_owner_of_the_workspace_keeps_others_from_it(sign_in: SignIn, ready: Database) -> None:
    assert hindrance(ready, "dpo") == ""
    held = jobs.claim(ready, os.getpid(), jobs.enqueue(ready, "generate"), ["generate"])
    assert held is not None
    assert hindrance(ready, "dpo").startswith(f"Job {held.id} (generate, process {os.getpid()}")
    assert hindrance(ready, "generate") == f"Job {held.id} is running already: wait for it, or cancel it."
    assert hindrance(ready, "evaluate") == ""  # it owns nothing
    assert "has the workspace to itself" in refusal(sign_in("Rosa", "researcher"), "dpo", {})
    assert len(jobs.recent(ready)) == 1


def test_an_annotator_starts_nothing(sign_in: SignIn, ready: Database, workspace: Workspace) -> None:
    client = sign_in("Rosa", "researcher")
    with ready.conn:
        ready.execute("UPDATE annotators SET role = 'annotator' WHERE name = 'Rosa'")
    assert client.post("/api/start", json={"kind": "dpo", "values": {}}).status_code == 403
    client.cookies.clear()
    assert client.post("/api/start", json={"kind": "dpo", "values": {}}).status_code == 403
    assert jobs.recent(ready) == []


def test_no_name_and_no_setting_writes_html(db: Database) -> None:
    models.add(db, Model(ATTACK, "policy", "tiny", 1))
    html = start_forms(db, Settings())
    assert isinstance(html, Markup)
    read = Read(html)
    assert ATTACK in read.texts
    assert "img" not in read.tags
