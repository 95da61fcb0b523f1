"""Who may open which page: sessions, the gate before every page, and the headers."""

from collections.abc import Collection
from urllib.parse import urlsplit, urlunsplit

from sqlite_utils import Database
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from annotate.bodies import arrived
from annotate.trouble import in_place_of_500, status_of
from rlhf.settings import settings_of
from store import sessions
from store.errors import PlatformError, RequestError
from store.records import Annotator, Role
from store.workspace import Workspace

COOKIE = "rankloop_session"
ROLES: dict[str, frozenset[Role]] = {
    "/annotate": frozenset(("annotator", "researcher", "admin")),
    "/research": frozenset(("researcher", "admin")),
    "/inbox": frozenset(("researcher", "admin")),
    "/admin": frozenset(("admin",)),
    "/guidelines": frozenset(("annotator", "researcher", "admin")),
    "/mine": frozenset(("annotator", "researcher", "admin")),
    "/account": frozenset(("annotator", "researcher", "admin")),
}
"""Each part of the site and who may enter it."""

# Gradio's own code, the same in every installation: nothing of the workspace is in it.
_PUBLIC = tuple(f"{area}/{folder}/" for area in ROLES for folder in ("assets", "static"))
_USED = ("", "/", "/config", "/theme.css", "/gradio_api/run/predict", "/gradio_api/app_id")
"""What the two pages ask of Gradio beside its code; the last one, to know that a server that was gone is back.

Its other routes (uploads, files, queues, streams, its own doors) are closed: nothing here needs them, and nobody here
looks after them."""
_GRADIO = ("/annotate", "/research")
BARE = 500
"""The status of an answer that may say nothing: it is held back until it is known whether there are words for it."""
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

# gr.HTML compiles its template with `Function`, and Gradio's page carries inline scripts and styles.
_CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self';"
    " form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Forbidden(RequestError):
    """The person is not signed in, or their role does not allow this."""

    status = 403


def signed_in(workspace: Workspace, connection: HTTPConnection) -> Annotator | None:
    """The person who sends this request, known by their cookie; None where nobody is signed in."""
    token = connection.cookies.get(COOKIE)
    if not token:
        return None
    with workspace.store() as db:
        return sessions.of_session(db, token)


def allowed(db: Database, connection: HTTPConnection, area: str) -> Annotator:
    """The person who sends this request, by a store that is open, if they may use `area` (a key of ROLES).

    Raises Forbidden.
    """
    token = connection.cookies.get(COOKIE)
    return _may_use(sessions.of_session(db, token) if token else None, area)


def outside(workspace: Workspace, request: HTTPConnection) -> str:
    """The address under which people reach the site, without a slash at its end, for a link that leaves it."""
    own = f"{request.base_url}".rstrip("/")
    return (settings_of(workspace).serve.url or own).rstrip("/")


def address_of(connection: HTTPConnection) -> str:
    """Where a request comes from; empty where nobody knows."""
    return connection.client.host if connection.client else ""


def require(workspace: Workspace, connection: HTTPConnection | None, area: str) -> Annotator:
    """The person, if they may use `area` (a key of ROLES); raises Forbidden."""
    return _may_use(signed_in(workspace, connection) if connection else None, area)


def _may_use(annotator: Annotator | None, area: str) -> Annotator:
    if annotator is None:
        raise Forbidden("You are signed out: sign in again.")
    if annotator.role not in ROLES[area]:
        raise Forbidden(f"This page is not for the role {annotator.role}: ask an admin for another role.")
    return annotator


def admitted(request: Request) -> str | None:
    """For Gradio's `auth_dependency`: the name of the person that the gate let through, None without a gate."""
    annotator: Annotator | None = request.scope.get("annotator")
    return annotator.name if annotator else None


def same_site(headers: HTTPConnection) -> bool:
    """Whether a request that changes something comes from a page of this site, by what the browser says of it."""
    sent = headers.headers
    # Browsers send Sec-Fetch-Site on https and localhost, and no page can forge it; it is right behind a proxy
    # that rewrites Host, where comparing Origin would lock everybody out.
    if site := sent.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = sent.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == sent.get("host")
    except ValueError:  # no address at all
        return False


class Gate:
    """ASGI middleware in front of the whole site: refuses writes from other sites, and people without the role that a
    page asks for; sets the headers; says in words what went wrong, in place of a bare 500."""

    def __init__(self, app: ASGIApp, workspace: Workspace, hosts: Collection[str] = ()) -> None:
        """`hosts` are the names that the site answers to; none are any."""
        self.app = app
        self.workspace = workspace
        self.hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to the site, or refuse it with an answer of its own."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a websocket: nothing here speaks it

        scope["trouble"] = trouble = list[Exception]()
        scope["told"] = list[PlatformError]()
        held: list[Message] = []
        sending = _with_headers(send, scope)
        started = False

        async def send_or_hold(message: Message) -> None:
            nonlocal started
            if held or (message["type"] == "http.response.start" and message["status"] == BARE and not started):
                held.append(message)
                return
            started = True
            await sending(message)

        try:
            answer = await self._refusal(scope)
            body = receive if answer else await arrived(scope, receive)
            if body is None:  # whoever asked is gone
                return
            await (answer or self.app)(scope, body, send_or_hold)
        except Exception as error:
            if started:
                raise
            trouble.insert(0, error)
        if trouble and not started:
            await in_place_of_500(trouble[0], scope, self.workspace)(scope, receive, sending)
        else:
            if held and scope["told"]:  # in the words of a handler, which Gradio sends with a status of its own
                held[0]["status"] = status_of(scope["told"][0])
            for message in held:
                await sending(message)

    async def _refusal(self, scope: Scope) -> Response | None:
        connection = HTTPConnection(scope)
        if self.hosts and _host(connection) not in self.hosts:
            return JSONResponse({"error": "This site does not answer to that name: ask whoever runs it."}, 400)
        if scope["method"] not in _SAFE_METHODS and not same_site(connection):
            return JSONResponse({"error": "This request comes from another site."}, 403)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        area = next((area for area in ROLES if path == area or path.startswith(area + "/")), None)
        if area is None or path.startswith(_PUBLIC):
            return None
        annotator = await run_in_threadpool(signed_in, self.workspace, connection)
        scope["annotator"] = annotator
        opens_page = scope["method"] == "GET" and path.rstrip("/") == area
        if annotator is None:
            return RedirectResponse("/login", 303) if opens_page else JSONResponse({"error": "Not signed in."}, 401)
        if annotator.role not in ROLES[area]:
            scope["annotator"] = None
            return RedirectResponse("/", 303) if opens_page else JSONResponse({"error": "Not your role."}, 403)
        if area in _GRADIO and path.removeprefix(area) not in _USED:
            return JSONResponse({"error": "There is nothing at this address."}, 404)
        return None


def _host(connection: HTTPConnection) -> str:
    """The name that a request asks for, without the port; empty where it is none."""
    try:
        return (urlsplit(f"//{connection.headers.get('host', '')}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _with_headers(send: Send, scope: Scope) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            _set_headers(headers := MutableHeaders(scope=message))
            if location := headers.get("location"):
                headers["location"] = _within(location, scope)
        await send(message)

    return sending


def _within(location: str, scope: Scope) -> str:
    """Where a redirect leads, as a path of this site: under what a proxy puts before it, at no host that was sent."""
    if location.startswith("/"):
        return f"{scope.get('root_path', '')}{location}"
    parts = urlsplit(location)
    return urlunsplit(("", "", *parts[2:])) or "/"


def _set_headers(headers: MutableHeaders) -> None:
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if headers.get("content-type", "").startswith("text/html"):
        headers["Cache-Control"] = "no-store"
