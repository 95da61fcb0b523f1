"""Tokens: by which a program acts as the account of its owner, within the scopes that the token has.

The store has only the hash of a token: 32 random bytes cannot be guessed, so that a plain SHA-256 keeps them.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlite_utils import Database

from store import acts, annotators
from store.db import Row, insert, writing
from store.errors import BadInput, NotFound, PlatformError
from store.first_tables import CLOCK
from store.records import IMPORTED, SIMULATED, Annotator, Role, Scope

TOKEN_BYTES = 32
"""Random bytes of a token, far more than can be guessed."""
PREFIX = "rankloop_"
"""How every token begins, so that one that was published by mistake is found by whoever looks for such."""
USE_SECONDS = 60.0
"""How exactly it is noted when a token was last used: a note for each request would cost a write to disk."""
SCOPES: dict[Role, tuple[Scope, ...]] = {
    "annotator": ("rank",),
    "researcher": ("read", "rank", "write", "train"),
    "admin": ("read", "rank", "write", "train"),
}
"""What the token of an account may do at most: no more than its owner on the pages."""


@dataclass(frozen=True)
class Token:
    """A token without its secret. `used` is when it was last used, to the minute, `revoked` when it was voided (UTC).

    A token whose owner was disabled, or lost the role that its scopes need, stays in the list and opens nothing.
    """

    id: int
    annotator: str
    scopes: tuple[Scope, ...]
    by: str
    used: str | None
    created: str


def make(db: Database, name: str, scopes: Iterable[Scope], by: str) -> tuple[int, str]:
    """Make a token for an account; returns its number and the token itself, which is kept nowhere.

    Raises NotFound, and BadInput for scopes that the owner's role does not have, for none, and for an account that
    is disabled or nobody's.
    """
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    with writing(db):
        owner = annotators.get(db, name)
        if name.startswith((SIMULATED, IMPORTED)) or not owner.active:
            what = "is disabled" if not owner.active else "is no person"
            raise BadInput(f"{name} {what}, and a token acts as its owner: name an account that is open.")
        given = _checked(owner, scopes)
        row = {"token_hash": _sha(token), "annotator": name, "scopes": json.dumps(given), "by": by}
        number = insert(db, "tokens", row)
        acts.note(db, by, "token", name, f"token {number}, {' '.join(given)}")
    return number, token


def owner_of(db: Database, token: str) -> tuple[Annotator, frozenset[Scope]] | None:
    """Whose account a token acts as, and what it may do now; None where it is unknown or revoked, or the account was
    disabled. That it was used is noted, to the minute."""
    row = next(db.query("SELECT * FROM tokens WHERE token_hash = ? AND revoked IS NULL", [_sha(token)]), None)
    owner = annotators.get(db, row["annotator"]) if row else None
    if row is None or owner is None or not owner.active:
        return None
    if (row["used"] or "") < _moment(time.time() - USE_SECONDS):
        with suppress(PlatformError), writing(db):  # a full disk is no reason to refuse who only reads
            db.execute(f"UPDATE tokens SET used = {CLOCK} WHERE id = ?", [row["id"]])
    return owner, frozenset(json.loads(row["scopes"])) & frozenset(SCOPES[owner.role])


def every(db: Database) -> list[Token]:
    """The tokens that were not revoked, the oldest first."""
    return [_token(row) for row in db.query("SELECT * FROM tokens WHERE revoked IS NULL ORDER BY id")]


def revoke(db: Database, number: int, by: str) -> None:
    """Void a token for good; raises NotFound where none of that number is open."""
    with writing(db):
        done = db.execute(f"UPDATE tokens SET revoked = {CLOCK} WHERE id = ? AND revoked IS NULL", [number])
        if done.rowcount == 0:
            raise NotFound(f"There is no open token {number}: `python launch.py user list` shows them.")
        acts.note(db, by, "revoke-token", f"token {number}")


def revoke_all(db: Database, name: str) -> None:
    """Void every token of an account, inside the transaction that closes it."""
    db.execute(f"UPDATE tokens SET revoked = {CLOCK} WHERE annotator = ? AND revoked IS NULL", [name])


def _checked(owner: Annotator, scopes: Iterable[Scope]) -> Sequence[Scope]:
    """The scopes in their order, each once; raises BadInput."""
    asked, known = set(scopes), SCOPES[owner.role]
    if beyond := sorted(asked - set(known)):
        raise BadInput(
            f"The role {owner.role} of {owner.name} gives no scope {beyond[0]}: choose of {', '.join(known)}."
        )
    if not asked:
        raise BadInput(f"A token without a scope opens nothing: choose of {', '.join(known)}.")
    return [scope for scope in known if scope in asked]


def _moment(seconds: float) -> str:
    """Seconds since the epoch as the store writes times."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sha(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _token(row: Row) -> Token:
    return Token(
        row["id"], row["annotator"], tuple(json.loads(row["scopes"])), row["by"], row["used"], row["created"]
    )
