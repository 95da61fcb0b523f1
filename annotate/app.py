"""The web process: two Gradio pages behind one gate, the doors before them, and nothing that trains."""

import asyncio
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

# Before gradio is imported, which reads it then.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
import uvicorn
from fastapi import Body, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, RedirectResponse, Response

from annotate import acts, dashboard, documents, downloads, line, look, mine, ranking, scripts
from annotate.account import Account
from annotate.admin import Admin
from annotate.api.app import PREFIX
from annotate.api.app import build as programs
from annotate.forwarded import Forwarded
from annotate.guidelines import Guidelines
from annotate.inbox import Inbox
from annotate.login import Door
from annotate.patience import Patience
from annotate.security import ROLES, Gate, admitted, signed_in
from annotate.trouble import for_everybody, unfit
from rlhf.settings import ServeConfig
from store import tasks
from store.errors import BadInput, LeaseLost, PlatformError
from store.workspace import Workspace

UNFIT: dict[int | type[Exception], Any] = {RequestValidationError: unfit}
"""What answers a request whose body is not what its address takes, for the site and for each page of Gradio's."""

IDLE_SECONDS = 1.0
"""From one look of Gradio's into a queue that is always empty to the next."""


def build(workspace: Workspace, settings: ServeConfig = ServeConfig()) -> FastAPI:  # noqa: B008 (it is frozen)
    """The whole site of one workspace: /login, /join, /annotate, /research, /report, /why, /admin, /account,
    /inbox, /mine, /guidelines, /download, /scripts, /api/v1, /healthz.

    Raises BadInput for a trusted proxy that is no address.
    """
    app = FastAPI(title="Rankloop", docs_url=None, redoc_url=None, openapi_url=None, exception_handlers=UNFIT)
    # No origin is allowed: without this, Gradio adds a CORS answer of its own that reflects whoever asks.
    app.add_middleware(CORSMiddleware, allow_origins=[])
    app.add_middleware(Gate, workspace=workspace, hosts=settings.allowed_hosts)
    app.add_middleware(Forwarded, proxies=settings.trusted_proxies)
    Forwarded(app, settings.trusted_proxies)  # Starlette makes its own with the first request, which is too late
    app.router.routes.append(line.route(workspace))  # first, for it is asked most
    door = Door(workspace)
    app.include_router(door.router())
    app.include_router(Admin(workspace, door.passwords).router())
    app.include_router(Account(workspace, door.passwords).router())
    app.include_router(Inbox(workspace).router())
    app.include_router(mine.router(workspace))
    app.include_router(Guidelines(workspace).router())
    app.include_router(scripts.router())
    app.include_router(documents.router(workspace))
    _add_api(app, workspace)
    app.include_router(acts.router(workspace))
    app.include_router(downloads.router(workspace))
    app.mount(PREFIX, programs(workspace))
    # In a running event loop, because without one Gradio opens a loop for every lock it makes and closes none; in
    # a thread of its own, because the caller's may run a loop already, as in a notebook.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_add_pages(app, workspace))).result()
    return app


def serve(
    workspace: Workspace,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    settings: ServeConfig = ServeConfig(),  # noqa: B008 (it is frozen)
) -> None:
    """Serve the pages until the process is told to stop; raises BadInput if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise BadInput(f"Cannot listen on {host}:{port} ({error.strerror}): choose another --port.") from error
        # Pages hold a heartbeat connection for ever, so a graceful stop has to have an end.
        config = uvicorn.Config(
            build(workspace, settings),
            http=Patience,
            root_path=settings.root_path.rstrip("/"),
            proxy_headers=False,  # annotate/forwarded.py reads them, of trusted proxies only
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
        )
        # SIGTERM as Ctrl-C: uvicorn raises both again when it has stopped, and the caller has a worker to end.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            return
        finally:
            signal.signal(signal.SIGTERM, before)


async def _add_pages(app: FastAPI, workspace: Workspace) -> None:
    _mount(app, ranking.AREA, ranking.page(workspace), "own.css")
    names = ("research", "desk", "browse", "trust", "start", "policies", "proposals", "voices")
    _mount(app, dashboard.AREA, dashboard.page(workspace), *(f"{name}.css" for name in names))


def _mount(app: FastAPI, path: str, page: gr.Blocks, *styles: str) -> None:
    system = ("ui-sans-serif", "system-ui", "sans-serif")
    gr.mount_gradio_app(
        app,
        page,
        path,
        # Fonts of the system: those of the default theme would be fetched.
        theme=gr.themes.Base(font=system, font_mono=("ui-monospace", "monospace")),
        css=look.read("tokens.css", "page.css", "site.css", *styles),
        auth_dependency=admitted,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
        allowed_paths=[],
        show_error=False,
        max_file_size=1,
        app_kwargs={"exception_handlers": UNFIT},
    )
    # Gradio looks into its queue a thousand times a second. No event here goes through it (`queue=False`).
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = IDLE_SECONDS


def _add_api(app: FastAPI, workspace: Workspace) -> None:
    @app.get("/")
    def home(request: Request) -> Response:
        annotator = signed_in(workspace, request)
        if annotator is None:
            return RedirectResponse("/login", 303)
        return RedirectResponse("/research" if annotator.role in ROLES["/research"] else "/annotate", 303)

    @app.get("/healthz")
    def health() -> JSONResponse:
        try:
            with workspace.store() as db:
                db.execute("SELECT 1 FROM tasks LIMIT 1").fetchall()
                return JSONResponse({"ok": True})  # how long the queue is is nobody's business out there
        except PlatformError as error:
            return JSONResponse({"ok": False, "error": for_everybody(error, workspace)}, 503)

    @app.get("/api/me")
    def me(request: Request) -> JSONResponse:
        annotator = signed_in(workspace, request)
        if annotator is None:
            return JSONResponse({"error": "Not signed in."}, 401)
        return JSONResponse({"name": annotator.name, "role": annotator.role})

    @app.post("/api/renew")
    def renew(request: Request, lease: Annotated[str, Body(embed=True)]) -> JSONResponse:
        annotator = signed_in(workspace, request)
        if annotator is None:
            return JSONResponse({"error": "Not signed in."}, 401)
        with workspace.store() as db:
            task = tasks.of_lease(db, lease, annotator.name)
            try:
                tasks.renew(db, task.id if task else 0, lease)
            except LeaseLost as error:
                return JSONResponse({"error": str(error)}, 409)
        return JSONResponse({"ok": True})

    @app.get("/favicon.svg")
    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(look.MARK, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})

    @app.get("/manifest.json")
    def manifest() -> JSONResponse:
        return JSONResponse({"name": "Rankloop", "icons": [{"src": "/favicon.svg", "sizes": "any"}]})
