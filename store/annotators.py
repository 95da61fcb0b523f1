"""Annotators and their passwords."""

import hashlib
import hmac
import secrets
import unicodedata
from functools import cache
from pathlib import Path

from sqlite_utils import Database

from store.db import Row, writing
from store.errors import BadInput, NotFound
from store.names import MOST_NAME, looks, normal, unseen
from store.records import IMPORTED, SIMULATED, Annotator, Role

MIN_PASSWORD = 8
"""Characters of a password: the least that NIST SP 800-63B (2017) allows for one that a person chooses."""
FEWEST_CHARACTERS = 3
"""Different characters of a password: eight blanks are guessed at once."""
SALT_BYTES = 16
"""Random bytes that make equal passwords differ in the file: the least that NIST SP 800-132 allows is 16."""


def add(db: Database, name: str, role: Role = "annotator", password: str | None = None) -> Annotator:
    """Make an account; without a password nobody can sign in to it.

    The name is stored in the one form of those that look the same. Raises BadInput for a name that is empty, too
    long, taken, like another's, kept for simulated annotators or not all to be seen, and for a password that is easy
    to guess.
    """
    name = fit(name, password)
    made = hashed(password) if password is not None else None
    with writing(db):
        create(db, name, role, made)
    return get(db, name)


def fit(name: str, password: str | None = None) -> str:
    """A name as it is stored; raises BadInput for one that no account may have, and for such a password."""
    name = normal(name)
    if not 1 <= len(name) <= MOST_NAME:
        raise BadInput(f"A name has 1 to {MOST_NAME} characters, not {len(name)}: choose another.")
    if hidden := unseen(name):
        raise BadInput(f"A name has no invisible characters such as U+{ord(hidden):04X}: choose another.")
    if name.lower().startswith(SIMULATED):
        # Case is ignored, as SQL's LIKE ignores it where the two are counted, and as whoever reads a name does.
        raise BadInput(f"Names that start with {SIMULATED} are those of simulated annotators: choose another.")
    if name.lower().startswith(IMPORTED):
        raise BadInput(f"Names that start with {IMPORTED} are those of annotators in imported files: choose another.")
    if password is not None:
        check_password(name, password)
    return name


def create(db: Database, name: str, role: Role, password_hash: str | None) -> None:
    """Insert an account whose name is fit, inside the caller's transaction; raises BadInput where it is taken."""
    mine = looks(name)
    for (other,) in db.execute("SELECT name FROM annotators").fetchall():
        if other == name:
            raise BadInput(f"The name {name!r} is taken: choose another, or sign in.")
        if looks(other) & mine:
            raise BadInput(f"The name {name!r} looks like {other!r}, who has an account: choose another, or sign in.")
    db.execute("INSERT INTO annotators (name, role, password_hash) VALUES (?, ?, ?)", [name, role, password_hash])


def check_password(name: str, password: str) -> None:
    """Raise BadInput where the person `name` may not have this password.

    What is refused is what guessers try first: short ones, the most common ones, and the name itself with digits and
    signs around it (NIST SP 800-63B, 5.1.1.2).
    """
    if len(password) < MIN_PASSWORD:
        raise BadInput(
            f"A password has at least {MIN_PASSWORD} characters, not {len(password)}: choose a longer one."
        )
    if len(set(password)) < FEWEST_CHARACTERS:
        raise BadInput(f"A password has at least {FEWEST_CHARACTERS} different characters: choose another.")
    if password.strip().casefold() in _common():
        raise BadInput("This password is among those that guessers try first: choose another.")
    if _letters(password) == _letters(name) != "":
        raise BadInput("This password is the name itself, which guessers try first: choose another.")


@cache
def _common() -> frozenset[str]:
    """The most common passwords of at least eight characters, in small letters."""
    return frozenset((Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").split())


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, normal(text).casefold()))


def ensure(db: Database, name: str) -> None:
    """Make an account without a password, unless it is there: for simulated annotators, who never sign in."""
    with writing(db):
        db.execute("INSERT OR IGNORE INTO annotators (name, role) VALUES (?, 'annotator')", [name])


def get(db: Database, name: str) -> Annotator:
    """One annotator; raises NotFound."""
    for row in db.query("SELECT * FROM annotators WHERE name = ?", [name]):
        return _annotator(row)
    raise NotFound(f"There is no annotator {name!r}.")


def every(db: Database) -> list[Annotator]:
    """All annotators by name."""
    return [_annotator(row) for row in db.query("SELECT * FROM annotators ORDER BY name")]


def verify(db: Database, name: str, password: str) -> Annotator | None:
    """The annotator if name and password belong together and the account is active, else None."""
    # As it was typed comes first: an earlier version stored names as they were sent, a later one in the form NFC.
    typed = name.strip()
    forms = [typed, unicodedata.normalize("NFC", typed), normal(name)]
    rows = db.query("SELECT * FROM annotators WHERE name IN (?, ?, ?) ORDER BY name = ? DESC", [*forms, typed])
    row = next(rows, None)
    stored = row["password_hash"] if row else None
    # Hashed for an unknown name too: an answer that comes sooner would tell which names exist.
    fits = _matches(password, stored or _nobodys())
    return _annotator(row) if row and stored and fits and row["active"] else None


def hashed(password: str) -> str:
    """A password as it is stored; takes a tenth of a second and 32 MiB."""
    return _scrypt(password)


def _annotator(row: Row) -> Annotator:
    return Annotator(
        name=row["name"],
        role=row["role"],
        password_hash=row["password_hash"],
        active=bool(row["active"]),
        created=row["created"],
    )


def _scrypt(password: str, salt: bytes | None = None) -> str:
    salt = salt or secrets.token_bytes(SALT_BYTES)
    # 32 MiB: OWASP's 2023 choice for scrypt at p = 1 is N = 2^17; 2^15 keeps a shared two-core server usable.
    key = hashlib.scrypt(password.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=64 * 2**20)
    return f"scrypt${salt.hex()}${key.hex()}"


def _matches(password: str, stored: str) -> bool:
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(stored.split("$")[1])), stored)


@cache
def _nobodys() -> str:
    """What an unknown name's password is held against, so that it takes as long as a known one's."""
    return _scrypt("nobody has this one", b"0" * 16)
