"""One job from its row in the store to its result: what the worker's child process and the launcher both run."""

import dataclasses
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from rlhf.loop import run_loop, run_round
from rlhf.settings import Settings, overlay
from rlhf.stages.context import Context
from rlhf.stages.generate import generate
from rlhf.stages.ppo import ppo
from rlhf.stages.rate import rate
from rlhf.stages.reward import reward
from rlhf.stages.simulate import simulate
from rlhf.training.progress import Progress
from store import jobs, scores
from store.db import writing
from store.errors import BadInput, PlatformError
from store.records import Job
from store.workspace import Workspace

REPORT_SECONDS = 1.0
"""How often progress is written to the store at most."""


def _rate(ctx: Context) -> dict[str, Any]:
    rating = rate(ctx)
    m = rating.metrics
    keys = (
        "rankings",
        "prompts",
        "responses",
        "annotators",
        "alpha",
        "alpha_low",
        "alpha_high",
        "log_loss",
        "seconds",
    )
    with ctx.store() as db:
        apart = [dataclasses.asdict(pair) for pair in scores.pairs_apart(db, rating.id)]
    trust = {key: m[key] for key in ("by_annotator", "disputed", "leaderboard")}
    return {key: m[key] for key in keys} | trust | {"least_agreeing": apart}


def _reward(ctx: Context) -> dict[str, Any]:
    model = reward(ctx)
    return {"model": model.name, **model.metrics}


def _ppo(ctx: Context, force: bool = False) -> dict[str, Any]:
    model = ppo(ctx, force=force)
    return {"policy": model.name, **model.metrics}


def _round(ctx: Context, force: bool = False) -> dict[str, Any]:
    return {"rounds": [run_round(ctx, force=force).metrics]}


def _loop(ctx: Context, rounds: int = 0, force: bool = False) -> dict[str, Any]:
    return {"rounds": [r.metrics for r in run_loop(ctx, rounds=rounds, force=force)]}


KINDS: dict[str, Callable[..., dict[str, Any]]] = {
    "generate": generate,
    "simulate": simulate,
    "rate": _rate,
    "reward": _reward,
    "ppo": _ppo,
    "round": _round,
    "loop": _loop,
}
"""What a job may ask for; its params are `settings` (tables as in workspace.toml) and the function's arguments."""


def start(workspace: Workspace, kind: str, params: Mapping[str, Any]) -> Job:
    """A job that this process does itself; no worker can take it in between."""
    with workspace.store() as db, writing(db):
        job = jobs.claim(db, os.getpid(), jobs.enqueue(db, kind, dict(params)))
    assert job is not None  # claimed in the transaction that made it
    return job


def execute(workspace: Workspace, job: Job) -> dict[str, Any]:
    """Do a claimed job; its result, or its error, is in the store when this returns or raises."""
    with _logging(workspace, job), bar() as shown:
        try:
            if job.kind not in KINDS:
                raise BadInput(f"There is no job of kind {job.kind!r}: known are {', '.join(KINDS)}.")
            ctx, arguments = resolve(workspace, job, shown)
            result = KINDS[job.kind](ctx, **arguments)
        except BaseException as error:
            if isinstance(error, SystemExit):  # told to end: whoever told it says what becomes of the job
                raise
            known = isinstance(error, PlatformError)
            message = " ".join((str(error) if known else f"{type(error).__name__}: {error}").split())
            if isinstance(error, KeyboardInterrupt):
                message = "Stopped by hand: give the command again to go on."
            if not known:
                logging.getLogger(__name__).exception("job %d failed", job.id)
            with workspace.store() as db:
                jobs.fail(db, job.id, message)
            raise
    with workspace.store() as db:
        jobs.finish(db, job.id, result)
    return result


def resolve(workspace: Workspace, job: Job, shown: Progress) -> tuple[Context, dict[str, Any]]:
    """The job's context with every setting resolved (and stored with it), and the arguments of its function."""
    arguments = dict(job.params)
    settings = overlay(Settings(), workspace.settings())
    settings = overlay(settings, arguments.pop("settings", {}))
    with workspace.store() as db:
        jobs.set_params(db, job.id, {**arguments, "settings": dataclasses.asdict(settings)})
    last_report = 0.0

    def progress(done: int, total: int, note: str) -> None:
        nonlocal last_report
        shown(done, total, note)
        if time.monotonic() - last_report >= REPORT_SECONDS:
            last_report = time.monotonic()
            with workspace.store() as db:
                jobs.report(db, job.id, done / max(total, 1), note)

    def log(step: int, metrics: dict[str, float]) -> None:
        with workspace.store() as db:
            jobs.log(db, job.id, step, metrics)

    return Context(workspace, settings, job.id, progress, log), arguments


@contextmanager
def bar() -> Iterator[Progress]:
    """A progress bar with the time left, on stderr."""
    look = "{l_bar}{bar}| {elapsed}<{remaining}"
    line: tqdm | None = None  # drawn when there is something to show: a refused job leaves stderr to its one line

    def show(done: int, total: int, note: str) -> None:
        nonlocal line
        line = line or tqdm(total=100, file=sys.stderr, leave=False, bar_format=look)
        line.set_description_str(note, refresh=False)
        line.n = round(100 * done / max(total, 1), 1)
        line.refresh()

    try:
        yield show
    finally:
        if line is not None:
            line.close()


@contextmanager
def _logging(workspace: Workspace, job: Job) -> Iterator[None]:
    """Everything logged while a job runs, in runs/job-N.log too."""
    handler = logging.FileHandler(workspace.runs / f"job-{job.id}.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
