"""Worker and child killed at random moments: every job ends, once, and nothing half is left."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rlhf.commands.init import begin
from rlhf.commands.options import InitOptions
from store import jobs, models, prompts, responses, tasks
from store.workspace import Workspace
from tests.drills.table import Row

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
[sampling]
max_new_tokens = 12
responses = 3
[generate]
prompts = 4
"""
EACH, LIMIT = 3, 4
"""Responses to a prompt, and prompts that one job answers."""
PATIENCE_SECONDS = 120.0


def drill(kills: int) -> Row:
    """Queue jobs that write responses; kill the worker, its child or both while they work, so many times."""
    rng = random.Random(kills)
    broken: list[str] = []
    with tempfile.TemporaryDirectory(prefix="drill-jobs-") as folder:
        workspace = Workspace(Path(folder) / "workspace")
        begin(workspace.folder, InitOptions())
        toml = workspace.folder / "workspace.toml"
        toml.write_text(toml.read_text().split("[sampling]")[0] + SETTINGS)
        worker = started(workspace)
        done, hit = 0, {"worker": 0, "child": 0, "both": 0}
        try:
            for n in range(kills):
                with workspace.store() as db:
                    number = jobs.enqueue(db, "generate")
                pid = running(workspace, number, worker.pid)
                time.sleep(rng.uniform(0.0, 6.0))
                whom = rng.choice(sorted(hit))
                hit[whom] += 1
                if whom in ("child", "both"):
                    _kill(pid)
                if whom in ("worker", "both"):
                    worker.kill()
                    worker.wait()
                    worker = started(workspace)
                broken += _ended(workspace, number)
                done += 1
                print(f"jobs: kill {n + 1} ({whom}), {len(broken)} broken", file=sys.stderr)
        finally:
            worker.terminate()
            worker.wait(30)
        broken += _halves(workspace, done)
    told = ", ".join(f"{who} {count}" for who, count in hit.items())
    command = f"python -m tests.drills jobs --kills {kills}"
    survived = f"{done} jobs done, each once"
    return Row(
        "SIGKILL of worker, child or both at random moments",
        f"{kills} kills ({told})",
        survived,
        tuple(broken),
        command,
    )


def started(workspace: Workspace) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rlhf.jobs.worker", "--workspace", str(workspace.folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def running(workspace: Workspace, number: int, worker: int = 0) -> int | None:
    """The process that does a job, once one does: the child of the worker that has taken it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with workspace.store() as db:
            job = jobs.get(db, number)
        if job.state == "running" and job.pid and job.pid != worker:
            return job.pid
        if job.state not in ("queued", "running"):
            return None
        time.sleep(0.05)
    return None


def _kill(pid: int | None) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _ended(workspace: Workspace, number: int) -> list[str]:
    """What is wrong with a job that was disturbed: it has to be done in the end, by whoever took it on."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with workspace.store() as db:
            job = jobs.get(db, number)
        if job.state == "done":
            return []
        if job.state not in ("queued", "running"):
            return [f"job {number} {job.state}: {job.error}"]
        time.sleep(0.1)
    return [f"job {number} is {job.state} after {PATIENCE_SECONDS:.0f} s"]


def _halves(workspace: Workspace, done: int) -> list[str]:
    """Responses without a task, prompts answered twice, more or fewer answers than the jobs were asked for."""
    with workspace.store() as db:
        base = models.named(db, "base")
        per_prompt: dict[int, int] = {}
        for response in responses.of_model(db, base.id):
            per_prompt[response.prompt_id] = per_prompt.get(response.prompt_id, 0) + 1
        shown = responses.shown_of(db, base.id)
        wanted = min(LIMIT * done, prompts.count(db))
        with_tasks = sum(1 for count in tasks.per_prompt(db).values() if count)
        broken = [f"prompt {p} has {n} responses" for p, n in per_prompt.items() if n != EACH]
        broken += [f"prompt {p} has responses and no task" for p in per_prompt.keys() - shown]
        if len(per_prompt) != wanted:
            broken.append(f"{len(per_prompt)} prompts are answered, {wanted} were asked for")
        if with_tasks < len(shown):
            broken.append(f"{len(shown) - with_tasks} prompts have no open task")
    return broken
