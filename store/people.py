"""What an admin does to accounts: each act in one transaction with its line in the log, and with its consequences.

Whoever is disabled, gets another role or a new password is signed out everywhere.
"""

import secrets
import time
from dataclasses import dataclass

from sqlite_utils import Database

from store import acts, annotators, names, sessions, tokens
from store.db import writing
from store.errors import BadInput, NotFound, Refused
from store.records import SIMULATED, Annotator, Role

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits of which no two look alike when they are read out or written by hand."""
_GROUPS, _GROUP = 4, 4
"""Of these a generated password consists: 16 of 31 characters are 79 bits."""


@dataclass(frozen=True)
class Person:
    """An account as it is listed. `seen` is when its owner last signed in or ranked, UTC; `sessions` are the browsers
    in which they are signed in now."""

    name: str
    role: Role
    state: str
    seen: str | None
    rankings: int
    sessions: int
    created: str


def every(db: Database) -> list[Person]:
    """All people by name; simulated annotators are none."""
    rows = db.query(
        """SELECT a.*, coalesce(r.many, 0) AS rankings, r.newest, coalesce(s.many, 0) AS sessions
        FROM annotators a
        LEFT JOIN (SELECT annotator, count(*) AS many, max(created) AS newest FROM current_rankings
            WHERE kind = 'ranked' GROUP BY annotator) r ON r.annotator = a.name
        LEFT JOIN (SELECT annotator, count(*) AS many FROM sessions WHERE expires > ? GROUP BY annotator) s
            ON s.annotator = a.name
        WHERE a.name NOT LIKE ? ORDER BY a.name""",
        [time.time(), f"{SIMULATED}%"],
    )
    return [
        Person(
            row["name"],
            row["role"],
            "disabled" if not row["active"] else "active" if row["password_hash"] else "no password",
            max(filter(None, (row["signed_in"], row["newest"])), default=None),
            row["rankings"],
            row["sessions"],
            row["created"],
        )
        for row in rows
    ]


def add(db: Database, name: str, role: Role, password_hash: str, by: str) -> str:
    """Make an account; returns its name as it is stored. Raises BadInput."""
    name = annotators.fit(name)
    with writing(db):
        annotators.create(db, name, role, password_hash)
        acts.note(db, by, "add", name, role)
        sessions.void_if_first_admin(db, role)
    return name


def disable(db: Database, name: str, by: str) -> None:
    """Close an account: nobody signs in to it, whoever is signed in is out, its tokens are void for good.

    Raises NotFound, Refused.
    """
    with writing(db):
        _keep_an_admin(db, annotators.get(db, name), "disabled")
        _change(db, name, active=0)
        tokens.revoke_all(db, name)
        acts.note(db, by, "disable", name)


def enable(db: Database, name: str, by: str) -> None:
    """Open an account again; raises NotFound."""
    with writing(db):
        annotators.get(db, name)
        _change(db, name, active=1)
        acts.note(db, by, "enable", name)


def set_role(db: Database, name: str, role: Role, by: str) -> None:
    """Give somebody another role; raises NotFound, Refused."""
    with writing(db):
        person = annotators.get(db, name)
        if role != "admin":
            _keep_an_admin(db, person, f"made {_a(role)}")
        _change(db, name, role=role)
        acts.note(db, by, "role", name, f"{person.role} to {role}")
        sessions.void_if_first_admin(db, role)


def reset(db: Database, name: str, password_hash: str, by: str) -> None:
    """Give an account another password; raises NotFound, and BadInput for a simulated annotator."""
    with writing(db):
        if annotators.get(db, name).simulated:
            raise BadInput(f"{name} is a simulated annotator, which nobody signs in as: name a person.")
        _change(db, name, password_hash=password_hash)
        acts.note(db, by, "reset", name)


def sign_out(db: Database, name: str, by: str) -> None:
    """End all sessions of a person; raises NotFound."""
    with writing(db):
        annotators.get(db, name)
        _change(db, name)
        acts.note(db, by, "sign-out", name)


def change_password(db: Database, name: str, old: str, new: str, kept: str) -> None:
    """Let somebody choose another password. All of their sessions end but `kept`, the token of this one.

    Raises BadInput where the old password is another, and where the new one is refused.
    """
    if annotators.verify(db, name, old) is None:
        raise BadInput("The password that you have now is another one: type it once more.")
    annotators.check_password(name, new)
    hashed = annotators.hashed(new)
    with writing(db):
        db.execute("UPDATE annotators SET password_hash = ? WHERE name = ?", [hashed, name])
        sessions.close_others(db, name, kept)
        acts.note(db, name, "password", name)


def find(db: Database, typed: str) -> str:
    """The name of the account that somebody typed; raises NotFound."""
    for name in (typed, names.normal(typed)):
        if db["annotators"].count_where("name = ?", [name]):
            return name
    raise NotFound(f"There is no account {typed!r}: `python launch.py user list` shows them.")


def fresh_password() -> tuple[str, str]:
    """A password that nobody can guess and that can be read out, four groups of four characters, and its hash.

    Made before the store is locked, since a hash takes a tenth of a second.
    """
    password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return password, annotators.hashed(password)


def _change(db: Database, name: str, **values: object) -> None:
    """Set columns of an account, and end its sessions."""
    for column, value in values.items():
        db.execute(f"UPDATE annotators SET {column} = ? WHERE name = ?", [value, name])
    db.execute("DELETE FROM sessions WHERE annotator = ?", [name])


def _keep_an_admin(db: Database, person: Annotator, what: str) -> None:
    """Raise Refused where this is the last admin who can sign in."""
    others = "name != ? AND role = 'admin' AND active = 1 AND password_hash IS NOT NULL"
    if person.role == "admin" and not db["annotators"].count_where(others, [person.name]):
        raise Refused(f"{person.name} is the last admin and cannot be {what}: make somebody else an admin first.")


def _a(role: Role) -> str:
    return f"{'an' if role[0] == 'a' else 'a'} {role}"
