"""Imports: which file brought what, so that a whole file can be taken out again, and put back."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from store.arrivals import Arrivals
from store.db import Row, insert, writing
from store.errors import BadInput, NotFound
from store.first_tables import CLOCK
from store.formats.row import Brought
from store.records import Import

CACHE_KIB = 131_072
"""KiB of pages that SQLite holds during an import, where it holds 2,000 otherwise: rankings and prompts are looked up
by digests, which lie anywhere in the file."""


@dataclass(frozen=True)
class Added:
    """What an import did: how many rows brought something new, how many did not, and the import that they belong to.

    `prompts`, `responses` and `rankings` are new. Of the prompts that were there, `put_back` had been taken out with
    another import and count again, and `left_out` were taken out by themselves and stay so. `known` says that the
    very same bytes had been imported before.
    """

    import_id: int
    new: int
    already_there: int
    prompts: int
    responses: int
    rankings: int
    put_back: int
    left_out: int
    known: bool


def add(db: Database, of: Import, rows: Iterable[Sequence[Brought]]) -> Added:
    """Store what the rows of a file brought and the record of its import, `of`, whose counts are filled in here.

    All of it appears at once; whatever `rows` raises leaves nothing behind. The same bytes are one import: a second
    time there is no second record, and only what the first time had skipped is new. Raises BadInput where that import
    was taken out.
    """
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    with writing(db):
        known = next((_import(row) for row in db.query("SELECT * FROM imports WHERE sha256 = ?", [of.sha256])), None)
        if known and known.removed:
            raise BadInput(
                f"{of.file} is import {known.id}, which was taken out on {known.removed[:10]}: put it back with "
                f"`python launch.py imports restore {known.id}`."
            )
        import_id = known.id if known else _begin(db, of)
        brought = Arrivals(db, import_id)
        brought.add(rows)
        new, there = brought.new_rows, brought.rows - brought.new_rows
        db.execute(
            "UPDATE imports SET added = added + ?, already_there = ?, skipped = ?,"
            " responses = responses + ?, rankings = rankings + ? WHERE id = ?",
            [
                new,
                known.already_there if known else there,
                of.skipped,
                brought.new_responses,
                brought.new_rankings,
                import_id,
            ],
        )
        back = _put_back(db, import_id)
        out = db["import_prompts"].count_where(
            "import_id = ? AND prompt_id IN (SELECT id FROM prompts WHERE removed IS NOT NULL)", [import_id]
        )
        return Added(
            import_id=import_id,
            new=new,
            already_there=there,
            prompts=brought.new_prompts,
            responses=brought.new_responses,
            rankings=brought.new_rankings,
            put_back=back,
            left_out=out,
            known=known is not None,
        )


def told(db: Database, import_id: int, *, format: str, skipped: int, ignored: Iterable[str]) -> None:
    """Note what is known of a file when it has been read to its end."""
    with writing(db):
        db.execute(
            "UPDATE imports SET format = ?, skipped = ?, ignored = ? WHERE id = ?",
            [format, skipped, json.dumps(sorted(ignored)), import_id],
        )


def every(db: Database) -> list[Import]:
    """All imports in order of arrival, taken out or not."""
    return [_import(row) for row in db.query("SELECT * FROM imports ORDER BY id")]


def get(db: Database, import_id: int) -> Import:
    """One import; raises NotFound."""
    for row in db.query("SELECT * FROM imports WHERE id = ?", [import_id]):
        return _import(row)
    raise NotFound(f"There is no import {import_id}: `python launch.py imports list` shows them.")


def remove(db: Database, import_ids: Iterable[int]) -> None:
    """Take imports out with all that they brought, but for what another import also has or that was there before.

    All of them, or none where one is unknown (NotFound) or out already (BadInput), or where people's rankings or open
    tasks show its responses to a prompt that stays (BadInput): nothing that people did is left without its ground.
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
            for noun in ("response", "ranking"):
                db.execute(
                    f"""INSERT OR IGNORE INTO removed_{noun}s (id) SELECT {noun}_id FROM import_{noun}s mine
                        WHERE import_id = ? AND NOT EXISTS (
                            SELECT 1 FROM import_{noun}s also JOIN imports i ON i.id = also.import_id
                            WHERE also.{noun}_id = mine.{noun}_id AND i.removed IS NULL)""",
                    [import_id],
                )
            _check_ground(db, import_id)


def _check_ground(db: Database, import_id: int) -> None:
    """Raise BadInput where a task that came with no file shows a response that is out now, and its prompt stays."""
    resting = db.execute(
        """SELECT DISTINCT t.prompt_id FROM tasks t JOIN task_responses shown ON shown.task_id = t.id
           WHERE shown.response_id IN out_responses
           AND t.prompt_id NOT IN (SELECT id FROM prompts WHERE removed IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM rankings r JOIN import_rankings i ON i.ranking_id = r.id
                           WHERE r.task_id = t.id) ORDER BY 1"""
    ).fetchall()
    if resting:
        raise BadInput(
            f"Import {import_id} stays, for people's tasks show its responses to {len(resting)} prompts that are not "
            f"its own: take these out first, as in `python launch.py prompts remove {resting[0][0]}`."
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
    row: Row = {"file": of.file, "sha256": of.sha256, "format": of.format, "licence": of.licence}
    counts = {"added": 0, "already_there": 0, "skipped": of.skipped}
    return insert(db, "imports", row | counts)


def _put_back(db: Database, import_id: int) -> int:
    """Put back what an import has that stands, whichever import it went out with; returns how many prompts."""
    for noun in ("response", "ranking"):
        db.execute(
            f"DELETE FROM removed_{noun}s WHERE id IN (SELECT {noun}_id FROM import_{noun}s WHERE import_id = ?)",
            [import_id],
        )
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
        responses=row["responses"],
        rankings=row["rankings"],
        licence=row["licence"],
        ignored=tuple(json.loads(row["ignored"])),
        removed=row["removed"],
        id=row["id"],
        created=row["created"],
    )
