"""The board's own line to the server: one plain request for an answer and the next task.

Gradio's way to the same functions takes three openings of the store, and as long again for its own work.
"""

import json

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from annotate import ranking
from annotate.security import allowed
from store.errors import BadInput
from store.records import Json
from store.workspace import Workspace

ADDRESS = "/api/board"
AT_ONCE = 4
"""Requests that are answered at a time. They wait for one another at the store, and more threads only take turns."""


def route(workspace: Workspace) -> Route:
    """`POST /api/board` with what annotate/board/talk.js sends; the answer is the view that the board shows next.

    Starlette's route and not FastAPI's: nothing is declared here that would have to be checked, since
    annotate/ranking.py looks at each field itself and says in words what is wrong with it.
    """
    config, at_once = ranking.Config(workspace), CapacityLimiter(AT_ONCE)

    def answered(request: Request, sent: Json) -> Json:
        with workspace.store() as db:
            return ranking.answer_to(config(), db, allowed(db, request, ranking.AREA), sent)

    async def board(request: Request) -> Response:
        sent = _object(await request.body())
        return JSONResponse(await to_thread.run_sync(answered, request, sent, limiter=at_once))

    return Route(ADDRESS, board, methods=["POST"])


def _object(body: bytes) -> Json:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput("The request is no JSON: reload the page.") from error
    if not isinstance(sent, dict):
        raise BadInput("The request is no JSON object: reload the page.")
    return sent
