"""Imports: which file brought which prompts, so that a whole file can be taken out again, and put back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlite_utils import Database

from store import prompts
from store.db import Row, insert, writing
from store.errors import BadInput, NotFound
from store.first_tables import CLOCK
from store.records import Import, Prompt


@dataclass(frozen=True)
class Added:
    """What an import did: how many prompts are new, how many were there already, and the import that they belong to.

    Of those that were there, `put_back` had been taken out with another import and count again, and `left_out` were
    taken out by themselves and stay so. `known` says that the very same bytes had been imported before.
    """

    import_id: int
    new: int
    already_there: int
    put_back: int
    left_out: int
    known: bool


def add(db: Database, of: Import, found: Sequence[Prompt]) -> Added:
    """Store the prompts of a file and the record of its import, `of`, whose counts are filled in here.

    The same bytes are one import: a second time there is no second record, and only what the first time had skipped
    is new. Raises BadInput where that import was taken out.
    """
    with writing(db):
        known = next((_import(row) for row in db.query("SELECT * FROM imports WHERE sha256 = ?", [of.sha256])), None)
        if known and known.removed:
            raise BadInput(
                f"{of.file} is import {known.id}, which was taken out on {known.removed[:10]}: put it back with "
                f"`python launch.py imports restore {known.id}`."
            )
        import_id = known.id if known else _begin(db, of)
        before = db["prompts"].count
        ids = set(prompts.add(db, [replace(prompt, import_id=import_id) for prompt in found]))
        new = db["prompts"].count - before
        db.conn.executemany(
            "INSERT OR IGNORE INTO import_prompts (import_id, prompt_id) VALUES (?, ?)",
            [(import_id, prompt_id) for prompt_id in ids],
        )
        there = len(found) - new
        db.execute(
            "UPDATE imports SET added = added + ?, already_there = ?, skipped = ? WHERE id = ?",
            [new, known.already_there if known else there, of.skipped, import_id],
        )
        back = _put_back(db, import_id)
        out = db["import_prompts"].count_where("import_id = ? AND prompt_id IN taken_out", [import_id])
        return Added(import_id, new, there, back, out, known is not None)


def every(db: Database) -> list[Import]:
    """All imports in order of arrival, taken out or not."""
    return [_import(row) for row in db.query("SELECT * FROM imports ORDER BY id")]


def get(db: Database, import_id: int) -> Import:
    """One import; raises NotFound."""
    for row in db.query("SELECT * FROM imports WHERE id = ?", [import_id]):
        return _import(row)
    raise NotFound(f"There is no import {import_id}: `python launch.py imports list` shows them.")


def remove(db: Database, import_ids: Iterable[int]) -> None:
    """Take imports out with their prompts, but for those that another import also has or that were there before.

    All of them, or none where one is unknown (NotFound) or out already (BadInput).
    """
    with writing(db):
        for import_id in import_ids:
            if since := get(db, import_id).removed:
                raise BadInput(f"Import {import_id} was taken out already, on {since[:10]}: nothing was changed.")
            db.execute(f"UPDATE imports SET removed = {CLOCK} WHERE id = ?", [import_id])
            db.execute(
                f"""UPDATE prompts SET removed = {CLOCK}, removed_with = :id
                    WHERE removed IS NULL AND import_id IS NOT NULL
                    AND id IN (SELECT prompt_id FROM import_prompts WHERE import_id = :id)
                    AND NOT EXISTS (SELECT 1 FROM import_prompts also JOIN imports i ON i.id = also.import_id
                                    WHERE also.prompt_id = prompts.id AND i.removed IS NULL)""",
                {"id": import_id},
            )


def restore(db: Database, import_ids: Iterable[int]) -> None:
    """Put imports back with the prompts that went out with an import; those taken out by themselves stay out.

    All of them, or none where one is unknown (NotFound) or is not taken out (BadInput).
    """
    with writing(db):
        for import_id in import_ids:
            if not get(db, import_id).removed:
                raise BadInput(f"Import {import_id} is not taken out: nothing was changed.")
            db.execute("UPDATE imports SET removed = NULL WHERE id = ?", [import_id])
            _put_back(db, import_id)


def _begin(db: Database, of: Import) -> int:
    row: Row = {"file": of.file, "sha256": of.sha256, "format": of.format}
    return insert(db, "imports", row | {"added": 0, "already_there": 0, "skipped": 0})


def _put_back(db: Database, import_id: int) -> int:
    """Put back the prompts of an import that stands, whichever import they went out with; returns how many."""
    return int(
        db.execute(
            """UPDATE prompts SET removed = NULL, removed_with = NULL WHERE removed_with IS NOT NULL
               AND id IN (SELECT prompt_id FROM import_prompts WHERE import_id = ?)""",
            [import_id],
        ).rowcount
    )


def _import(row: Row) -> Import:
    return Import(
        file=row["file"],
        sha256=row["sha256"],
        format=row["format"],
        added=row["added"],
        already_there=row["already_there"],
        skipped=row["skipped"],
        removed=row["removed"],
        id=row["id"],
        created=row["created"],
    )
