"""What a researcher does on the research page: each act is a request of its own, and a refusal comes back in words.

They are no events of Gradio's, which shows nothing of a refusal where it is asked without its queue.
"""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from fastapi.responses import JSONResponse
from sqlite_utils import Database

from annotate import starting
from annotate.frame import sent_id
from annotate.panels.asking import asked
from annotate.panels.proposals import decide
from annotate.panels.quick import BUTTONS
from annotate.security import require
from annotate.verdicts import evidence
from rlhf.settings import settings_of
from rlhf.settings.overlay import short
from store import jobs, models, scores
from store.db import writing
from store.errors import BadInput, Refused
from store.records import Annotator, Json
from store.workspace import Workspace

AREA = "/research"
"""Who may do it: those who may open the research page."""

Act = Callable[[Workspace, Database, Annotator, Json], Json]
"""Does what a page has sent, in the name of a person; returns what the page is told of it."""


def router(workspace: Workspace) -> APIRouter:
    """A route for each act: POST /api/NAME."""
    routes = APIRouter()
    for name, act in ACTS.items():
        routes.add_api_route(f"/api/{name}", _route(workspace, act), methods=["POST"])
    return routes


def _route(workspace: Workspace, act: Act) -> Callable[..., JSONResponse]:
    def done(request: Request, sent: Annotated[dict[str, Any], Body()]) -> JSONResponse:
        person = require(workspace, request, AREA)
        with workspace.store() as db:
            return JSONResponse(act(workspace, db, person, sent))

    return done


def _start(workspace: Workspace, db: Database, _: Annotator, sent: Json) -> Json:
    """Ask for the job of a filled-in form."""
    return {"job": starting.start(workspace, db, sent.get("kind"), sent.get("values"))}


def _press(workspace: Workspace, db: Database, _: Annotator, sent: Json) -> Json:
    """Ask for the job of a button, with the settings of the workspace, which are told first where they are hurt."""
    settings_of(workspace)
    if (kind := sent.get("kind")) not in list(BUTTONS):  # a list has no hash
        raise BadInput(f"There is no button for {short(kind)}: reload the page.")
    jobs.settle(db)  # nobody waits for the dead
    if why := starting.hindrance(db, kind):
        raise Refused(why)
    return {"job": starting.press(workspace, db, kind)}


def _ask(workspace: Workspace, db: Database, _: Annotator, sent: Json) -> Json:
    """Ask for a job that puts a prompt to the versions that were chosen."""
    return {"job": starting.press(workspace, db, "answer", asked(db, sent))}


def _cancel(_: Workspace, db: Database, __: Annotator, sent: Json) -> Json:
    """Stop a job."""
    job = jobs.cancel(db, sent_id(sent.get("job")))
    if job.state != "cancelled":
        raise Refused(f"Job {job.id} is {job.state} already: there is nothing to cancel.")
    return {"job": job.id}


def _promote(_: Workspace, db: Database, person: Annotator, sent: Json) -> Json:
    """Make a version the default generator, in the name of the person."""
    with writing(db):
        version, generator = models.get(db, sent_id(sent.get("model"))), models.generator(db)
        if not (generator and generator.id == version.id):  # else it was pressed twice
            rests_on = evidence(scores.latest(db), version.name, generator.name if generator else None)
            models.promote(db, version.id, person.name, rests_on)
    return {"model": version.name}


def _decide(_: Workspace, db: Database, __: Annotator, sent: Json) -> Json:
    """Accept or refuse proposed prompts."""
    decide(db, sent)
    return {}


ACTS: dict[str, Act] = {
    "start": _start,
    "press": _press,
    "ask": _ask,
    "cancel": _cancel,
    "promote": _promote,
    "decide": _decide,
}
"""Each act by its name."""
