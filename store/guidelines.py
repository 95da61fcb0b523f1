"""The guidelines that annotators read, in Markdown: every version is kept, with who wrote it and when."""

from dataclasses import dataclass

from sqlite_utils import Database

from store.db import Row, insert, writing
from store.errors import BadInput, NotFound

LONGEST = 20_000
"""Characters of a version: beyond it nobody reads them beside their work."""


@dataclass(frozen=True)
class Guideline:
    """One version, known by its number; `text` is Markdown."""

    id: int
    text: str
    by: str
    created: str


def write(db: Database, text: str, by: str) -> Guideline:
    """Store a new version, which is shown from now on; the newest one once more is not stored twice.

    Raises BadInput for a text that is empty, too long or no text.
    """
    wrote = text.replace("\r\n", "\n").strip()
    if not wrote:
        raise BadInput("The guidelines are empty: write something.")
    if len(wrote) > LONGEST:
        raise BadInput(f"The guidelines have {len(wrote)} characters and may have {LONGEST}: shorten them.")
    if "\0" in wrote or wrote != wrote.encode("utf-8", "replace").decode():
        raise BadInput("The guidelines have a NUL or half a character in them: take it out.")
    with writing(db):
        before = newest(db)
        if before and before.text == wrote:
            return before
        return get(db, insert(db, "guidelines", {"text": wrote, "by": by}))


def newest(db: Database) -> Guideline | None:
    """The version that is shown now; None where none was written."""
    rows = db.query("SELECT * FROM guidelines ORDER BY id DESC LIMIT 1")
    return next((_guideline(row) for row in rows), None)


def newest_id(db: Database) -> int | None:
    """The number of the version that is shown now."""
    found = db.execute("SELECT max(id) FROM guidelines").fetchone()
    return int(found[0]) if found[0] else None


def every(db: Database) -> list[Guideline]:
    """All versions, the newest first."""
    return [_guideline(row) for row in db.query("SELECT * FROM guidelines ORDER BY id DESC")]


def get(db: Database, number: int) -> Guideline:
    """One version; raises NotFound."""
    for row in db.query("SELECT * FROM guidelines WHERE id = ?", [number]):
        return _guideline(row)
    raise NotFound(f"There is no version {number} of the guidelines.")


def _guideline(row: Row) -> Guideline:
    return Guideline(row["id"], row["text"], row["by"], row["created"])
