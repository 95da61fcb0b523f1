"""The brake on guessing passwords: attempts to sign in are counted before the password is looked at.

They lie in the store, so that a restart forgets none, and each is counted in a transaction, so that of many at once
no more are tried than are allowed.
"""

import hashlib
import ipaddress
import time

from sqlite_utils import Database

from store.db import writing
from store.errors import RequestError
from store.names import normal

WINDOW = 900.0
"""Seconds for which an attempt counts."""
LIMITS = (
    ("name_hash = :name AND address = :address", 5),
    ("address = :address", 30),
    ("name_hash = :name", 100),
)
"""Attempts of one person who mistypes, from one address that tries many names, from many addresses that try one name.

The last is high, because whoever knows a name could otherwise lock its owner out.
"""
CLOCK_SLACK = 60.0
"""Seconds that an attempt may lie in the future: one from before the clock was set back counts no more."""
_PREFIX = 64
"""Bits of an IPv6 address that name a place: whoever has one has 2^64 addresses with the same."""


class TooManyAttempts(RequestError):
    """Too many sign-ins were tried lately for this name or from this address."""

    status = 429


def begin(db: Database, name: str, address: str) -> None:
    """Count one attempt to sign in; raises TooManyAttempts, without counting, where no more are allowed."""
    known = {"name": _hash(name), "address": _place(address)}
    _check(db, known)  # first without the lock, which a flood of refusals must not take from the rankings
    with writing(db):
        _check(db, known)
        now = time.time()
        db.execute("DELETE FROM attempts WHERE at NOT BETWEEN ? AND ?", [now - WINDOW, now + CLOCK_SLACK])
        db.execute("INSERT INTO attempts (name_hash, address, at) VALUES (:name, :address, :at)", known | {"at": now})


def succeeded(db: Database, name: str, address: str) -> None:
    """Forget the attempts of this name from this address: its owner has signed in."""
    with writing(db):
        db.execute("DELETE FROM attempts WHERE name_hash = ? AND address = ?", [_hash(name), _place(address)])


def _check(db: Database, known: dict[str, str]) -> None:
    now = time.time()
    window = {"since": now - WINDOW, "until": now + CLOCK_SLACK}
    for which, limit in LIMITS:
        newest = f"SELECT at FROM attempts WHERE {which} AND at BETWEEN :since AND :until ORDER BY at DESC LIMIT 1"
        for row in db.query(f"{newest} OFFSET {limit - 1}", known | window):
            minutes = max(int((row["at"] + WINDOW - now) // 60) + 1, 1)
            wait = f"{minutes} minute{'s' * (minutes > 1)}"
            raise TooManyAttempts(f"{limit} sign-ins failed: wait {wait}, then try again.")


def _hash(name: str) -> str:
    return hashlib.sha256(normal(name).casefold().encode("utf-8", "replace")).hexdigest()


def _place(address: str) -> str:
    """An address as it is counted: of IPv6 the network."""
    try:
        whole = ipaddress.ip_address(address)
    except ValueError:  # no address of the internet, as of a test
        return address
    mapped = getattr(whole, "ipv4_mapped", None)
    if mapped or whole.version == 4:
        return str(mapped or whole)
    return str(ipaddress.ip_network((int(whole), _PREFIX), strict=False))
