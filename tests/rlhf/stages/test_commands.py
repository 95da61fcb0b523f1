"""The same through the launcher: what scripts read, what people read, and bad rankings named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

import launch
from rlhf.stages.context import Context
from store import models, rankings, tasks
from store.errors import BadInput, LeaseLost
from store.records import Task

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(ctx: Context, capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: str) -> tuple[int, str, str]:
        capfd.readouterr()
        status = launch.main([*argv, "--workspace", str(ctx.workspace.folder)])
        return (status, *capfd.readouterr())

    return call


@pytest.fixture
def made(world: Callable[..., Any]) -> Any:
    """Forty prompts with a response of the base and of a much better version, ranked by three people."""
    made = world([0.0, 6.0])
    for prompt in made.prompts(40):
        for person in ("ada", "bo", "cy"):
            made.rank(prompt, person)
    return made


def told(run: Run, *argv: str) -> dict[str, Any]:
    status, out, err = run(*argv, "--json")
    assert (status, out.count("\n")) == (0, 1), err
    return dict(json.loads(out))


def test_the_keys_that_scripts_rely_on(run: Run, made: Any) -> None:
    rated = told(run, "rate")
    assert {"rankings", "prompts", "responses", "annotators", "alpha", "log_loss", "seconds"} <= rated.keys()
    assert (rated["rankings"], rated["prompts"], rated["responses"], rated["annotators"]) == (120, 40, 80, 3)
    board = told(run, "leaderboard")
    assert board["decision"] == "newest beats base"
    assert {"name", "elo", "low", "high", "comparisons"} <= board["versions"][0].keys()
    assert rated["leaderboard"] == board
    status = told(run, "status")
    assert {"prompts", "responses", "rankings", "open_tasks", "models", "jobs", "next"} <= status.keys()
    assert status["agreement"]["alpha"] == rated["alpha"]
    assert status["agreement"]["rankings_since"] == 0
    assert {row["name"] for row in status["by_annotator"]} == {"ada", "bo", "cy"}
    assert status["leaderboard"] == board
    assert status["least_agreeing"] == rated["least_agreeing"]
    taus = [row["tau"] for row in status["least_agreeing"]]
    assert taus == sorted(taus)
    assert {(row["annotator"], row["other"]) for row in status["least_agreeing"]} == {
        ("ada", "bo"), ("ada", "cy"), ("bo", "cy"),
    }  # fmt: skip


def test_what_people_read_holds_no_braces(run: Run, made: Any) -> None:
    """Tables and lines, no Python."""
    for name in ("rate", "leaderboard", "status"):
        status, out, _ = run(name)
        assert status == 0
        assert not set("{}[]'") & set(out), out
    assert "policy-1" in out
    assert "bo" in out.split()


def test_promotion_by_hand_and_by_itself(run: Run, made: Any, db: Database) -> None:
    assert "promoted" not in told(run, "leaderboard")
    assert models.generator(db) is None
    board = told(run, "leaderboard", "--auto-promote")
    assert (board["promoted"], board["generator"]) == ("policy-1", "policy-1")
    status, out, err = run("promote", "--model", "base")
    assert (status, out) == (2, "")
    assert "base is not the newest version that was compared (policy-1 is)" in err
    assert told(run, "promote", "--model", "base", "--force") == {"promoted": "base", "was": "policy-1"}
    assert told(run, "status")["generator"] == "base"
    assert told(run, "promote") == {"promoted": "policy-1", "was": "base"}


def test_nothing_ranked_is_said_in_a_line(run: Run, db: Database) -> None:
    for name in ("leaderboard", "promote", "rate"):
        status, out, err = run(name)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert "0 rankings" in err


def test_bad_rankings_never_get_in_and_good_ones_stay(run: Run, made: Any, db: Database) -> None:
    """Gaps, a ranking of one response, NaN, and a second ranking of one task."""
    (prompt,) = made.prompts(1)
    shown = made.shown[prompt]
    (task,) = tasks.add(db, [Task(prompt, shown)])
    held = tasks.lease(db, task, "ada", shown)
    bad: list[dict[int, Any]] = [
        {shown[0]: 1, shown[1]: 3},
        {shown[0]: 1},
        {shown[0]: 1, shown[1]: float("nan")},
        {shown[0]: 0, shown[1]: 1},
        {shown[0]: 1, shown[1]: 2, 10**6: 3},
    ]
    for levels in bad:
        with pytest.raises(BadInput, match=r"without gaps|rank each of them"):
            rankings.submit(db, str(held.lease), "ada", levels)
    first = rankings.submit(db, str(held.lease), "ada", {shown[0]: 1, shown[1]: 2})
    assert rankings.submit(db, str(held.lease), "ada", {shown[0]: 2, shown[1]: 1}) == first
    with pytest.raises(LeaseLost, match="ranked by somebody else"):
        rankings.submit(db, str(held.lease), "bo", {shown[0]: 2, shown[1]: 1})
    rated = told(run, "rate")
    assert (rated["rankings"], rated["prompts"]) == (121, 41)


def test_a_prompt_that_nobody_ranked_has_no_score_and_does_no_harm(run: Run, made: Any, db: Database) -> None:
    (unranked,) = made.prompts(1)
    assert told(run, "rate")["prompts"] == 40
    rated = {row[0] for row in db.execute("SELECT response_id FROM scores")}
    assert not rated & set(made.shown[unranked])


def test_auto_promote_is_a_setting_of_the_round(ctx: Context, tmp_path: Path) -> None:
    from rlhf.settings import Settings, overlay

    assert overlay(Settings(), {"round": {"auto_promote": True}}).round.auto_promote
    assert not ctx.settings.round.auto_promote
