"""The page /account, where everybody changes their own password."""

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from annotate.frame import NOTHING
from annotate.passwords import Passwords
from annotate.plain import page, refusal, success
from annotate.security import COOKIE, address_of, require
from store import annotators, attempts, people
from store.attempts import TooManyAttempts
from store.errors import BadInput
from store.records import Annotator
from store.workspace import Workspace

AREA = "/account"
_FORM = Markup("""<section class="narrow"><h2>Your password</h2><p class="soft">You are {name}, {role}. A new password
signs you out in every other browser.</p><form class="stack" method="post" action="password">
<input type="text" name="name" value="{name}" autocomplete="username" hidden>
<label>Password that you have now<input name="old" type="password" autocomplete="current-password" required></label>
<label>New password, at least {shortest} characters<input name="new" type="password" autocomplete="new-password"
 required minlength="{shortest}"></label><button class="main">Change password</button></form></section>""")


class Account:
    """The routes of /account."""

    def __init__(self, workspace: Workspace, passwords: Passwords) -> None:
        self.workspace = workspace
        self.passwords = passwords

    def router(self) -> APIRouter:
        """The page, and where its form is sent."""
        routes = APIRouter(prefix=AREA)
        routes.add_api_route("/", self.shown, methods=["GET"], response_class=HTMLResponse)
        routes.add_api_route("/password", self.change, methods=["POST"], response_model=None)
        return routes

    def shown(self, request: Request) -> Response:
        """The page as it is opened."""
        return _page(require(self.workspace, request, AREA))

    async def change(self, request: Request, old: str = Form(""), new: str = Form("")) -> Response:
        """Change the password of whoever is signed in."""
        return await self.passwords(request, self._change, request, old, new)

    def _change(self, request: Request, old: str, new: str) -> Response:
        person = require(self.workspace, request, AREA)
        try:
            with self.workspace.store() as db:
                attempts.begin(db, person.name, address_of(request))  # a session is no leave to guess
                people.change_password(db, person.name, old, new, request.cookies.get(COOKIE, ""))
                attempts.succeeded(db, person.name, address_of(request))
        except (BadInput, TooManyAttempts) as error:
            answer = _page(person, refusal(str(error)))
            answer.status_code = getattr(error, "status", 400)
            return answer
        return _page(person, success("Your password is changed. You are signed out in every other browser."))


def _page(person: Annotator, message: Markup = NOTHING) -> HTMLResponse:
    form = _FORM.format(name=person.name, role=person.role, shortest=annotators.MIN_PASSWORD)
    return page(person, AREA, "Account", form, message)
