"""Opening the SQLite file that holds everything, and writing to it so that no ranking is ever lost."""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlite_utils import Database

from store.errors import NewerWorkspace, NoDisk, NoStore, WorkError
from store.records import Json
from store.schema import migrations
from store.words import in_words, of_sqlite

Row = Json
"""One row of a table: the value of each column, by the column's name."""

_log = logging.getLogger(__name__)
# One writer at a time in a process: threads queue here, where waiting is fair and cheap, and not at SQLite's
# busy handler, which sleeps and retries.
_writer = threading.RLock()

BEGUN = ".writing-"
"""What stands between the name of a store and the process that copies it, in the name of a copy in the making."""
COPIES_KEPT = 2
"""Copies of the store from before an upgrade that stay beside it."""
LOCK_WAIT_MS = 15_000
"""Milliseconds to wait for another process's transaction before SQLite says that the file is locked.

The transactions here take milliseconds, and a few seconds where thousands of rows go to a slow disk; a writer that
waits for longer waits for a process that hangs, and it is better told so.
"""
JOB_PATIENCE = 900.0
"""Seconds that a job waits for the lock in all: a backup tool or a forgotten shell costs it time and not its work."""

Guard = Callable[[Database], None]
"""What is asked in each write transaction, before anything is written; it raises to refuse."""


class Guarded(Database):
    """A connection that asks its guard, and that waits for `patience` seconds where another program has the lock."""

    guard: Guard | None = None
    patience = 0.0


@contextmanager
def opened(path: Path | str, *, create: bool = False, guard: Guard | None = None) -> Iterator[Database]:
    """A connection to the store, closed at the end; a file of an earlier version is brought up to date first.

    It is in WAL mode (readers do not wait for the writer), refuses references that lead nowhere, and has every commit
    on disk before it returns. A connection with a `guard` writes for a job, which is hours of work: it waits for a
    lock that is held far longer than a person would.

    Raises NoStore where there is no file (unless `create`) or it is no store, NewerWorkspace where the file knows
    migrations that this version does not, NoDisk where there is no room to write one, WorkError
    where an earlier version left a reference that leads nowhere. Whatever is done inside raises NoDisk, Locked or
    Damaged where the file cannot be read or written.
    """
    path = Path(path)
    if not create and not path.exists():
        raise NoStore(f"There is no workspace at {path.parent}: make one with `python launch.py init`.")
    if path.exists() and not path.is_file():  # SQLite would wait for ever for what a named pipe has to say
        raise NoStore(f"{path} is not a store (no regular file): name another folder with --workspace.")
    db = _connect(path)
    if guard:
        db.guard, db.patience = guard, JOB_PATIENCE
    try:
        yield db
    except sqlite3.Error as error:
        raise of_sqlite(error, path) or error from error
    finally:
        db.close()


def _connect(path: Path) -> Guarded:
    db = None
    try:
        # A Database belongs to the thread that made it, so nothing here is cached or shared.
        db = Guarded(str(path))
        db.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_MS}")
        # Off while a migration makes a table anew: dropping the old one would delete its rows one by one, and each
        # would be refused for the rows that point at it. _migrate checks every reference before it commits.
        db.execute("PRAGMA foreign_keys = OFF")
        _migrate(db, path)
        db.execute("PRAGMA foreign_keys = ON")
        # Some builds of SQLite have NORMAL as their default in WAL mode, which may lose the last commits, so rankings
        # that people gave, when the power fails.
        db.execute("PRAGMA synchronous = FULL")
    except BaseException as error:
        if db is not None:
            db.close()
        if isinstance(error, sqlite3.DatabaseError):
            foreign = NoStore(f"{path} is not a store ({error}): name another folder with --workspace.")
            raise of_sqlite(error, path) or foreign from error
        raise
    return db


def _migrate(db: Database, path: Path) -> None:
    known = {m.name for m in migrations._migrations}
    applied = _applied(db)
    if newer := sorted(applied - known):
        raise NewerWorkspace(
            f"{path} was written by a newer version (it has {newer[-1]}, which this one does not know): "
            "upgrade this installation."
        )
    if applied == known:  # nearly always: no lock is taken
        return
    if not applied:  # a new file; the mode stays with the file, and cannot be changed inside a transaction
        db.execute("PRAGMA journal_mode = WAL")
    else:
        _copy_before(db, path, min(known - applied))
    with writing(db):  # all or none: a crash half-way leaves the file as the earlier version wrote it
        migrations.apply(db)
        _check_references(db, path)


def _applied(db: Database) -> set[str]:
    """The migrations that a file has had; asked plainly, since sqlite_utils asks for all tables first, each time."""
    try:
        rows = db.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = ?", [migrations.name]).fetchall()
    except sqlite3.OperationalError as error:
        if "no such" not in str(error):
            raise
        return {migration.name for migration in migrations.applied(db)}  # a new file, or one that is no store
    return {name for (name,) in rows}


def _copy_before(db: Database, path: Path, migration: str) -> None:
    """Copy a file of an earlier version beside itself before it is changed, and keep the last `COPIES_KEPT` of these.

    Raises NoDisk where there is no room for it, Locked or Damaged where the store cannot be read: then nothing is
    changed.
    """
    copy = path.with_name(f"{path.name}.before-{migration.partition('_')[0]}")
    beside = path.with_name(f"{path.name}{BEGUN}{os.getpid()}")
    try:
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, path.stat().st_mode & 0o777))
        with closing(sqlite3.connect(beside)) as written:
            db.conn.backup(written)
            known = {row[0] for row in written.execute("SELECT name FROM _sqlite_migrations")}
        if migration in known:  # another process was quicker, and has made its own copy
            beside.unlink()
            return
        os.replace(beside, copy)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        told = (of_sqlite(error, path) if isinstance(error, sqlite3.Error) else in_words(error)) or WorkError()
        what = f"there is no room for a copy of it first ({error}); nothing was changed: free disk space."
        if not isinstance(told, NoDisk):
            what = f"it could not be copied beside itself first, so nothing was changed ({str(told) or error})."
        raise type(told)(f"{path} has to be brought up to date, and {what}") from error
    _log.info("%s is brought up to date; as it was before it is kept in %s.", path, copy.name)
    for old in sorted(path.parent.glob(f"{path.name}.before-*"))[:-COPIES_KEPT]:
        old.unlink(missing_ok=True)


def begun(path: Path) -> list[Path]:
    """Copies from before an upgrade that were begun beside a store and never took their place."""
    return sorted(path.parent.glob(f"{path.name}{BEGUN}*"))


def _check_references(db: Database, path: Path) -> None:
    """Raises WorkError, so that the caller's transaction is undone, if a row points at a row that is not there."""
    broken = db.execute("PRAGMA foreign_key_check").fetchall()
    if broken:
        table, row, target, _ = broken[0]  # row is None in a table without row ids
        raise WorkError(
            f"{path} was not brought up to date, nothing was changed: {len(broken)} references lead nowhere "
            f"(as in {table}, row {row}: there is no such row in {target}): mend or restore the file."
        )


@contextmanager
def writing(db: Database) -> Iterator[Database]:
    """A write transaction that takes its lock at once; commits at the end, rolls back on any exception.

    BEGIN IMMEDIATE, because a deferred transaction that reads and then writes fails at once under contention.
    Raises NoDisk when the disk is full or the file cannot be written, Locked when another process holds the file for
    longer than `LOCK_WAIT_MS`, Damaged when a page of it cannot be read.
    """
    with _writer:
        if db.conn.in_transaction:  # nested: part of the outer transaction
            yield db
            return
        try:
            _begin(db)
            yield db
            db.conn.execute("COMMIT")
        except sqlite3.Error as error:
            _rollback(db)
            raise of_sqlite(error) or error from error
        except BaseException:
            _rollback(db)
            raise


def _begin(db: Database) -> None:
    """Take the write lock, and ask the connection's guard whether it may still write."""
    deadline = time.monotonic() + (db.patience if isinstance(db, Guarded) else 0.0)
    while not db.conn.in_transaction:
        try:
            db.conn.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
    if isinstance(db, Guarded) and db.guard:
        db.guard(db)


def insert(db: Database, table: str, row: Row) -> int:
    """Insert one row, inside the transaction that the caller has begun; returns its id."""
    marks = ", ".join("?" * len(row))
    done = db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    return int(done.lastrowid or 0)


def sql_list(words: Iterable[str]) -> str:
    """Words as a list in SQL, to stand after IN: `('gold', 'repeat')`."""
    return "(" + ", ".join("'" + word.replace("'", "''") + "'" for word in words) + ")"


def _rollback(db: Database) -> None:
    if db.conn.in_transaction:
        db.conn.execute("ROLLBACK")
