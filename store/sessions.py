"""Who is signed in, and the invitations by which people make accounts."""

import hashlib
import secrets
import time

from sqlite_utils import Database

from store import annotators
from store.db import writing
from store.errors import BadInput
from store.records import Annotator, Role

SESSION_SECONDS = 14 * 86400.0
"""Two weeks from signing in: seldom enough to be no nuisance, and a forgotten browser is not signed in for ever."""
INVITATION_SECONDS = 7 * 86400.0
"""A week: long enough to be read after a holiday, short enough that an old link in a mailbox opens nothing."""
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
        db.execute(
            "INSERT INTO invitations (token_hash, role, uses_left, expires) VALUES (?, ?, ?, ?)",
            [_sha(token), role, uses, time.time() + INVITATION_SECONDS],
        )
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
