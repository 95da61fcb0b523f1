"""One job from its row in the store to its result: what the worker's child process and the launcher both run."""

import dataclasses
import importlib
import logging
import math
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from sqlite_utils import Database
from tqdm import tqdm

from rlhf.jobs.pulse import beating, insist
from rlhf.jobs.reports import asked, reported
from rlhf.settings import KINDS, overlay, settings_of
from rlhf.settings.kinds import OWNERS
from rlhf.stages.context import Context, Made
from rlhf.training.progress import OnProgress
from store import jobs, leases, scores
from store.errors import BadInput, Cancelled, NoDisk, PlatformError, Refused, Superseded
from store.leases import Fence
from store.records import Job, Json, Model, Rating, Round
from store.results import as_json
from store.words import in_words
from store.workspace import Workspace

REPORT_SECONDS = 1.0
"""How often progress is written to the store at most."""
STEP_SECONDS = 10.0
"""Seconds between two lines of a job's log that say how far it is."""
_steps = logging.getLogger(f"{__name__}.steps")
_steps.propagate = False  # for the log of the job alone: a terminal has a bar
_steps.setLevel(logging.INFO)


def start(workspace: Workspace, kind: str, params: Mapping[str, object]) -> Job:
    """A job that this process does itself; no worker can take it in between.

    Raises Refused for one of several processes: each would do the whole job. Raises Busy where it trains or writes
    responses and another job does, BadInput for a tracker that is not there.
    """
    alone()
    asked(params.get("report_to"))
    with workspace.store() as db:
        return jobs.start(db, kind, dict(params), os.getpid(), owner=kind in OWNERS)


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
    fence = Fence(job.id, job.lease)
    with _given_up(workspace, fence), _logging(workspace, job), bar() as shown:
        try:
            with beating(workspace, fence):
                # A result that is there already came with what the job made, before it was killed and started again.
                result = job.result or _done(workspace, job, shown)
        except BaseException as error:
            if isinstance(error, SystemExit):  # the worker was told to end: the next one goes on
                with suppress(sqlite3.Error, PlatformError), workspace.store() as db:
                    jobs.requeue(db, job.id, job.lease)
                raise
            if isinstance(error, Cancelled | Superseded):  # its row says so already, or is somebody else's
                raise
            message = str(in_words(error, f"runs/job-{job.id}.log"))
            if not isinstance(error, PlatformError | KeyboardInterrupt):
                logging.getLogger(__name__).exception("job %d failed", job.id)
            insist(lambda: _ended(workspace, fence, lambda db: jobs.fail(db, job.id, message)))
            raise
        insist(lambda: _ended(workspace, fence, lambda db: jobs.finish(db, job.id, result)))
    return result


def _done(workspace: Workspace, job: Job, shown: OnProgress) -> Json:
    stage = stage_of(job.kind)
    ctx, arguments = resolve(workspace, job, shown)
    with reported(ctx, job) as watched:
        product = stage(watched, **arguments)
    with workspace.store() as db:
        return told(db, product)


def _ended(workspace: Workspace, fence: Fence, note: Callable[[Database], None]) -> None:
    with workspace.store(fence) as db:
        note(db)


@contextmanager
def _given_up(workspace: Workspace, fence: Fence) -> Iterator[None]:
    """Give the lease up at the end, however it ends; where that cannot be stored, it ends with the process."""
    try:
        yield
    finally:
        with suppress(sqlite3.Error, PlatformError), workspace.store() as db:
            leases.release(db, fence.number)


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
    stored = dict(arguments)
    arguments.pop("report_to", None)  # which concerns no stage
    fence = Fence(job.id, job.lease) if job.lease else None
    with workspace.store(fence) as db:
        tables = dataclasses.asdict(settings)
        del tables["webhooks"]  # no job runs with it, and whoever may read jobs need not know the address
        jobs.set_params(db, job.id, {**stored, "settings": tables})
    last_report = last_step = -math.inf

    def progress(done: int, total: int, note: str) -> None:
        nonlocal last_report, last_step
        shown(done, total, note)
        if time.monotonic() - last_step >= STEP_SECONDS:
            last_step = time.monotonic()
            _steps.info("%3.0f %%  %s", 100 * done / max(total, 1), note)
        if time.monotonic() - last_report >= REPORT_SECONDS:
            last_report = time.monotonic()
            with suppress(NoDisk), workspace.store(fence) as db:  # training does not end for want of a note
                jobs.report(db, job.id, done / max(total, 1), note)

    waiting: dict[int, dict[str, float]] = {}

    def log(step: int, metrics: dict[str, float]) -> None:
        waiting[step] = metrics
        with suppress(NoDisk), workspace.store(fence) as db:
            for number in list(waiting):  # those of steps for which there was no room too
                jobs.log(db, job.id, number, waiting[number])
                del waiting[number]

    def made(db: Database, product: object) -> None:
        jobs.made(db, job.id, told(db, product))

    return Context(workspace, settings, job.id, progress, log, lease=job.lease, made=made), arguments


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
    """Write everything that is logged while a job runs to runs/job-N.log as well, and how far it is every 10 s."""
    handler = logging.FileHandler(workspace.runs / f"job-{job.id}.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    ours = logging.getLogger("rlhf")
    before = ours.level
    ours.setLevel(min(ours.getEffectiveLevel(), logging.INFO))
    for logger in (logging.getLogger(), _steps):
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in (logging.getLogger(), _steps):
            logger.removeHandler(handler)
        ours.setLevel(before)
        handler.close()
