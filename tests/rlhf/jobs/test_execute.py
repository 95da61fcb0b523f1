"""What a job is done with."""

from pathlib import Path

from rlhf.jobs.execute import resolve
from store import jobs
from store.workspace import create


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
