"""Who is signed in, and the invitations by which people make accounts."""

import hashlib
import os
import secrets
import time
from pathlib import Path

from sqlite_utils import Database

from store import annotators
from store.db import writing
from store.errors import BadInput
from store.permissions import access_of
from store.records import Annotator, Role

SESSION_SECONDS = 14 * 86400.0
"""Two weeks from signing in: seldom enough to be no nuisance, and a forgotten browser is not signed in for ever."""
INVITATION_SECONDS = 7 * 86400.0
"""A week: long enough to be read after a holiday, short enough that an old link in a mailbox opens nothing."""
INVITATION_LEAST = 86400.0
"""A day: a link that `serve` prints is to be good for as long as it takes to be passed on and opened."""
SESSION_BYTES, INVITATION_BYTES = 32, 24
"""Random bytes of a token, far more than can be guessed; an invitation's link is to fit a line of a mail."""


def open_session(db: Database, name: str) -> str:
    """Sign somebody in; returns the token by which their browser is known.

    Only its hash is stored, so that whoever reads the file cannot sign in with it.
    """
    token = secrets.token_urlsafe(SESSION_BYTES)
    with writing(db):
        # Swept here, where there is a transaction anyway, so that no clock has to.
        db.execute("DELETE FROM sessions WHERE expires < ?", [time.time()])
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


def invite(db: Database, role: Role, *, uses: int | None = 1) -> str:
    """Invite people to make accounts with `role`; returns the token of the link. `uses` None is any number."""
    token = secrets.token_urlsafe(INVITATION_BYTES)
    with writing(db):
        db.execute("DELETE FROM invitations WHERE expires < ? OR uses_left < 1", [time.time()])
        db.execute(
            "INSERT INTO invitations (token_hash, role, uses_left, expires) VALUES (?, ?, ?, ?)",
            [_sha(token), role, uses, time.time() + INVITATION_SECONDS],
        )
    return token


def invite_first_admin(db: Database) -> str:
    """Invite the first admin; a link that was printed before and that nobody has used is void from now on."""
    with writing(db):
        db.execute("DELETE FROM invitations WHERE role = 'admin'")
        return invite(db, "admin")


def standing_invitation(db: Database, file: Path) -> str:
    """The token of the one invitation for annotators that is kept in a file, so that each start tells the same link.

    A new one is made where the file is gone or the invitation has less than `INVITATION_LEAST` seconds left; the old
    one is good until its end. The store has only its hash; the file is read by whom the workspace is for.
    """
    with writing(db):
        kept = file.read_text(encoding="ascii", errors="replace").strip() if file.exists() else ""
        until = time.time() + INVITATION_LEAST
        good = "token_hash = ? AND role = 'annotator' AND uses_left IS NULL AND expires > ?"
        if kept and db["invitations"].count_where(good, [_sha(kept), until]):
            return kept
        token = invite(db, "annotator", uses=None)
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
    row = next(
        db.query(
            "SELECT role FROM invitations WHERE token_hash = ? AND expires > ? AND coalesce(uses_left, 1) > 0",
            [_sha(token), time.time()],
        ),
        None,
    )
    return row["role"] if row else None


def accept(db: Database, token: str, name: str, password: str) -> Annotator:
    """Make the account that an invitation allows and use the invitation up by one; raises BadInput."""
    with writing(db):
        role = invited_role(db, token)
        if role is None:
            raise BadInput("This invitation was used or has expired: ask for a new one.")
        annotator = annotators.add(db, name, role, password)
        db.execute("UPDATE invitations SET uses_left = uses_left - 1 WHERE token_hash = ?", [_sha(token)])
        return annotator


def _sha(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
