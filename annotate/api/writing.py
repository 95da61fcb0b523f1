"""Routes that change something: rank, add prompts, start and cancel jobs. They do it by the code of the pages."""

from fastapi import APIRouter
from sqlite_utils import Database

from annotate import queue, starting
from annotate.api.caller import Anybody, Ranker, Trainer, Writer
from annotate.api.reading import Id
from annotate.api.shapes import Added, Job, Me, NewJob, NewPrompts, NewRanking, NextTask, Stored, Task, Turn
from annotate.forms import FORMS
from rlhf.settings import KINDS
from rlhf.settings.overlay import short
from store import jobs, prompts
from store.errors import BadInput, LeaseLost
from store.records import Ranking

BY_BUTTON = tuple(name for name, kind in KINDS.items() if kind.button and not kind.form)
"""Kinds of work that start without anything to fill in."""
STARTED = (*FORMS, *BY_BUTTON)
"""Kinds of work that a program may start: those that the research page starts."""

routes = APIRouter()


@routes.get("/me")
def me(caller: Anybody) -> Me:
    """Whom the token acts as, and what it may do."""
    return Me(name=caller.name, role=caller.role, scopes=sorted(caller.scopes))


@routes.post("/tasks/next")
def next_task(caller: Ranker) -> NextTask:
    """Take the next task to rank, with a lease of it for half an hour; who holds one gets it again."""
    with caller.store() as db:
        return NextTask(task=_next(db, caller.name))


@routes.post("/rankings")
def submit_ranking(caller: Ranker, sent: NewRanking) -> Stored:
    """Store a ranking, a skip or a flag; it is on disk when this answers. The same sent again is stored once."""
    with caller.store() as db:
        ranking = _submitted(db, caller.name, sent)
        return Stored(
            ranking=ranking.id,
            kind=ranking.kind,
            created=ranking.created,
            note=queue.counts_later(db, ranking),
            next=_next(db, caller.name) if sent.next else None,
        )


@routes.post("/prompts")
def add_prompts(caller: Writer, sent: NewPrompts) -> Added:
    """Add prompts; one that is there already keeps its id and its split."""
    made = [
        prompts.make([turn.model_dump() for turn in prompt.messages], source=f"api:{caller.name}", split=prompt.split)
        for prompt in sent.prompts
    ]
    with caller.store() as db:
        before = prompts.count(db)
        ids = prompts.add(db, made)
        return Added(ids=ids, added=prompts.count(db) - before)


@routes.post("/jobs")
def start_job(caller: Trainer, sent: NewJob) -> Job:
    """Put a job in the queue, as a form or button of the research page does; a worker takes it from there."""
    if sent.kind not in STARTED:
        raise BadInput(f"No job of kind {short(sent.kind)} is started from outside: choose of {', '.join(STARTED)}.")
    with caller.store() as db:
        if sent.kind in FORMS:
            number = starting.start(caller.workspace, db, sent.kind, sent.values)
        elif sent.values:
            raise BadInput(f"A job of kind {sent.kind} has nothing to fill in: leave `values` out.")
        else:
            number = starting.press(caller.workspace, db, sent.kind)
        return Job.model_validate(jobs.get(db, number))


@routes.post("/jobs/{job_id}/cancel")
def cancel_job(caller: Trainer, job_id: Id) -> Job:
    """End a job that waits or runs; one that has ended stays as it is."""
    with caller.store() as db:
        return Job.model_validate(jobs.cancel(db, job_id))


def _next(db: Database, name: str) -> Task | None:
    task = queue.next_task(db, name)
    if task is None or task.lease is None:
        return None
    turns, written = queue.texts(db, task)
    return Task(lease=task.lease, prompt=[Turn(**turn) for turn in turns], responses=written)


def _submitted(db: Database, name: str, sent: NewRanking) -> Ranking:
    """The ranking that is stored under the lease; raises LeaseLost where that is another than was sent."""
    if sent.kind != "ranked" and sent.levels:
        raise BadInput(f"A task that is {sent.kind} has no levels, and {len(sent.levels)} were sent: leave them out.")
    match sent.kind:
        case "ranked":
            stored = queue.submit(db, name, sent.lease, sent.levels, seconds=sent.seconds, comment=sent.comment)
        case "skipped":
            stored = queue.skip(db, name, sent.lease, seconds=sent.seconds, comment=sent.comment)
        case "flagged":
            stored = queue.flag(db, name, sent.lease, seconds=sent.seconds, comment=sent.comment)
    if not queue.as_sent(db, stored, sent.kind, sent.lease, sent.levels, sent.comment):
        raise LeaseLost(f"Ranking {stored.id} was stored with this lease before, and is another: ask for the next.")
    return stored
