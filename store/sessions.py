"""Who is signed in, and the invitations by which people make accounts."""

import hashlib
import os
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from store import acts, annotators
from store.db import insert, writing
from store.errors import BadInput, NotFound
from store.first_tables import CLOCK
from store.permissions import access_of
from store.records import Annotator, Role

SESSION_SECONDS = 14 * 86400.0
"""Two weeks from signing in: seldom enough to be no nuisance, and a forgotten browser is not signed in for ever."""
INVITATION_SECONDS = 7 * 86400.0
"""A week: long enough to be read after a holiday, short enough that an old link in a mailbox opens nothing."""
INVITATION_LEAST = 86400.0
"""A day: a link that `serve` prints is to be good for as long as it takes to be passed on and opened."""
STANDING_USES = 200
"""Accounts that the link makes which `serve` prints for annotators; another one is made when they are used up."""
HOUR = 3600.0
HOUR = 3600.0
ACCOUNTS_AN_HOUR = 30
"""Accounts that one link makes within an hour: a class can join in one, and a script cannot empty the queue."""
SERVE = "serve"
"""Who invites by the links that are printed at the start."""
SESSION_BYTES, INVITATION_BYTES = 32, 24
"""Random bytes of a token, far more than can be guessed; an invitation's link is to fit a line of a mail."""


_GOOD = "expires > ? AND coalesce(uses_left, 1) > 0"
"""Which invitations are open at a time."""


@dataclass(frozen=True)
class Invitation:
    """An open invitation, without its secret: `uses` accounts in all, of which `uses_left` are left; None is any
    number."""

    id: int
    role: Role
    uses: int | None
    uses_left: int | None
    expires: str
    by: str
    created: str


def open_session(db: Database, name: str) -> str:
    """Sign somebody in; returns the token by which their browser is known.

    Only its hash is stored, so that whoever reads the file cannot sign in with it.
    """
    token = secrets.token_urlsafe(SESSION_BYTES)
    with writing(db):
        # Swept here, where there is a transaction anyway, so that no clock has to.
        db.execute("DELETE FROM sessions WHERE expires < ?", [time.time()])
        db.execute(f"UPDATE annotators SET signed_in = {CLOCK} WHERE name = ?", [name])
        db.execute(
            "INSERT INTO sessions (token_hash, annotator, expires) VALUES (?, ?, ?)",
            [_sha(token), name, time.time() + SESSION_SECONDS],
        )
    return token


def of_session(db: Database, token: str) -> Annotator | None:
    """Who is signed in with this token; None if it is unknown or expired, or the account was disabled."""
    row = next(
        db.query("SELECT annotator FROM sessions WHERE token_hash = ? AND expires > ?", [_sha(token), time.time()]),
        None,
    )
    annotator = annotators.get(db, row["annotator"]) if row else None
    return annotator if annotator and annotator.active else None


def close_session(db: Database, token: str) -> None:
    """Sign out; nothing happens where nobody is signed in with this token."""
    with writing(db):
        db.execute("DELETE FROM sessions WHERE token_hash = ?", [_sha(token)])


def close_others(db: Database, name: str, kept: str) -> None:
    """End every session of a person but that of the token `kept`."""
    with writing(db):
        db.execute("DELETE FROM sessions WHERE annotator = ? AND token_hash != ?", [name, _sha(kept)])


def invite(
    db: Database, role: Role, *, uses: int | None = 1, seconds: float = INVITATION_SECONDS, by: str = SERVE
) -> str:
    """Invite people to make accounts with `role`; returns the token of the link. `uses` None is any number."""
    token = secrets.token_urlsafe(INVITATION_BYTES)
    row = {"token_hash": _sha(token), "role": role, "uses_left": uses, "uses": uses, "by": by}
    with writing(db):
        _sweep(db)
        number = insert(db, "invitations", row | {"expires": time.time() + seconds})
        many = "any number of times" if uses is None else "once" if uses == 1 else f"{uses} times"
        acts.note(db, by, "invite", f"invitation {number}", f"{role}, {many}")
    return token


def invite_first_admin(db: Database) -> str:
    """Invite the first admin; a link that was printed before and that nobody has used is void from now on."""
    with writing(db):
        db.execute("DELETE FROM invitations WHERE role = 'admin'")
        return invite(db, "admin")


def void_if_first_admin(db: Database, role: Role) -> None:
    """Where somebody has just become the one admin that there is, every link that would make another is void."""
    if role == "admin" and db["annotators"].count_where("role = 'admin'") == 1:
        db.execute("DELETE FROM invitations WHERE role = 'admin'")


def invitations(db: Database) -> list[Invitation]:
    """The invitations that are still open, the oldest first."""
    return [
        Invitation(
            row["id"],
            row["role"],
            row["uses"],
            row["uses_left"],
            datetime.fromtimestamp(row["expires"], UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            row["by"],
            row["created"],
        )
        for row in db.query(f"SELECT * FROM invitations WHERE {_GOOD} ORDER BY id", [time.time()])
    ]


def revoke(db: Database, number: int, by: str) -> None:
    """Void an invitation; accounts that it made stay. Raises NotFound where none of that number is open."""
    with writing(db):
        _sweep(db)
        if not db["invitations"].count_where("id = ?", [number]):
            raise NotFound(f"There is no open invitation {number}: `python launch.py user list` shows them.")
        db.execute("DELETE FROM invitations WHERE id = ?", [number])
        acts.note(db, by, "revoke", f"invitation {number}")


def standing_invitation(db: Database, file: Path) -> str:
    """The token of the one invitation for annotators that is kept in a file, so that each start tells the same link.

    A new one is made where the file is gone, the invitation is used up or it ends within `INVITATION_LEAST` seconds;
    the old one is good until its end. The store has only its hash; the file is read by whom the workspace is for.
    """
    with writing(db):
        kept = file.read_text(encoding="ascii", errors="replace").strip() if file.exists() else ""
        until = time.time() + INVITATION_LEAST
        good = f"token_hash = ? AND role = 'annotator' AND {_GOOD}"
        if kept and db["invitations"].count_where(good, [_sha(kept), until]):
            return kept
        token = invite(db, "annotator", uses=STANDING_USES)
        # Made with the owner's rights only, and renamed when it is whole.
        beside = file.with_name(f"{file.name}.writing")
        beside.unlink(missing_ok=True)
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as written:
            os.fchmod(written.fileno(), access_of(file.parent).file)
            written.write(token)
        beside.replace(file)
        return token


def invited_role(db: Database, token: str) -> Role | None:
    """The role that an invitation gives, None if it is used up, expired or unknown."""
    try:
        return _open(db, token)[1]
    except BadInput:
        return None


def accept(db: Database, token: str, name: str, password: str) -> Annotator:
    """Make the account that an invitation allows and use the invitation up by one; raises BadInput."""
    _slow_down(db, _open(db, token)[0])
    name = annotators.fit(name, password)
    hashed = annotators.hashed(password)  # before the store is locked, since it takes a tenth of a second
    with writing(db):
        number, role = _open(db, token)  # once more: it may have been used meanwhile
        _slow_down(db, number)
        annotators.create(db, name, role, hashed)
        db.execute("UPDATE annotators SET invitation_id = ? WHERE name = ?", [number, name])
        db.execute("UPDATE invitations SET uses_left = uses_left - 1 WHERE id = ?", [number])
        acts.note(db, name, "join", name, f"{role}, by invitation {number}")
        void_if_first_admin(db, role)
    return annotators.get(db, name)


def _open(db: Database, token: str) -> tuple[int, Role]:
    """The number and the role of an invitation that is open; raises BadInput."""
    for row in db.query(
        f"SELECT id, role FROM invitations WHERE token_hash = ? AND {_GOOD}", [_sha(token), time.time()]
    ):
        return row["id"], row["role"]
    raise BadInput("This invitation was used or has expired: ask for a new one.")


def _slow_down(db: Database, number: int) -> None:
    """Raise BadInput where an invitation made as many accounts within the last hour as one may."""
    hour = datetime.fromtimestamp(time.time() - HOUR, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    made = db["annotators"].count_where("invitation_id = ? AND created > ?", [number, hour])
    if made >= ACCOUNTS_AN_HOUR:
        raise BadInput(f"{made} accounts were made with this link within an hour: wait an hour, or ask for another.")


def _sweep(db: Database) -> None:
    """Remove the invitations that open nothing any more."""
    db.execute("DELETE FROM invitations WHERE expires < ? OR uses_left < 1", [time.time()])


def _sha(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
