"""What goes wrong in a fit reaches the launcher as one line of the one tree of errors."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from rlhf.ratings import BadRankings, rate
from rlhf.ratings.versions import rank_versions
from rlhf.settings import Settings
from rlhf.stages.context import Context
from rlhf.stages.rate import rate as rate_stage
from store import annotators, models, prompts, rankings, responses, scores, tasks
from store.errors import BadInput, NotConverged, WorkError
from store.records import Model, Response, Task
from store.workspace import create


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return Context(create(tmp_path / "workspace", ""), Settings(), 0, lambda *_: None, lambda *_: None)


@pytest.fixture
def ranked(ctx: Context) -> Iterator[Database]:
    """A store in which two versions answered one prompt and one person put the base first."""
    with ctx.store() as db:
        base, other = (models.add(db, Model(name, "policy", "tiny")) for name in ("base", "policy-1"))
        (prompt,) = prompts.add(db, [prompts.make([{"role": "user", "content": "tea?"}], source="test")])
        made = [Response(prompt, model, "yes", seed, {}, "stop") for seed, model in enumerate((base, other))]
        shown = tuple(responses.add(db, made))
        annotators.ensure(db, "ada")
        (task,) = tasks.add(db, [Task(prompt, shown, "fresh")])
        held = tasks.lease(db, task, "ada", shown)
        rankings.submit(db, str(held.lease), "ada", {shown[0]: 1, shown[1]: 2}, seconds=5.0)
        yield db


@pytest.mark.parametrize("fit", ["newton", "versions"])
def test_a_fit_that_does_not_converge_ends_the_rate_stage_as_failed_work(
    ctx: Context, ranked: Database, monkeypatch: pytest.MonkeyPatch, fit: str
) -> None:
    monkeypatch.setattr(f"rlhf.ratings.{fit}.MAX_STEPS", 1)
    with pytest.raises(WorkError, match=r"still moves by \S+ logits after 1 steps: ") as raised:
        rate_stage(ctx)
    assert "\n" not in str(raised.value)
    assert scores.latest(ranked) is None


def test_both_fits_say_how_far_they_still_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlhf.ratings.newton.MAX_STEPS", 2)
    with pytest.raises(NotConverged, match=r"The fit of the scores .* after 2 steps"):
        rate([[1, 2]], [0], sigma=1.4, tie=0.0)
    monkeypatch.setattr("rlhf.ratings.versions.MAX_STEPS", 2)
    with pytest.raises(NotConverged, match=r"The fit of 2 versions .* after 2 steps"):
        rank_versions([[1, 2]], [0], [[0, 1]])


def test_bad_rankings_are_bad_input_and_a_value_error() -> None:
    assert issubclass(BadRankings, BadInput)
    with pytest.raises(ValueError, match="the level 0"):
        rate([[0, 1]], [0])
