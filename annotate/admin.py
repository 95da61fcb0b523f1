"""The page /admin: people, invitations and the log of what was done to them. Plain HTML, which needs no script."""

from collections.abc import Callable, Iterable
from typing import get_args

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from sqlite_utils import Database

from annotate.frame import NOTHING
from annotate.passwords import Passwords
from annotate.plain import moment, page, refusal, success, table
from annotate.security import outside, require
from annotate.tokens import section, sent_scopes
from store import acts, people, sessions, tokens
from store.acts import Act
from store.errors import BadInput, RequestError
from store.people import Person
from store.records import Annotator, Role
from store.sessions import Invitation
from store.workspace import Workspace

AREA = "/admin"
LINES = 50
"""Lines of the log that are shown, the newest."""
DAY = 86400.0
MOST_USES, MOST_DAYS = 1000, 90

_INVITE = Markup("""<section><h2>Invite</h2><p class="soft">A link makes accounts with one role. It is shown once.</p>
<form class="line" method="post" action="invite"><label>Role<select name="role">{roles}</select></label>
<label>Accounts<input name="uses" type="number" min="1" max="{uses}" value="1" required></label>
<label>Days<input name="days" type="number" min="1" max="{days}" value="7" required></label>
<button class="main">Make a link</button></form>{open}</section>""")
_PERSON = Markup("""<tr><td class="name">{p.name}</td><td data-label="Role">{p.role}</td>
<td data-label="State"{off}>{p.state}</td><td data-label="Last seen">{seen}</td>
<td class="number" data-label="Rankings">{p.rankings}</td><td class="number" data-label="Sessions">{p.sessions}</td>
<td class="acting"><details><summary aria-label="Change {p.name}">Change</summary>
<div class="acts">{forms}</div></details></td></tr>""")
_BUTTON = Markup("""<form method="post" action="{act}"><input type="hidden" name="name" value="{name}">
<button>{label}</button></form>""")
_ROLE = Markup("""<form method="post" action="role"><input type="hidden" name="name" value="{name}">
<select name="role" aria-label="Role of {name}">{roles}</select><button>Give role</button></form>""")
_OPEN = Markup("""<tr><td class="name">Invitation {i.id}</td><td data-label="Role">{i.role}</td>
<td class="number" data-label="Left">{left}</td><td data-label="Ends">{ends}</td><td data-label="By">{i.by}</td>
<td class="acting"><form method="post" action="revoke"><input type="hidden" name="number" value="{i.id}">
<button>Revoke</button></form></td></tr>""")
_ACT = Markup("""<tr><td data-label="When">{when}</td><td data-label="Who">{a.by}</td>
<td data-label="What">{a.act}</td>
<td data-label="Whom">{a.whom}</td><td data-label="How">{a.detail}</td></tr>""")
_OFF = Markup(' class="off"')

_CHANGES: dict[str, Callable[[Database, str, str], None]] = {
    "disable": people.disable,
    "enable": people.enable,
    "sign-out": people.sign_out,
}
"""What a button does that needs nothing but a name."""


class Admin:
    """The routes of /admin; each act is done in the name of the admin who is signed in."""

    def __init__(self, workspace: Workspace, passwords: Passwords) -> None:
        self.workspace = workspace
        self.passwords = passwords

    def router(self) -> APIRouter:
        """The page, and where its forms are sent."""
        routes = APIRouter(prefix=AREA)
        routes.add_api_route("/", self.shown, methods=["GET"], response_class=HTMLResponse)
        for form in (self.invite, self.revoke, self.role, self.reset, self.token, self.revoke_token):
            address = form.__name__.replace("_", "-")
            routes.add_api_route(f"/{address}", form, methods=["POST"], response_model=None)
        routes.add_api_route("/{act}", self.change, methods=["POST"], response_model=None)
        return routes

    def shown(self, request: Request) -> Response:
        """The page as it is opened."""
        return self._page(require(self.workspace, request, AREA))

    def invite(self, request: Request, role: str = Form(""), uses: str = Form(""), days: str = Form("")) -> Response:
        """Make a link and show it."""

        def invite(db: Database, by: str) -> Markup:
            site = outside(self.workspace, request)
            many, length = _number(uses, "Accounts", MOST_USES), _number(days, "Days", MOST_DAYS)
            token = sessions.invite(db, given := _role(role), uses=many, seconds=length * DAY, by=by)
            said = f"The link for {many} account{'s' * (many > 1)} ({given}), good for {length} days. Copy it now:"
            return success(said, f"{site}/join?token={token}")

        return self._done(request, invite)

    def revoke(self, request: Request, number: str = Form("")) -> Response:
        """Void a link."""
        return self._done(request, lambda db, by: sessions.revoke(db, _number(number, "Invitation", 10**17), by))

    def token(self, request: Request, name: str = Form(""), scopes: list[str] = Form([])) -> Response:  # noqa: B008
        """Make a token for somebody and show it."""

        def token(db: Database, by: str) -> Markup:
            number, made = tokens.make(db, people.find(db, name), sent_scopes(scopes), by)
            return success(f"Token {number}, which acts as {name}. Copy it now:", made)

        return self._done(request, token)

    def revoke_token(self, request: Request, number: str = Form("")) -> Response:
        """Void a token."""
        return self._done(request, lambda db, by: tokens.revoke(db, _number(number, "Token", 10**17), by))

    def role(self, request: Request, name: str = Form(""), role: str = Form("")) -> Response:
        """Give somebody another role."""
        return self._done(request, lambda db, by: people.set_role(db, name, _role(role), by))

    async def reset(self, request: Request, name: str = Form("")) -> Response:
        """Generate another password and show it."""

        def reset(db: Database, by: str) -> Markup:
            password, hashed = people.fresh_password()
            people.reset(db, name, hashed, by)
            said = f"The new password of {name}, who can change it on the page “Account”. Copy it now:"
            return success(said, password)

        return await self.passwords(request, self._done, request, reset)

    def change(self, request: Request, act: str, name: str = Form("")) -> Response:
        """Disable or enable an account, or end its sessions."""

        def change(db: Database, by: str) -> None:
            if act not in _CHANGES:
                raise BadInput("This page does nothing of that name: reload it.")
            _CHANGES[act](db, name, by)

        return self._done(request, change)

    def _done(self, request: Request, change: Callable[[Database, str], Markup | None]) -> Response:
        """The page again, from its own address where there is nothing to show once; what was refused stands on it."""
        person = require(self.workspace, request, AREA)
        try:
            with self.workspace.store() as db:
                message = change(db, person.name)
        except RequestError as error:
            answer = self._page(person, refusal(str(error)))
            answer.status_code = getattr(error, "status", 400)
            return answer
        return self._page(person, message) if message else RedirectResponse("/admin/", 303)

    def _page(self, person: Annotator, message: Markup = NOTHING) -> Response:
        with self.workspace.store() as db:
            listed, open_ones, log = people.every(db), sessions.invitations(db), acts.recent(db, LINES)
            programs = section(listed, tokens.every(db))
        invite = _INVITE.format(roles=_roles(""), uses=MOST_USES, days=MOST_DAYS, open=_open(open_ones))
        return page(person, AREA, "People", _people(listed) + invite + programs + _log(log), message)


def _people(listed: Iterable[Person]) -> Markup:
    rows = Markup("").join(
        _PERSON.format(p=p, off=_OFF if p.state != "active" else "", seen=moment(p.seen), forms=_forms(p))
        for p in listed
    )
    head = ("Name", "Role", "State", "Last seen (UTC)", "#Rankings", "#Sessions", "")
    return Markup("<section>{}</section>").format(table(head, rows))


def _forms(person: Person) -> Markup:
    turned = ("enable", "Enable") if person.state == "disabled" else ("disable", "Disable")
    buttons = (turned, ("reset", "New password"), ("sign-out", "End sessions"))
    shown = (_BUTTON.format(act=act, name=person.name, label=label) for act, label in buttons)
    return _ROLE.format(name=person.name, roles=_roles(person.role)) + Markup("").join(shown)


def _open(invitations: Iterable[Invitation]) -> Markup:
    rows = Markup("").join(
        _OPEN.format(i=i, left=f"{i.uses_left} of {i.uses}" if i.uses else "any", ends=moment(i.expires))
        for i in invitations
    )
    return table(("Open invitations", "Role", "#Left", "Ends (UTC)", "By", ""), rows) if rows else Markup("")


def _log(log: Iterable[Act]) -> Markup:
    rows = Markup("").join(_ACT.format(a=act, when=moment(act.created)) for act in log)
    if not rows:
        return rows
    told = Markup('<section><h2>Who did what</h2><p class="soft">The last {} acts.</p>{}</section>')
    return told.format(LINES, table(("When (UTC)", "Who", "What", "Whom", "How"), rows))


def _roles(chosen: str) -> Markup:
    return Markup("").join(
        Markup("<option{}>{}</option>").format(" selected" if role == chosen else "", role) for role in get_args(Role)
    )


def _role(sent: str) -> Role:
    for role in get_args(Role):
        if sent == role:
            return role  # type: ignore[no-any-return]
    raise BadInput(f"There is no role of that name: choose one of {', '.join(get_args(Role))}.")


def _number(sent: str, what: str, most: int) -> int:
    if not (sent.isascii() and sent.isdigit() and len(sent) < 19 and 1 <= int(sent) <= most):
        raise BadInput(f"“{what}” is a whole number from 1 to {most}: choose another.")
    return int(sent)
