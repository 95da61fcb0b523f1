"""The pages for signing in and for joining by invitation, and signing out; none of them needs a script."""

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from annotate import look
from annotate.passwords import Passwords
from annotate.plain import CSP
from annotate.security import COOKIE, address_of
from store import annotators, attempts, sessions
from store.attempts import TooManyAttempts
from store.errors import BadInput
from store.names import MOST_NAME
from store.records import SIMULATED, Annotator, Role
from store.workspace import Workspace

_ROLE_WORDS = {
    "annotator": "You are invited to rank responses.",
    "researcher": "You are invited as a researcher: you can rank responses and train models.",
    "admin": "You are invited as an admin: you can rank responses, train models and manage people.",
}

_STYLE = Markup(look.read("tokens.css", "door.css"))  # noqa: S704 (style sheets of this package)

_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Rankloop</title><link rel="icon" href="favicon.svg"><style>
{style}</style></head>
<body><main><div class="mark">{mark} Rankloop</div>{body}</main></body></html>""")

_LOGIN = Markup("""<form method="post" action="login"><h1>Sign in</h1>\
<p>To rank responses and to follow the models.</p>
{error}<label>Name<input name="name" value="{name}" autocomplete="username" required maxlength="{longest}"
 autocapitalize="none" {first_here}></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required
 {then_here}></label><button>Sign in</button></form>""")

_JOIN = Markup("""<form method="post" action="join"><h1>Welcome</h1>
<p>{invited} Choose the name and the password with which you will sign in.</p>{error}
<input type="hidden" name="token" value="{token}">
<label>Name<input name="name" value="{name}" autocomplete="username" required maxlength="{longest}"
 autofocus></label>
<label>Password, at least {shortest} characters<input name="password" type="password"
 autocomplete="new-password" required minlength="{shortest}"></label>
<button>Join</button></form>""")

_NO_INVITATION = Markup("""<div class="note"><h1>Invitation</h1><p>This invitation was used or has expired: ask for a
 new one.</p><a href="login">Sign in</a></div>""")


class Door:
    """The routes /login, /join and /logout of one workspace, and the threads in which passwords are hashed."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.passwords = Passwords()

    def router(self) -> APIRouter:
        """The routes. Those that hash a password are async, and wait for the threads that are for nothing else."""
        routes = APIRouter()
        routes.add_api_route("/login", self.login_page, methods=["GET"], response_class=HTMLResponse)
        routes.add_api_route("/login", self.login, methods=["POST"], response_model=None)
        routes.add_api_route("/join", self.join_page, methods=["GET"], response_class=HTMLResponse)
        routes.add_api_route("/join", self.join, methods=["POST"], response_model=None)
        routes.add_api_route("/logout", self.logout, methods=["POST"], response_model=None)
        return routes

    def login_page(self) -> HTMLResponse:
        """The form for signing in, empty."""
        return _page("Sign in", _login_form())

    async def login(self, request: Request, name: str = Form(""), password: str = Form("")) -> Response:
        """Open a session; or show the form again, without telling which of name and password is wrong."""
        return await self.passwords(request, self._login, request, name, password)

    def _login(self, request: Request, name: str, password: str) -> Response:
        address = address_of(request)
        with self.workspace.store() as db:
            try:
                attempts.begin(db, name, address)
            except TooManyAttempts as error:
                return _page("Sign in", _login_form(name, str(error)), 429)
            annotator = annotators.verify(db, name, password)
            if annotator is None:
                said = "Name and password do not fit: check both and try again."
                return _page("Sign in", _login_form(name, said), 401)
            attempts.succeeded(db, name, address)
        return self._welcome(request, annotator)

    def join_page(self, token: str = "") -> HTMLResponse:
        """The form for joining, for whom the invitation `token` is open; else a page that says so."""
        role = self._invited(token)
        return _page("Join", _join_form(token, role)) if role else _page("Invitation", _NO_INVITATION, 410)

    async def join(
        self, request: Request, token: str = Form(""), name: str = Form(""), password: str = Form("")
    ) -> Response:
        """Make the account that the invitation allows, and sign its owner in."""
        return await self.passwords(request, self._join, request, token, name, password)

    def _join(self, request: Request, token: str, name: str, password: str) -> Response:
        if not (role := self._invited(token)):
            return _page("Invitation", _NO_INVITATION, 410)
        try:
            if name.strip().startswith(SIMULATED):
                raise BadInput(f"A name that starts with {SIMULATED!r} is kept for programs: choose another.")
            with self.workspace.store() as db:
                annotator = sessions.accept(db, token, name, password)
        except BadInput as error:
            return _page("Join", _join_form(token, role, name, str(error)), 400)
        return self._welcome(request, annotator)

    def logout(self, request: Request) -> Response:
        """End the session in the store and in the browser."""
        if token := request.cookies.get(COOKIE):
            with self.workspace.store() as db:
                sessions.close_session(db, token)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, path=_below(request))
        return answer

    def _invited(self, token: str) -> Role | None:
        with self.workspace.store() as db:
            return sessions.invited_role(db, token)

    def _welcome(self, request: Request, annotator: Annotator) -> Response:
        with self.workspace.store() as db:
            token = sessions.open_session(db, annotator.name)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE,
            token,
            max_age=int(sessions.SESSION_SECONDS),
            path=_below(request),
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer


def _below(request: Request) -> str:
    """The part of the host that is this site's: a cookie is for no other program there."""
    return request.scope.get("root_path", "") or "/"


def _page(title: str, body: Markup, status: int = 200) -> HTMLResponse:
    headers = {"Content-Security-Policy": CSP, "Referrer-Policy": "same-origin"}
    return HTMLResponse(_PAGE.format(title=title, style=_STYLE, mark=look.MARK, body=body), status, headers)


def _login_form(name: str = "", error: str = "") -> Markup:
    # The cursor stands in the first field that is empty.
    first_here, then_here = ("", "autofocus") if name else ("autofocus", "")
    return _LOGIN.format(
        name=name, error=_error(error), longest=MOST_NAME, first_here=first_here, then_here=then_here
    )


def _join_form(token: str, role: Role, name: str = "", error: str = "") -> Markup:
    return _JOIN.format(
        invited=_ROLE_WORDS[role],
        error=_error(error),
        token=token,
        name=name,
        longest=MOST_NAME,
        shortest=annotators.MIN_PASSWORD,
    )


def _error(text: str) -> Markup:
    return Markup('<div class="error" role="alert">{}</div>').format(text) if text else Markup("")
