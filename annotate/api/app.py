"""The application under /api/v1: its routes, its description, and refusals as JSON with one sentence in it."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from annotate.api import reading, writing
from annotate.api.caller import NoToken
from annotate.api.page import page
from annotate.api.shapes import Problem
from annotate.trouble import for_everybody, misfit, status_of
from store.errors import Busy, NotReady, PlatformError, Refused
from store.workspace import Workspace

PREFIX = "/api/v1"
"""Where the interface is. What is here stays: what would break a program comes under another version."""
ABOUT = (
    "Rank responses, add prompts, read what people said, start and follow the work. Each request carries a token"
    " that acts as an account of the site, within the scopes read, rank, write and train."
)
_TOLD = {
    400: "What was sent cannot be done as it was asked.",
    401: "There is no token, or one that opens nothing.",
    403: "The token lacks a scope.",
    404: "There is nothing of that name or number.",
    409: "Not now: something else has to come first, or came first.",
    413: "The request is too long.",
    422: "The request does not have the shape that is described here.",
}
_NOT_NOW = (Busy, NotReady, Refused)
"""What may be asked again later: the status 409, as for a lease that is lost."""


def build(workspace: Workspace) -> FastAPI:
    """The interface of one workspace, to be mounted under `PREFIX`."""
    api = FastAPI(
        title="Rankloop",
        version="1",
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        responses={status: {"model": Problem, "description": told} for status, told in _TOLD.items()},
    )
    api.add_exception_handler(RequestValidationError, _unfit)
    api.add_exception_handler(HTTPException, _nowhere)
    api.state.workspace = workspace
    api.include_router(writing.routes)
    api.include_router(reading.routes)

    @api.exception_handler(PlatformError)
    def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, PlatformError)
        headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NoToken) else None
        status = 409 if isinstance(error, _NOT_NOW) else status_of(error)
        return JSONResponse({"error": for_everybody(error, workspace)}, status, headers)

    @api.get("/docs", include_in_schema=False)
    def described() -> Response:
        return page(api, PREFIX)

    return api


def _unfit(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"{misfit(error)}: {PREFIX}/docs says what does."}, 422)


def _nowhere(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: "There is nothing at this address", 405: "This address does not take that method"}
    told = words.get(error.status_code, "The request cannot be read")
    return JSONResponse({"error": f"{told}: {PREFIX}/docs lists what there is."}, error.status_code, error.headers)
