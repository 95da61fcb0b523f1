"""The research page as the browser asks for it: which panels are drawn when, and what its buttons do."""

import json
import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate import dashboard
from annotate.panels.quick import quick
from store import jobs
from store.records import Rating, Role
from store.workspace import Workspace

SignIn = Callable[[str, Role], TestClient]
Call = Callable[..., Any]
Act = Callable[..., str]


def desk(call: Call, client: TestClient, tab: str, pace: str | None = None) -> dict[str, str]:
    """The elements of the research page that are drawn anew while a tab is shown, by their ids."""
    config = client.get("/research/config").json()
    elements = {component["id"]: component["props"].get("elem_id") for component in config["components"]}
    handler = next(d for d in config["dependencies"] if d["api_name"] == "draw")
    drawn = call(client, "/research", "draw", {"shown": f"#/{tab}", "pace": pace})
    names = [elements[output] for output in handler["outputs"]]
    return {name: html for name, html in zip(names, drawn, strict=True) if isinstance(html, str)}


def buttons(quick: str) -> list[bool]:
    """Of each of the usual jobs, whether its button may be pressed."""
    drawn = re.findall(r"<button [^>]*data-press[^>]*>", quick)
    return ["disabled" not in button for button in drawn]


def test_a_button_asks_for_one_job_at_a_time(
    call: Call, act: Act, sign_in: SignIn, workspace: Workspace, db: Database, rated: Callable[..., Rating]
) -> None:
    rated(db, {})
    client = sign_in("Rosa", "researcher")
    assert buttons(quick(db)) == [True, True, True]
    assert act(client, "press", kind="rate") == ""
    drawn = desk(call, client, "jobs", "watched")
    assert 'data-job="1"' in drawn["jobs"]
    assert "Rating: job 1 is queued" in drawn["notice"]
    assert buttons(drawn["quick"]) == [False, True, True]
    assert act(client, "press", kind="rate") == "Job 1 is queued already: wait for it, or cancel it."
    assert act(client, "press", kind="reward") == ""
    assert act(client, "press", kind="round") == ""
    assert "PPO round: job 3 is queued" in desk(call, client, "loop", "watched")["notice"]
    assert [(job.kind, job.params) for job in jobs.active(db)] == [("rate", {}), ("reward", {}), ("round", {})]
    assert act(client, "cancel", job=1) == ""
    assert [job.kind for job in jobs.active(db)] == ["reward", "round"]
    assert act(client, "cancel", job=1) == ""  # pressed twice
    assert act(client, "cancel", job=99) == "There is no job 99."
    jobs.finish(db, 2, {})
    assert act(client, "cancel", job=2) == "Job 2 is done already: there is nothing to cancel."


def test_a_button_that_cannot_work_says_why_and_the_server_holds_to_it(
    act: Act, sign_in: SignIn, workspace: Workspace, db: Database, rated: Callable[..., Rating]
) -> None:
    client = sign_in("Rosa", "researcher")
    assert buttons(quick(db)) == [False, False, False]
    for kind, said in (("rate", "0 rankings"), ("reward", "no scores yet"), ("round", "0 rankings")):
        (why,) = re.findall(f'id="why-{kind}">([^<]*)<', quick(db))
        assert said in why
        assert act(client, "press", kind=kind) == why
    rated(db, {})
    held = jobs.claim(db, os.getpid(), jobs.enqueue(db, "generate"), ["generate"])
    assert held is not None
    assert buttons(quick(db)) == [True, False, False]
    assert quick(db).count("has the workspace to itself") == 2
    assert "has the workspace to itself" in act(client, "press", kind="reward")
    for kind in ("generate", "nothing", None, 3, ["rate"]):
        assert "There is no button for" in act(client, "press", kind=kind)
    assert [job.kind for job in jobs.recent(db)] == ["generate"]


def test_the_research_page_of_an_empty_workspace(call: Call, sign_in: SignIn) -> None:
    client = sign_in("Rosa", "admin")
    drawn = {name: html for tab in dashboard.TABS for name, html in desk(call, client, tab).items()}
    assert drawn["proposals"] == ""
    assert "nobody has flagged, skipped or commented yet" in drawn["inbox"]
    assert "3" in drawn["counts"]
    assert "No round is finished yet" in drawn["rounds"]
    assert "hidden-model" in drawn["lineage"]
    assert "Nothing was compared yet" in drawn["versions"]
    assert "Nothing was evaluated yet" in drawn["evaluation"]
    assert "Nothing was rated yet" in drawn["annotators"]
    assert "0 gold answers" in drawn["annotators"]
    assert "No job yet" in drawn["jobs"]
    assert drawn["curves"] == ""


def test_every_panel_is_drawn_in_its_element_at_its_pace_and_in_its_tab(
    call: Call, sign_in: SignIn, workspace: Workspace
) -> None:
    client = sign_in("Rosa", "researcher")
    with workspace.store() as db:
        jobs.log(db, jobs.enqueue(db, "reward"), 0, {"accuracy": 0.5})
        panels = {panel.name: panel.render(db) for panel in dashboard.PANELS}
    assert len(set(panels.values())) == 12
    paces: dict[str, set[str]] = {"watched": set(), "overview": set()}
    for tab in dashboard.TABS:
        for pace, names in paces.items():
            drawn = desk(call, client, tab, pace)
            assert {panel.place for panel in dashboard.PANELS if panel.name in drawn} <= {"top", "beside", tab}
            assert panels.items() >= {name: html for name, html in drawn.items() if name in panels}.items()
            names |= set(drawn)
        due = {name for pace in paces for name in desk(call, client, tab, pace)}
        assert desk(call, client, tab).keys() - due == ({"browse"} if tab == "prompts" else set())  # when asked
    assert paces["watched"] == {"jobs", "log", "notice", "curves", "start", "quick"}
    overview = {"counts", "rounds", "versions", "proposals", "inbox", "evaluation", "annotators", "lineage"}
    assert paces["overview"] == overview
    assert "{&#34;watched&#34;: 1.0, &#34;overview&#34;: 5.0}" in json.dumps(client.get("/research/config").json())


@pytest.mark.parametrize("shown", ["", "#", "#/", "#/nothing", "#/jobs/x", "#jobs", None, 3, "#/loop?page=2"])
def test_an_address_that_names_no_tab_shows_the_first(shown: Any) -> None:
    assert dashboard.tab_of(shown) == "loop"
    assert dashboard.tab_of("#/jobs?x=1") == "jobs"
