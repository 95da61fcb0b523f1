"""Annotators and their passwords."""

import hashlib
import hmac
import secrets
import unicodedata
from functools import cache, lru_cache

from sqlite_utils import Database

from store.db import Row, writing
from store.errors import BadInput, NotFound
from store.records import IMPORTED, SIMULATED, Annotator, Role

MOST_NAME = 80
"""Characters that a name may have; the table itself refuses longer ones."""
MIN_PASSWORD = 8
"""Characters of a password: the least that NIST SP 800-63B (2017) allows for one that a person chooses."""
DIGEST = 12
"""Hexadecimal digits by which two long names of a file are told apart."""
JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners, with which Persian, Hindi and other names are written."""
SALT_BYTES = 16
"""Random bytes that make equal passwords differ in the file: the least that NIST SP 800-132 allows is 16."""


def add(db: Database, name: str, role: Role = "annotator", password: str | None = None) -> Annotator:
    """Make an account; without a password nobody can sign in to it.

    The name is stored in the one form that looks the same (Unicode's NFC). Raises BadInput for a name that is empty,
    too long, taken, kept for simulated annotators or not all to be seen, and for a password that is too short.
    """
    name = normal(name)
    if not 1 <= len(name) <= MOST_NAME:
        raise BadInput(f"A name has 1 to {MOST_NAME} characters, not {len(name)}: choose another.")
    if hidden := next((letter for letter in name if _hidden(letter)), None):
        raise BadInput(f"A name has no invisible characters such as U+{ord(hidden):04X}: choose another.")
    if name.lower().startswith(SIMULATED):
        # Case is ignored, as SQL's LIKE ignores it where the two are counted, and as whoever reads a name does.
        raise BadInput(f"Names that start with {SIMULATED} are those of simulated annotators: choose another.")
    if name.lower().startswith(IMPORTED):
        raise BadInput(f"Names that start with {IMPORTED} are those of annotators in imported files: choose another.")
    if password is not None and len(password) < MIN_PASSWORD:
        raise BadInput(
            f"A password has at least {MIN_PASSWORD} characters, not {len(password)}: choose a longer one."
        )
    with writing(db):
        if db["annotators"].count_where("name = ?", [name]):
            raise BadInput(f"The name {name!r} is taken: choose another, or sign in.")
        db.execute(
            "INSERT INTO annotators (name, role, password_hash) VALUES (?, ?, ?)",
            [name, role, _scrypt(password) if password is not None else None],
        )
    return get(db, name)


def normal(name: str) -> str:
    """A name as it is stored: without blanks around it, and in the one form of those that look the same (NFC)."""
    return unicodedata.normalize("NFC", name).strip()


@lru_cache(maxsize=10_000)
def from_file(name: str) -> str:
    """The name under which an annotator or a version of a file is stored: with `imported:` before it, if not yet.

    Simulated annotators stay what they are. Characters that are not seen are left out, and a name that is too long is
    cut, with a digest of the whole in place of the rest.
    """
    shown = normal("".join(letter for letter in name if not _hidden(letter))) or "unknown"
    if not shown.lower().startswith((IMPORTED, SIMULATED)):
        shown = IMPORTED + shown
    if len(shown) <= MOST_NAME:
        return shown
    return f"{shown[: MOST_NAME - DIGEST - 1]}-{hashlib.sha256(shown.encode()).hexdigest()[:DIGEST]}"


def _hidden(letter: str) -> bool:
    """Whether a character is not seen but changes how a name reads: controls, line ends, marks of direction, halves.

    Joiners stay, since names are written with them in some scripts.
    """
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") and letter not in JOINERS


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
    # As it was typed comes first: an earlier version stored names as they were sent.
    typed = name.strip()
    rows = db.query(
        "SELECT * FROM annotators WHERE name IN (?, ?) ORDER BY name = ? DESC", [typed, normal(name), typed]
    )
    row = next(rows, None)
    stored = row["password_hash"] if row else None
    # Hashed for an unknown name too: an answer that comes sooner would tell which names exist.
    fits = _matches(password, stored or _nobodys())
    return _annotator(row) if row and stored and fits and row["active"] else None


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
