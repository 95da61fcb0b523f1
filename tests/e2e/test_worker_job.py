"""The button, the real worker and a real reward model: a job asked for in the page is done, and seen done."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

import launch
from store import annotators, models, rankings, responses, tasks
from store.workspace import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

WORDS = ("tea", "coffee", "water", "rice", "bread", "soup", "cake", "red", "blue", "green")


@pytest.fixture
def ranked(make_base: Callable[..., Path], tmp_path: Path) -> Workspace:
    """A workspace on a small Llama whose responses were ranked by length and rated."""
    (tmp_path / "p.txt").write_text("\n".join(f"{a} {b}" for a in WORDS for b in WORDS if a < b))
    here = ["--workspace", str(tmp_path / "w")]
    assert (
        launch.main(["init", "--base-model", str(make_base("llama")), "--prompts", str(tmp_path / "p.txt"), *here])
        == 0
    )
    assert launch.main(["generate", "--max-new-tokens", "10", *here]) == 0
    workspace = Workspace(tmp_path / "w")
    with workspace.store() as db:
        for name in ("ada", "ben", "cleo"):
            annotators.ensure(db, name)
            for task_id in tasks.free_for(db, name, 100):
                shown = responses.of_task(db, task_id)
                lease = tasks.lease(db, task_id, name, [r.id for r in shown])
                level = {length: i + 1 for i, length in enumerate(sorted({len(r.text) for r in shown}))}
                rankings.submit(db, str(lease.lease), name, {r.id: level[len(r.text)] for r in shown})
    assert launch.main(["rate", *here]) == 0
    return workspace


@contextmanager
def working(workspace: Workspace) -> Iterator[None]:
    """The worker, as `serve` starts it."""
    worker = subprocess.Popen([sys.executable, "-m", "rlhf.jobs.worker", "--workspace", str(workspace.folder)])
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(20)


def test_a_reward_job_is_asked_for_done_by_the_worker_and_seen(
    ranked: Workspace, serve: Callable[[Workspace], Any], context: BrowserContext
) -> None:
    with serve(ranked) as site, working(ranked):
        page = site.sign_in(context, "Rosa", "researcher")
        page.goto(site.url + "/research#/jobs")
        page.get_by_role("button", name="Retrain reward model").click()
        asked = page.locator("[data-job='3']")  # after generate and rate
        expect(asked.locator(".state")).to_have_text("done", timeout=90_000)
        page.get_by_role("tab", name="Versions").click()
        expect(page.locator("#lineage")).to_contain_text("reward-1")
    with ranked.store() as db:
        model = models.named(db, "reward-1")
    assert 0 <= model.metrics["accuracy"] <= 1
    assert (ranked.folder / str(model.path) / "head.safetensors").exists()
