"""Whatever goes wrong under the pages, as an answer in words: never a bare 500."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from markupsafe import Markup
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Scope

from annotate import look
from store.errors import LeaseLost, NotFound, PlatformError, RequestError, Unforeseen
from store.words import in_words

EVIDENCE = "what `serve` printed"
"""What a report of an error of the program should bring along."""
_STATUS: tuple[tuple[type[PlatformError], int], ...] = (
    (LeaseLost, 409),
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

log = logging.getLogger(__name__)


@contextmanager
def handed_on(connection: HTTPConnection | None) -> Iterator[None]:
    """Note what goes wrong inside for the gate: Gradio answers with a bare 500 and keeps the exception to itself."""
    try:
        yield
    except Exception as error:
        if connection:
            connection.scope.get("trouble", []).append(error)
        raise


def in_place_of_500(error: Exception, scope: Scope) -> Response:
    """The answer to a request that failed: a small page for a browser that opens one, JSON for everything else."""
    told = in_words(error, EVIDENCE)
    if isinstance(told, Unforeseen):
        log.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
    status = getattr(told, "status", None) or next(code for kind, code in _STATUS if isinstance(told, kind))
    accepted = HTTPConnection(scope).headers.get("accept", "")
    if scope["method"] == "GET" and "text/html" in accepted:
        return HTMLResponse(_PAGE.format(style=_STYLE, mark=Markup(look.MARK), words=str(told)), status)  # noqa: S704
    return JSONResponse({"error": str(told)}, status)
