"""The report and the pages of where a response comes from: whole in one file, for researchers, every text as text."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

import launch
from annotate import report, why
from store import models, prompts, rankings, responses, tasks
from store.records import Model, Response, Task
from store.results import Example, PolicyComparison, as_json
from store.workspace import Workspace

HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(1)</script>"


@pytest.fixture
def policy(db: Database) -> int:
    """A policy with an example in which a model wrote what a browser must not do."""
    example = Example(HOSTILE, f"{HOSTILE} before", f"{HOSTILE} after")
    told = PolicyComparison(
        steps=3, stopped="", shift=0.0, scale=1.0, forced=False, reward_before=0.1, reward_after=0.9, reward_base=0.1,
        kl=2.0, kl_reference=2.0, win_rate=0.7, judge="reward-1", distinct=0.5, length=20.0, examples=(example,),
    )  # fmt: skip
    return models.add(db, Model("policy-1", "policy", "tiny", 1, made_by="ppo", metrics=as_json(told)))


@pytest.mark.usefixtures("policy")
def test_the_report_is_one_file_that_asks_for_nothing(
    db: Database, workspace: Workspace, rated: Callable[..., Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rated(db, {"disputed": [{"prompt_id": 1, "disputed": 1.0, "rankings": 2}]})
    (workspace.folder / "workspace.toml").write_text('[model]\nbase_model = "tiny"\n[ppo]\nsteps = 77\n')
    to = tmp_path / "all.html"
    argv = ["report", "--to", str(to), "--workspace", str(workspace.folder)]
    assert launch.main(argv) == 0
    html = to.read_text(encoding="utf-8")
    for title in ("Rounds", "Versions", "Evaluation", "Annotators", "Models", "Examples, before and after"):
        assert f"<h2>{title}</h2>" in html
    for told in ("<td>ppo</td><td>steps</td><td>77</td>", "<td>transformers</td>", "light-dark(", " before</dd>"):
        assert told in html
    assert HOSTILE not in html
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|src=\"|https?://(?!www\.w3\.org)", html)
    assert str(workspace.folder) not in html
    assert launch.main(argv) == 2  # what is there is not overwritten
    assert "is there already" in capfd.readouterr().err


def test_researchers_read_them_and_nobody_else(
    workspace: Workspace, client: TestClient, sign_in: Callable[..., TestClient], policy: int, db: Database
) -> None:
    own = responses.add(db, [Response(1, policy, HOSTILE, 0, {}, "stop")])[0]
    pages = ("/report", f"/why/{own}")
    assert [client.get(page).headers["location"] for page in pages] == ["/login", "/login"]
    sign_in("ann", "annotator")
    assert [client.get(page).status_code for page in pages] == [403, 403]
    sign_in("ria", "researcher")
    for page in pages:
        got = client.get(page)
        assert (got.status_code, got.headers["cache-control"]) == (200, "no-store")
        assert "default-src 'none'" in got.headers["content-security-policy"]
        assert HOSTILE not in got.text
    assert "Written by policy-1." in client.get(f"/why/{own}").text
    for wrong in ("/why/999", "/why/x", "/why/-1", "/why/" + "9" * 40, "/why/ranking/999", "/why/²"):
        assert client.get(wrong).status_code == 404, wrong
    assert '<a href=\\"../report\\">' in client.get("/research/config").text


def test_one_clicks_from_a_response_to_its_rankings_and_what_rests_on_them(
    db: Database, rated: Callable[..., Any], policy: int
) -> None:
    (prompt,) = prompts.add(db, [prompts.make([{"role": "user", "content": HOSTILE}], source="test")])
    shown = tuple(responses.add(db, [Response(prompt, policy, f"{HOSTILE} {i}", i, {}, "stop") for i in range(2)]))
    (task,) = tasks.add(db, [Task(prompt, shown)])
    held = tasks.lease(db, task, "ada", shown)
    said = rankings.submit(db, str(held.lease), "ada", {shown[0]: 1, shown[1]: 2})
    page = why.response_page(db, shown[1])
    assert f'<a href="ranking/{said.id}">{said.id}</a></td><td>ada</td>' in page
    assert "<td>2 of 2</td>" in page
    rests = why.ranking_page(db, said.id)
    assert "It counts." in rests
    assert "no rating was made of it" in rests
    assert HOSTILE not in page + rests


def test_a_workspace_with_nothing_in_it_has_a_report(db: Database, workspace: Workspace) -> None:
    assert "No policy was compared" in report.page(db, workspace)
