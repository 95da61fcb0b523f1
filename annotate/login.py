"""Signing in, joining by invitation, signing out: plain pages that need no script."""

import threading
from html import escape

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from annotate import look
from annotate.security import COOKIE, Brake, TooManyAttempts
from store import annotators, sessions
from store.errors import BadInput
from store.records import SIMULATED, Annotator, Role
from store.workspace import Workspace

# One password costs 32 MiB and a tenth of a second; two at a time leave a small server usable under attack.
_checking = threading.BoundedSemaphore(2)

_PAGE_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; frame-ancestors 'none'"
)
_ROLE_WORDS = {
    "annotator": "You are invited to rank responses.",
    "researcher": "You are invited as a researcher: you can rank responses and train models.",
    "admin": "You are invited as an admin: you can rank responses, train models and manage people.",
}
_NO_INVITATION = """<div class="note"><h1>Invitation</h1><p>This invitation was used or has expired: ask for a
 new one.</p><a href="/login">Sign in</a></div>"""


class Door:
    """The routes /login, /join and /logout of one workspace, and the brake on guessing that they share."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.brake = Brake()

    def router(self) -> APIRouter:
        """The routes. All are sync, so that scrypt runs in a thread of the pool and not on the event loop."""
        routes = APIRouter()
        routes.add_api_route("/login", self.login_page, methods=["GET"], response_class=HTMLResponse)
        routes.add_api_route("/login", self.login, methods=["POST"], response_model=None)
        routes.add_api_route("/join", self.join_page, methods=["GET"], response_class=HTMLResponse)
        routes.add_api_route("/join", self.join, methods=["POST"], response_model=None)
        routes.add_api_route("/logout", self.logout, methods=["POST"], response_model=None)
        return routes

    def login_page(self) -> HTMLResponse:
        """The form."""
        return _page("Sign in", _login_form())

    def login(self, request: Request, name: str = Form(""), password: str = Form("")) -> Response:
        """Open a session, or say what is wrong without saying which half of it."""
        address = request.client.host if request.client else ""
        try:
            self.brake.check(name, address)
        except TooManyAttempts as error:
            return _page("Sign in", _login_form(name, str(error)), 429)
        with _checking, self.workspace.store() as db:
            annotator = annotators.verify(db, name, password)
        if annotator is None:
            self.brake.failed(name, address)
            return _page("Sign in", _login_form(name, "Name and password do not fit: check both and try again."), 401)
        self.brake.succeeded(name, address)
        return self._welcome(request, annotator)

    def join_page(self, token: str = "") -> HTMLResponse:
        """The form for somebody with an invitation."""
        role = self._invited(token)
        return _page("Join", _join_form(token, role)) if role else _page("Invitation", _NO_INVITATION, 410)

    def join(
        self, request: Request, token: str = Form(""), name: str = Form(""), password: str = Form("")
    ) -> Response:
        """Make the account that the invitation allows, and sign its owner in."""
        if not (role := self._invited(token)):
            return _page("Invitation", _NO_INVITATION, 410)
        try:
            if name.strip().startswith(SIMULATED):
                raise BadInput(f"A name that starts with {SIMULATED!r} is kept for programs: choose another.")
            with _checking, self.workspace.store() as db:
                annotator = sessions.accept(db, token, name, password)
        except BadInput as error:
            return _page("Join", _join_form(token, role, name, str(error)), 400)
        return self._welcome(request, annotator)

    def logout(self, request: Request) -> Response:
        """Close the session here and in the store."""
        if token := request.cookies.get(COOKIE):
            with self.workspace.store() as db:
                sessions.close_session(db, token)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, path="/")
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
            path="/",
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · Rankloop</title><link rel="icon" href="/favicon.svg"><style>
{look.read("tokens.css", "door.css")}</style></head>
<body><main><div class="mark">{look.MARK} Rankloop</div>{body}</main></body></html>"""
    headers = {"Content-Security-Policy": _PAGE_CSP, "Referrer-Policy": "same-origin"}
    return HTMLResponse(html, status, headers)


def _login_form(name: str = "", error: str = "") -> str:
    return f"""<form method="post" action="/login"><h1>Sign in</h1><p>To rank responses and to follow the models.</p>
{_error(error)}<label>Name<input name="name" value="{escape(name)}" autocomplete="username" required maxlength="80"
 autocapitalize="none" {"" if name else "autofocus"}></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required
 {"autofocus" if name else ""}></label><button>Sign in</button></form>"""


def _join_form(token: str, role: Role, name: str = "", error: str = "") -> str:
    return f"""<form method="post" action="/join"><h1>Welcome</h1>
<p>{_ROLE_WORDS[role]} Choose the name and the password with which you will sign in.</p>{_error(error)}
<input type="hidden" name="token" value="{escape(token)}">
<label>Name<input name="name" value="{escape(name)}" autocomplete="username" required maxlength="80"
 autofocus></label>
<label>Password, at least {annotators.MIN_PASSWORD} characters<input name="password" type="password"
 autocomplete="new-password" required minlength="{annotators.MIN_PASSWORD}"></label>
<button>Join</button></form>"""


def _error(text: str) -> str:
    return f'<div class="error" role="alert">{escape(text)}</div>' if text else ""
