"""Jobs that are asked for on the research page: what keeps one from starting, and the row in the queue."""

from collections.abc import Iterable
from pathlib import Path

from sqlite_utils import Database

from annotate.forms import FORMS, Field, fields, params_of
from rlhf.settings import Settings, settings_of
from rlhf.settings.bounds import named
from rlhf.settings.kinds import OWNERS
from rlhf.settings.overlay import short
from store import jobs, leases, models, prompts, rankings, scores
from store.called import as_called
from store.db import writing
from store.errors import BadInput, NotReady, Refused
from store.formats import demonstrations
from store.formats.lines import check_readable
from store.records import Json
from store.workspace import Workspace

NO_SCORES = "There are no scores yet: press “Rate the rankings” first."
NO_REWARD = "There is no reward model yet: press “Retrain reward model” first"


def press(workspace: Workspace, db: Database, kind: str, params: Json | None = None) -> int:
    """Put a job in the queue with the settings of the workspace, as the button of its kind does it; returns its id.

    Raises Refused where one of its kind waits or runs already.
    """
    settings_of(workspace)  # a job that could only fail is refused here, with the same words
    jobs.settle(db)  # nobody waits for the dead
    with writing(db):
        if why := already(db, kind):
            raise Refused(why)
        return jobs.enqueue(db, kind, params or {})


def start(workspace: Workspace, db: Database, kind: object, sent: object) -> int:
    """Put the job in the queue that a filled-in form asks for; returns its id.

    Raises BadInput or NotFound for what was filled in, Refused or NotReady where such a job cannot work now; nothing
    is queued then.
    """
    settings = settings_of(workspace)
    if kind not in FORMS:
        raise BadInput(f"There is no form for {short(kind)}: reload the page.")
    kind = str(kind)
    params = params_of(kind, sent, settings)
    _find_files(fields(kind), params)
    jobs.settle(db)
    with writing(db):
        if why := hindrance(db, kind):
            raise Refused(why)
        for name in _policies(fields(kind), params):
            if (model := models.named(db, name.partition(models.LOOK)[0])).kind != "policy":
                raise BadInput(f"{name} is a {model.kind} model and answers nothing: name a policy.")
        _fit(db, kind, params, settings)
        return jobs.enqueue(db, kind, params)


def hindrance(db: Database, kind: str) -> str:
    """Why a job of this kind cannot work now, whatever is filled in; empty where it can."""
    if why := already(db, kind):
        return why
    if kind in OWNERS and (owner := leases.owner(db)):
        return f"J{str(owner)[1:]} has the workspace to itself: wait for it, or cancel it."
    match kind:
        case "dpo" | "reward" if scores.latest(db) is None:
            return NO_SCORES
        case "ppo" if models.latest(db, "reward") is None:
            return f"{NO_REWARD}."
        case "round" | "rate" if rankings.count(db) == 0:
            return "There are 0 rankings: rank some responses first."
        case "evaluate" if len(models.every(db, "policy")) < 2:
            return "There is no policy to compare with the base: train one first."
        case "generate" if prompts.count(db) == 0:
            return as_called("There are 0 prompts: import some with `python launch.py import FILE`.")
    return ""


def already(db: Database, kind: str) -> str:
    """Which job of the kind waits or runs already, as a refusal; empty where none does."""
    for job in jobs.active(db):
        if job.kind == kind:
            return f"Job {job.id} is {job.state} already: wait for it, or cancel it."
    return ""


def _fit(db: Database, kind: str, params: Json, settings: Settings) -> None:
    """Refuse what could only fail, by what was filled in and what the workspace has."""
    match kind:
        case "sft" if params["from_"] == "file" and not params["data"]:
            raise BadInput("There is nothing to learn from: name a file in “data”, or choose rankings in “from”.")
        case "sft" if params["from_"] == "rankings" and scores.latest(db) is None:
            raise NotReady(NO_SCORES)
        case "evaluate" if (params["judge"] or settings.round.judge) == "reward" and not models.latest(db, "reward"):
            raise NotReady(f"{NO_REWARD}, or choose another judge.")


def _policies(form: Iterable[Field], params: Json) -> list[str]:
    """Every policy that was named."""
    given = [params[f.dial.name] for f in form if not f.table and named(f.dial.hint) == "policy"]
    return [name for value in given if value for name in ([value] if isinstance(value, str) else value)]


def _find_files(form: Iterable[Field], params: Json) -> None:
    """Make each path that was named whole, since the worker may run in another folder. Raises BadInput."""
    for field in form:
        if not field.table and named(field.dial.hint) == "file" and (given := params[field.dial.name]):
            path = Path(given).absolute()
            check_readable(path, demonstrations.WHAT)
            params[field.dial.name] = str(path)
