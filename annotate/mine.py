"""The page /mine: one's own latest answers, each of which opens on the Rank page to be changed. Without a script."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup
from sqlite_utils import Database

from annotate import queue
from annotate.letters import in_letters
from annotate.panels.parts import ago, clip
from annotate.plain import page
from annotate.security import require
from store import prompts, rankings, tasks
from store.records import Ranking
from store.workspace import Workspace

AREA = "/mine"
MOST = 50
"""Answers that are listed, the newest."""
MOST_TEXT = 300
"""Characters of a prompt that are shown."""

_ROW = Markup("""<li><p class="head"><b class="{kind}">{kind}</b> {ago}{state}</p><p>{prompt}</p>
<p class="words">{order}</p>{comment}{change}</li>""")
_COMMENT = Markup('<p class="soft">“{}”</p>')
_CHANGE = Markup('<p><a href="../annotate/#answer-{}">Change</a></p>')
_NONE = Markup("<p>You have not ranked anything yet.</p>")
_LAST = Markup('<p class="soft">Your last {} answers at most, the newest first.</p><ol class="said whole">{}</ol>')


def router(workspace: Workspace) -> APIRouter:
    """The route /mine."""
    routes = APIRouter(prefix=AREA)

    @routes.get("/", response_class=HTMLResponse)
    def shown(request: Request) -> Response:
        person = require(workspace, request, AREA)
        with workspace.store() as db:
            return page(person, AREA, "My answers", _body(db, person.name))

    return routes


def _body(db: Database, annotator: str) -> Markup:
    said = rankings.of_annotator(db, annotator, MOST)
    return _LAST.format(MOST, Markup("").join(_row(db, ranking) for ranking in said)) if said else _NONE


def _row(db: Database, ranking: Ranking) -> Markup:
    prompt = prompts.get(db, ranking.prompt_id)
    own = tasks.get(db, ranking.task_id).reason == tasks.OWN
    order = "Your own answer, above all" if own else in_letters(ranking.levels, rankings.shown_order(db, ranking.id))
    return _ROW.format(
        kind=ranking.kind,
        ago=ago(ranking.created),
        state="" if prompt.counts else " · does not count: its prompt is out or held back",
        prompt=clip(prompt.text, MOST_TEXT),
        order=order,
        comment=_COMMENT.format(ranking.comment) if ranking.comment else "",
        change=_CHANGE.format(ranking.id) if queue.can_revise(db, ranking) else "",
    )
