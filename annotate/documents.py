"""Pages that are read and not worked on, for researchers: the report, and where a response comes from.

They hold no script and ask nothing of the server, and each is made when it is asked for.
"""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlite_utils import Database

from annotate import report, why
from annotate.security import require, signed_in
from rlhf.settings.bounds import LARGEST
from store.errors import NotFound
from store.workspace import Workspace

AREA = "/research"
"""Who may read them: those who may open the research page."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def router(workspace: Workspace) -> APIRouter:
    """The routes /report, /why/RESPONSE and /why/ranking/RANKING."""
    routes = APIRouter()

    @routes.get("/report")
    def whole(request: Request) -> Response:
        return _page(workspace, request, lambda db: report.page(db, workspace))

    @routes.get("/why/ranking/{number}")
    def ranking(request: Request, number: str) -> Response:
        return _page(workspace, request, lambda db: why.ranking_page(db, _number(number)))

    @routes.get("/why/{number}")
    def response(request: Request, number: str) -> Response:
        return _page(workspace, request, lambda db: why.response_page(db, _number(number)))

    return routes


def _page(workspace: Workspace, request: Request, make: Callable[[Database], str]) -> Response:
    if signed_in(workspace, request) is None:
        return RedirectResponse("/login", 303)
    require(workspace, request, AREA)
    with workspace.store() as db:
        return HTMLResponse(make(db), headers=_HEADERS)


def _number(sent: str) -> int:
    """The id in an address; raises NotFound for what is none."""
    if not (sent.isascii() and sent.isdecimal()) or int(sent[:20]) >= LARGEST:
        raise NotFound(f"There is no number {sent[:20]!r} here: go back to the page that led you here.")
    return int(sent)
