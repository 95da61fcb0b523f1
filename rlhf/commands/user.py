"""The command `user`: people's accounts and invitations, and the way back for an admin who lost the password."""

import getpass

from sqlite_utils import Database

from rlhf.commands.options import ServeOptions, UserOptions
from rlhf.commands.parse import Call
from rlhf.settings import ServeConfig, settings_of
from store import acts, people, sessions, tokens
from store.db import writing
from store.errors import BadInput
from store.records import Json
from store.results import as_json

LINES = 100
"""Lines of the log that are shown, the newest."""
DAY = 86400.0
ONCE = "Each password is shown this once: whoever gets it can change it on the page “Account”."
LINK = "The link is shown this once: whoever has it can make an account."
TOKEN = "The token is shown this once: a program that has it acts as the account. docs/api.md says how."
_WITH_ROLE, _OF_LINKS = ("add", "invite", "role"), ("uses", "days")
_BY_NUMBER = ("revoke", "revoke-token")
_ALONE = ("list", "invite", "log")


def user(call: Call[UserOptions]) -> Json:
    """The command `user`: all of the people named, or none of them where one is refused."""
    asked = call.options
    _check(asked)
    with call.workspace.store() as db:
        match asked.action:
            case "list":
                return _list(db)
            case "log":
                return {"log": [as_json(act) for act in acts.recent(db, LINES)]}
            case "invite":
                return _invite(call, db)
            case "add" | "reset":
                return _with_passwords(db, asked)
            case "token":
                return _token(db, asked)
        return _changed(db, asked)


def address(host: str, port: int, serve: ServeConfig) -> str:
    """How people reach the pages: the `url` of the settings, or else host, port and root path put together."""
    shown = f"[{host}]" if ":" in host else host
    return (serve.url or f"http://{shown}:{port}{serve.root_path}").rstrip("/")


def whoami() -> str:
    """How the log names who typed a command: the account of the machine."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError):  # an account without a name, as in some containers
        return "command line"


def _check(asked: UserOptions) -> None:
    if asked.action in _ALONE and asked.whom:
        raise BadInput(f"`user {asked.action}` takes no names, and {asked.whom[0]!r} is one: leave it out.")
    if asked.action not in _ALONE and not asked.whom:
        what = "numbers" if asked.action in _BY_NUMBER else "names"
        raise BadInput(f"`user {asked.action}` was given 0 {what}: `python launch.py user list` shows them.")
    if asked.action == "role" and asked.role is None:
        raise BadInput("`user role` needs --role annotator, researcher or admin.")
    if asked.role and asked.action not in _WITH_ROLE:
        raise BadInput(f"--role is for {', '.join(_WITH_ROLE)}: leave it out.")
    if asked.scopes and asked.action != "token":
        raise BadInput("--scopes is for `user token`: leave it out.")
    for option in _OF_LINKS:
        if asked.action != "invite" and getattr(asked, option) != getattr(UserOptions, option):
            raise BadInput(f"--{option} is for `user invite`: leave it out.")


def _list(db: Database) -> Json:
    listed = [as_json(person) for person in people.every(db)]
    return {
        "count": len(listed),
        "people": listed,
        "invitations": [as_json(each) for each in sessions.invitations(db)],
        "tokens": [as_json(each) for each in tokens.every(db)],
    }


def _invite(call: Call[UserOptions], db: Database) -> Json:
    asked = call.options
    role = asked.role or "annotator"
    token = sessions.invite(db, role, uses=asked.uses, seconds=asked.days * DAY, by=whoami())
    at = address(ServeOptions.host, ServeOptions.port, settings_of(call.workspace).serve)
    link = f"{at}/join?token={token}"
    return {"role": role, "uses": asked.uses, "days": asked.days, "link": link, "note": LINK}


def _token(db: Database, asked: UserOptions) -> Json:
    if len(asked.whom) > 1:
        raise BadInput(f"A token acts as one account, and {len(asked.whom)} are named: name one.")
    name = people.find(db, asked.whom[0])
    number, token = tokens.make(db, name, asked.scopes, whoami())
    return {"id": number, "name": name, "scopes": list(asked.scopes), "token": token, "note": TOKEN}


def _with_passwords(db: Database, asked: UserOptions) -> Json:
    fresh = {typed: people.fresh_password() for typed in asked.whom}
    shown = []
    with writing(db):
        for typed, (password, hashed) in fresh.items():
            if asked.action == "add":
                name = people.add(db, typed, asked.role or "annotator", hashed, whoami())
            else:
                people.reset(db, name := people.find(db, typed), hashed, whoami())
            shown.append({"name": name, "password": password})
    return {"action": asked.action, "people": shown, "note": ONCE}


def _changed(db: Database, asked: UserOptions) -> Json:
    with writing(db):
        if asked.action in _BY_NUMBER:
            links = asked.action == "revoke"
            for number in dict.fromkeys(map(_number, asked.whom)):
                (sessions if links else tokens).revoke(db, number, whoami())
            return {"action": asked.action, "invitations" if links else "tokens": list(asked.whom)}
        names = list(dict.fromkeys(people.find(db, typed) for typed in asked.whom))
        for name in names:
            match asked.action:
                case "disable":
                    people.disable(db, name, whoami())
                case "enable":
                    people.enable(db, name, whoami())
                case "sign-out":
                    people.sign_out(db, name, whoami())
                case "role" if asked.role:
                    people.set_role(db, name, asked.role, whoami())
    return {"action": asked.action, "people": names}


def _number(typed: str) -> int:
    if not (typed.isascii() and typed.isdigit() and len(typed) < 19):
        raise BadInput(f"{typed!r} is no number of an invitation or token: `python launch.py user list` shows them.")
    return int(typed)
