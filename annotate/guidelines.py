"""The page /guidelines: what annotators go by, for everybody to read, and for researchers to write anew."""

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from sqlite_utils import Database

from annotate.frame import NOTHING, sent_number
from annotate.markup import render
from annotate.panels.parts import ago
from annotate.plain import page, refusal
from annotate.security import ROLES, require
from store import guidelines
from store.errors import BadInput
from store.guidelines import Guideline
from store.records import Annotator, Json
from store.workspace import Workspace

AREA = "/guidelines"
WRITERS = "/research"
"""Who may write them: those who may open this page."""

_SHOWN = Markup(
    '<section><p class="soft">Version {g.id}, by {g.by}, {ago}</p><div class="text">{html}</div></section>'
)
_NONE = Markup("<section><p>No guidelines were written yet.</p></section>")
_FORM = Markup("""<section><h2>Write a new version</h2><p class="soft">In Markdown. Each annotator sees a new version
unfolded once, and every ranking keeps the number of the version that its author saw.</p>
<form class="stack" method="post" action="write"><input type="hidden" name="after" value="{after}">
<label>Guidelines<textarea name="text" rows="16" maxlength="{longest}" required>
{text}</textarea></label><button class="main">Store this version</button></form></section>""")
_EARLIER = Markup("<section><h2>Earlier versions</h2>{}</section>")
_OLD = Markup(
    """<details><summary>Version {g.id}, by {g.by}, {ago}</summary><div class="text">{html}</div></details>"""
)


class Guidelines:
    """The routes of /guidelines."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def router(self) -> APIRouter:
        """The page, and where its form is sent."""
        routes = APIRouter(prefix=AREA)
        routes.add_api_route("/", self.shown, methods=["GET"], response_class=HTMLResponse)
        routes.add_api_route("/write", self.write, methods=["POST"], response_model=None)
        return routes

    def shown(self, request: Request) -> Response:
        """The newest version; for researchers with a form and with the earlier ones."""
        person = require(self.workspace, request, AREA)
        with self.workspace.store() as db:
            return page(person, AREA, "Guidelines", _body(db, person))

    def write(self, request: Request, text: str = Form(""), after: str = Form("")) -> Response:
        """Store a version that was written from version `after`; where somebody was quicker it is refused, and kept
        in the form."""
        person = require(self.workspace, request, WRITERS)
        with self.workspace.store() as db:
            try:
                _store(db, text, sent_number(after), person.name)
            except BadInput as error:
                answer = page(person, AREA, "Guidelines", _body(db, person, text), refusal(str(error)))
                answer.status_code = 400
                return answer
        return RedirectResponse(f"{AREA}/", 303)


def shown(db: Database) -> Json | None:
    """What the Rank page is told of the newest version; None where none was written."""
    newest = guidelines.newest(db)
    if newest is None:
        return None
    return {"version": newest.id, "html": render(newest.text), "by": newest.by, "when": newest.created[:10]}


def _store(db: Database, text: str, after: int, by: str) -> None:
    newest = guidelines.newest(db)
    if newest and newest.id != after and newest.text != text.replace("\r\n", "\n").strip():
        raise BadInput(
            f"{newest.by} stored version {newest.id} meanwhile, which stands above: take over what is in it, "
            "then store yours."
        )
    guidelines.write(db, text, by)


def _body(db: Database, person: Annotator, typed: str | None = None) -> Markup:
    versions = guidelines.every(db)
    body = _version(_SHOWN, versions[0]) if versions else _NONE
    if person.role not in ROLES[WRITERS]:
        return body
    before = versions[0].text if versions else ""
    form = _FORM.format(
        after=versions[0].id if versions else 0,
        longest=guidelines.LONGEST,
        text=before if typed is None else typed,
    )
    earlier = Markup("").join(_version(_OLD, version) for version in versions[1:])
    return body + form + (_EARLIER.format(earlier) if earlier else NOTHING)


def _version(template: Markup, version: Guideline) -> Markup:
    return template.format(g=version, ago=ago(version.created), html=render(version.text))
