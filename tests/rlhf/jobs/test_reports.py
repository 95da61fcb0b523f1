"""Metrics go to the store always, and to a tracker where one is named; read back by TensorBoard's own reader."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import launch
from rlhf.jobs import execute, reports
from rlhf.settings import KINDS
from rlhf.stages.context import Context
from rlhf.training import trackers
from store import jobs
from store.errors import BadInput, WorkError
from store.workspace import Workspace

Series = dict[str, list[tuple[int, float]]]
TRAINS = ("reward", "ppo", "sft", "dpo", "round", "loop")
THREE = ({"loss": 3.0, "kl": 0.5}, {"loss": 2.0, "kl": 0.25}, {"loss": 1.0, "kl": 0.75})


class Kept:
    """A tracker of accelerate's form that fails when it is told of some step."""

    def __init__(self, run: str, *, fails: int | None = None) -> None:
        self.run, self.fails, self.told, self.ended = run, fails, [], 0
        self.noted: Mapping[str, object] = {}

    def start(self) -> None:
        if self.fails == -1:
            raise ConnectionError("nobody\nanswers")

    def store_init_configuration(self, values: Mapping[str, object]) -> None:
        self.noted = values

    def log(self, values: Mapping[str, float], step: int) -> None:
        if step == self.fails:
            raise ConnectionError("nobody answers")
        self.told.append((step, dict(values)))

    def finish(self) -> None:
        self.ended += 1


@pytest.fixture
def trained(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, list[tuple[int, float]]]]:
    """What the store has of a job whose stage measures `THREE`, when it is done with the given parameters."""

    def stage(ctx: Context) -> dict[str, int]:
        for step, metrics in enumerate(THREE):
            ctx.log(step, metrics)
        return {"steps": len(THREE)}

    monkeypatch.setattr(execute, "stage_of", lambda kind: stage)

    def train(**params: object) -> Series:
        job = execute.start(workspace, "ppo", params)
        assert execute.execute(workspace, job) == {"steps": 3}
        with workspace.store() as db:
            assert jobs.get(db, job.id).params.get("report_to") == params.get("report_to")
            return jobs.series(db, job.id)

    return train


def with_trackers(monkeypatch: pytest.MonkeyPatch, **fails: int | None) -> dict[str, Kept]:
    """Trackers in the place of the real ones, by name, each with the step at which it fails."""
    made: dict[str, Kept] = {}

    def maker(name: str) -> Callable[[Any, str, Path], Kept]:
        return lambda _, run, folder: made.setdefault(name, Kept(run, fails=fails[name]))

    monkeypatch.setattr(trackers, "_MADE", {name: maker(name) for name in fails})
    monkeypatch.setattr(reports, "find_spec", lambda name: object())
    return made


IN_THE_STORE = {"loss": [(0, 3.0), (1, 2.0), (2, 1.0)], "kl": [(0, 0.5), (1, 0.25), (2, 0.75)]}


def test_each_tracker_gets_what_the_store_gets(trained: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    made = with_trackers(monkeypatch, wandb=None, mlflow=None)
    assert trained(report_to="wandb, mlflow,wandb", settings={"ppo": {"steps": 7}}) == IN_THE_STORE
    assert set(made) == {"wandb", "mlflow"}
    for tracker in made.values():
        assert tracker.told == list(enumerate(THREE))
        assert (tracker.run, tracker.ended) == ("job-1-ppo", 1)
        assert tracker.noted["ppo.steps"] == 7
        assert {type(value) for value in tracker.noted.values()} <= {bool, int, float, str}


def test_no_tracker_is_looked_at_where_none_is_named(
    trained: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = with_trackers(monkeypatch, wandb=None)
    monkeypatch.setattr(trackers, "opened", None)
    assert trained() == trained(report_to="") == IN_THE_STORE
    assert made == {}


def test_training_goes_on_without_a_tracker_that_fails(
    trained: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = with_trackers(monkeypatch, wandb=1, mlflow=None)
    assert trained(report_to="wandb,mlflow") == IN_THE_STORE
    assert made["wandb"].told == [(0, THREE[0])]
    assert made["mlflow"].told == list(enumerate(THREE))
    assert [r.getMessage() for r in caplog.records if "wandb" in r.getMessage()] == [
        "wandb gets no more metrics, and the store goes on: ConnectionError: nobody answers"
    ]


def test_a_tracker_that_cannot_begin_ends_the_job_in_one_line(
    trained: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_trackers(monkeypatch, trackio=-1)
    with pytest.raises(WorkError, match=r"trackio cannot begin \(ConnectionError: nobody answers\): mend it"):
        trained(report_to="trackio")


def test_a_tracker_that_is_not_there_is_refused_before_a_job_begins(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reports, "find_spec", lambda name: None)
    for named, said in [
        ("tensorbored", "--report-to is 'tensorbored': choose among tensorboard, wandb, trackio, mlflow."),
        ("wandb", "--report-to wandb: its package is not installed, so run `pip install wandb` first."),
    ]:
        with pytest.raises(BadInput):
            reports.asked(named)
        for kind in TRAINS:
            assert launch.main([kind, "--report-to", named, "--workspace", str(workspace.folder)]) == 2
            assert capsys.readouterr().err == f"{said}\n"
    with workspace.store() as db:
        assert jobs.recent(db) == []


def test_whatever_trains_takes_the_option() -> None:
    """And nothing else: what measures no step has nothing to report."""
    assert {name for name, kind in KINDS.items() if hasattr(kind.options, "report_to")} == set(TRAINS)


@pytest.mark.slow
def test_tensorboard_reads_what_the_store_has(
    workspace: Workspace, make_base: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (workspace.folder / "workspace.toml").write_text(
        f'[model]\nbase_model = "{make_base("llama")}"\nrank = 4\nquantization = "none"\n'
        "[sft]\nbatch_size = 4\nmicrobatch_size = 4\n"
    )
    from store import models
    from store.records import Model

    with workspace.store() as db:
        models.add(db, Model("base", "policy", "base"))
    rows = [{"prompt": text, "completion": "rice bread"} for text in ("tea", "soup", "cake", "red", "blue", "green")]
    (tmp_path / "shown.jsonl").write_text("\n".join(map(json.dumps, rows)))
    argv = ["sft", "--data", str(tmp_path / "shown.jsonl"), "--workspace", str(workspace.folder)]
    assert launch.main([*argv, "--report-to", "tensorboard"]) == 0, capsys.readouterr().err
    with workspace.store() as db:
        stored = jobs.series(db, 1)
    (run,) = (workspace.runs / trackers.FOLDER).iterdir()
    assert run.name == "job-1-sft"
    read = EventAccumulator(str(run))
    read.Reload()
    shown = {tag: [(e.step, e.value) for e in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
    assert stored
    assert shown == {
        name: [(step, pytest.approx(value, rel=1e-6)) for step, value in told] for name, told in stored.items()
    }
