"""What a job is done with."""

from pathlib import Path
from typing import Any

import pytest

from rlhf.jobs.execute import alone, execute, resolve, start
from store import jobs
from store.errors import Refused
from store.workspace import Workspace, create


def test_what_is_asked_of_a_job_wins_over_the_workspace_and_that_over_the_defaults(tmp_path: Path) -> None:
    workspace = create(tmp_path / "w", "[ppo]\nsteps = 5\nepochs = 3\n")
    with workspace.store() as db:
        number = jobs.enqueue(db, "ppo", {"settings": {"ppo": {"steps": 7}}, "force": True})
        job = jobs.get(db, number)
    ctx, arguments = resolve(workspace, job, lambda *_: None)
    assert (ctx.settings.ppo.steps, ctx.settings.ppo.epochs, ctx.settings.ppo.minibatches) == (7, 3, 2)
    assert arguments == {"force": True}
    with workspace.store() as db:
        assert jobs.get(db, number).params["settings"]["ppo"]["steps"] == 7


def test_one_of_several_processes_starts_no_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchrun and `accelerate launch` start them: both would train everything, and make two policies."""
    workspace = create(tmp_path / "w", "")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(Refused, match=r"one of 2 processes \(WORLD_SIZE\).* start one with `python launch.py`"):
        start(workspace, "ppo", {})
    with workspace.store() as db:
        assert db.execute("SELECT count(*) FROM jobs").fetchone()[0] == 0
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert start(workspace, "ppo", {}).kind == "ppo"
    alone({})


def test_the_log_of_a_job_says_how_far_it_is_and_the_terminal_does_not(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stage(ctx: Any) -> dict[str, int]:
        for step in range(3):
            ctx.progress(step, 4, f"step {step}")
        return {}

    monkeypatch.setattr("rlhf.jobs.execute.stage_of", lambda kind: stage)
    job = start(workspace, "simulate", {})
    execute(workspace, job)
    (line,) = (workspace.runs / f"job-{job.id}.log").read_text().splitlines()  # one in ten seconds
    assert line.endswith("INFO rlhf.jobs.execute.steps:   0 %  step 0")
    assert "execute.steps" not in capsys.readouterr().err
