"""Whatever goes wrong under the pages, as an answer in words: never a bare 500."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi.exceptions import RequestValidationError
from markupsafe import Markup
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Scope

from annotate import look
from store.errors import LeaseLost, NoStore, NotFound, PlatformError, RequestError, Unforeseen
from store.words import in_words
from store.workspace import Workspace

EVIDENCE = "what `serve` printed"
"""What a report of an error of the program should bring along."""
_STATUS: tuple[tuple[type[PlatformError], int], ...] = (
    (LeaseLost, 409),
    (NoStore, 503),
    (NotFound, 404),
    (Unforeseen, 500),
    (RequestError, 400),
    (PlatformError, 503),
)
_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Something is wrong · Rankloop</title><style>
{style}</style></head><body><main><div class="mark">{mark} Rankloop</div><div class="note"><h1>Something is wrong</h1>
<p>{words}</p><p>What you have saved is kept. <a href="">Try again</a></p></div></main></body></html>""")
_STYLE = Markup(look.read("tokens.css", "door.css"))  # noqa: S704 (style sheets of this package)

_LONGEST = 200
"""Characters that are told of what does not fit in a request."""

log = logging.getLogger(__name__)


@contextmanager
def handed_on(connection: HTTPConnection | None) -> Iterator[None]:
    """Note what goes wrong inside for the gate: Gradio answers with a bare 500 and keeps the exception to itself."""
    try:
        yield
    except Exception as error:
        if connection and not connection.scope.get("told"):
            connection.scope.get("trouble", []).append(error)
        raise


def refused(connection: HTTPConnection | None, told: PlatformError) -> None:
    """Note for the gate what a handler tells in words of its own: Gradio sends them with the status 500."""
    if connection:
        connection.scope.get("told", []).append(told)


def in_place_of_500(error: Exception, scope: Scope, workspace: Workspace) -> Response:
    """The answer to a request that failed: a small page for a browser that opens one, JSON for everything else, and
    for programs always."""
    told = _asked_for_nothing(error) or in_words(error, EVIDENCE)
    if isinstance(told, Unforeseen):
        log.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
    words = for_everybody(told, workspace)
    accepted = HTTPConnection(scope).headers.get("accept", "")
    if "text/html" in accepted and "/api/" not in scope["path"]:
        page = _PAGE.format(style=_STYLE, mark=Markup(look.MARK), words=words)  # noqa: S704
        return HTMLResponse(page, status_of(told))
    return JSONResponse({"error": words}, status_of(told))


def status_of(told: PlatformError) -> int:
    """The HTTP status that says whose fault it is."""
    return getattr(told, "status", None) or next(code for kind, code in _STATUS if isinstance(told, kind))


def for_everybody(told: PlatformError, workspace: Workspace) -> str:
    """The words for whoever asks, signed in or not: without the place of the workspace, which the log names."""
    if isinstance(told, NoStore):
        log.error("%s", told)
        return "The store of this site cannot be opened: tell whoever runs it, whose terminal says what is wrong."
    words = str(told)
    places = {str(path) for path in (workspace.folder, workspace.folder.absolute(), workspace.folder.resolve())}
    for place in sorted(places - {".", "/"}, key=len, reverse=True):
        words = words.replace(f"{place}/{workspace.database.name}", "The store").replace(place, "the workspace")
    return words


def unfit(_: Request, error: Exception) -> Response:
    """What does not fit in a request, in words; FastAPI would send back what was sent, which may be NaN."""
    return JSONResponse({"error": f"{misfit(error)}: reload the page."}, 422)


def misfit(error: Exception) -> str:
    """What of a request does not fit, and where; the remedy is not said."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    what = ascii(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")[1:-1]
    return f"The request does not fit ({what[:_LONGEST]})"


def _asked_for_nothing(error: Exception) -> PlatformError | None:
    """What to say where a request names no function of Gradio's page; an older page may, after an upgrade."""
    frames = traceback.extract_tb(error.__traceback__)
    if frames and frames[-1].name == "get_fn":
        return NotFound("This page does nothing of that name: reload it.")
    return None
