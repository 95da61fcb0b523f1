"""One job from its row in the store to its result: what the worker's child process and the launcher both run."""

import dataclasses
import importlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from sqlite_utils import Database
from tqdm import tqdm

from rlhf.settings import KINDS, overlay, settings_of
from rlhf.stages.context import Context, Made
from rlhf.training.progress import OnProgress
from store import jobs, scores
from store.db import writing
from store.errors import BadInput, PlatformError, Refused
from store.records import Job, Json, Model, Rating, Round
from store.results import as_json
from store.workspace import Workspace

REPORT_SECONDS = 1.0
"""How often progress is written to the store at most."""


def start(workspace: Workspace, kind: str, params: Mapping[str, object]) -> Job:
    """A job that this process does itself; no worker can take it in between.

    Raises Refused for one of several processes: each would do the whole job.
    """
    alone()
    with workspace.store() as db, writing(db):
        job = jobs.claim(db, os.getpid(), jobs.enqueue(db, kind, dict(params)))
    assert job is not None  # claimed in the transaction that made it
    return job


def alone(environment: Mapping[str, str] = os.environ) -> None:
    """Raise Refused where torchrun or `accelerate launch` started this process as one of several."""
    processes = environment.get("WORLD_SIZE", "1").strip()
    if processes.isdecimal() and int(processes) > 1:
        raise Refused(
            f"This is one of {processes} processes (WORLD_SIZE) and each would train everything anew: training on "
            "several is not built yet, so start one with `python launch.py`, or unset WORLD_SIZE."
        )


def execute(workspace: Workspace, job: Job) -> Json:
    """Do a claimed job; its result, or its error, is in the store when this returns or raises."""
    with _logging(workspace, job), bar() as shown:
        try:
            # A result that is there already came with what the job made, before it was killed and started again.
            result = job.result or _done(workspace, job, shown)
        except BaseException as error:
            if isinstance(error, SystemExit):  # SIGTERM: the worker puts the job back into the queue
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


def _done(workspace: Workspace, job: Job, shown: OnProgress) -> Json:
    stage = stage_of(job.kind)
    ctx, arguments = resolve(workspace, job, shown)
    product = stage(ctx, **arguments)
    with workspace.store() as db:
        return told(db, product)


def stage_of(kind: str) -> Callable[..., object]:
    """The function that does a kind of work; it is loaded here, and not before it is needed."""
    if kind not in KINDS:
        raise BadInput(f"There is no job of kind {kind!r}: known are {', '.join(KINDS)}.")
    module, name = KINDS[kind].stage.split(":")
    stage: Callable[..., object] = getattr(importlib.import_module(module), name)
    return stage


def told(db: Database, made: object) -> Json:
    """What a stage made as the job's result, which is the launcher's JSON and what the page shows beside the job."""
    match made:
        case Made(record=Rating() as rating, skipped=skipped):
            apart = as_json({"least_agreeing": scores.pairs_apart(db, rating.id)})
            return {"rating": rating.id, "skipped": skipped or None, **rating.metrics, **apart}
        case Made(record=Model() as model, skipped=skipped):
            name = "model" if model.kind == "reward" else model.kind
            return {name: model.name, "skipped": skipped or None, **model.metrics}
        case Round() as turn:
            return {"rounds": [turn.metrics]}
        case list():
            return {"rounds": [turn.metrics for turn in made if isinstance(turn, Round)]}
    return as_json(made)


def resolve(workspace: Workspace, job: Job, shown: OnProgress) -> tuple[Context, Json]:
    """The job's context with every setting resolved (and stored with it), and the arguments of its function."""
    arguments = dict(job.params)
    settings = overlay(settings_of(workspace), arguments.pop("settings", {}))
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

    def made(db: Database, product: object) -> None:
        jobs.made(db, job.id, told(db, product))

    return Context(workspace, settings, job.id, progress, log, made), arguments


@contextmanager
def bar() -> Iterator[OnProgress]:
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
    """Write everything that is logged while a job runs to runs/job-N.log as well."""
    handler = logging.FileHandler(workspace.runs / f"job-{job.id}.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
