"""Whether a workspace is sound: its store, its models, its files; what is not, and how to mend each."""

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from store import leases, models, permissions
from store.called import as_called
from store.db import begun
from store.digests import verify
from store.errors import BadInput, PlatformError
from store.workspace import Workspace

SHOWN = 5
"""How many lines of one kind are shown."""
RESTORE = "restore a backup with `python launch.py restore FOLDER --workspace NEW`"


@dataclass(frozen=True)
class Problem:
    """Something that is not sound: what, and what to do about it."""

    what: str
    remedy: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "remedy", as_called(self.remedy))


def problems(workspace: Workspace) -> Iterator[Problem]:
    """All that is wrong with a workspace; only looks."""
    damaged = list(damage(workspace.database))
    yield from damaged
    yield from _open_to_others(workspace)
    yield from _leftovers(workspace)
    if not damaged:
        yield from _records(workspace)


def repair(workspace: Workspace) -> list[str]:
    """Mend what can be mended without losing anything; returns what was done, in words."""
    done = []
    if any("index" in problem.what for problem in damage(workspace.database)):
        with workspace.store() as db:
            db.execute("REINDEX")
        done.append("made every index anew")
    if loose := permissions.loose(workspace.folder):
        left = permissions.tighten(loose, workspace.folder)
        done.append(f"kept other accounts out of {len(loose) - len(left)} files and folders")
    unfinished = _unfinished(workspace)
    if unfinished:
        with workspace.store() as db:
            busy = leases.owner(db)
        if busy is None:  # else one of them may be in the making
            for folder in unfinished:
                shutil.rmtree(folder, ignore_errors=True)
            done.append(f"removed {len(unfinished)} folders that a killed process left half written")
    return done


def damage(database: Path) -> Iterator[Problem]:
    """What is wrong with the file of a store itself; read without the project's own connection, which refuses it."""
    if not database.is_file():  # SQLite would wait for ever for what a named pipe has to say
        yield Problem(f"{database} is no regular file", RESTORE)
        return
    try:
        raw = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        yield Problem(f"{database} cannot be opened ({error})", RESTORE)
        return
    try:
        told = [str(row[0]) for row in raw.execute(f"PRAGMA integrity_check({SHOWN})")]
        for line in told if told != ["ok"] else ():
            index = "index" in line
            remedy = "run `python launch.py check --repair`, which makes the indexes anew" if index else RESTORE
            yield Problem(f"{database} is damaged ({' '.join(line.split())})", remedy)
        broken = raw.execute("PRAGMA foreign_key_check").fetchall()
        for table, row, target, _ in broken[:SHOWN]:
            yield Problem(f"{database}: row {row} of {table} names a row of {target} that is not there", RESTORE)
    except sqlite3.Error as error:
        yield Problem(f"{database} is damaged ({error})", RESTORE)
    finally:
        raw.close()


def _open_to_others(workspace: Workspace) -> Iterator[Problem]:
    loose = permissions.loose(workspace.folder)
    if loose and loose[0] == workspace.folder:
        yield Problem(
            f"other accounts of this machine can look into {workspace.folder}",
            "run `python launch.py check --repair`",
        )


def _unfinished(workspace: Workspace) -> list[Path]:
    """Folders of models that were begun beside their place and never took it."""
    return list(workspace.models.glob(".writing*"))


def _leftovers(workspace: Workspace) -> Iterator[Problem]:
    if unfinished := _unfinished(workspace):
        yield Problem(
            f"{len(unfinished)} half-written folders lie about, such as {unfinished[0]}",
            "run `python launch.py check --repair` while no job runs",
        )
    for copy in begun(workspace.database):
        yield Problem(
            f"{copy} is a copy from before an upgrade that was broken off",
            "remove it, unless a command is bringing the store up to date now",
        )
    for folder in workspace.backups.glob(".writing*"):
        yield Problem(f"{folder} is a backup that was broken off", "remove it, unless it is being made now")


def _records(workspace: Workspace) -> Iterator[Problem]:
    """What the store says against what lies in the folder, and against itself."""
    try:
        with workspace.store() as db:
            versions = models.every(db)
            strays = db.execute(
                "SELECT r.id FROM rankings r, json_each(r.levels) level WHERE NOT EXISTS (SELECT 1"
                " FROM task_responses WHERE task_id = r.task_id AND response_id = CAST(level.key AS INTEGER))"
                " GROUP BY r.id"
            ).fetchall()
    except PlatformError as error:
        yield Problem(str(error).rstrip("."), RESTORE)
        return
    if strays:
        yield Problem(
            f"{len(strays)} rankings rank responses that their task did not show, the first is {strays[0][0]}",
            RESTORE,
        )
    for version in versions:
        try:
            verify(workspace, version)
        except BadInput as error:
            what, _, remedy = str(error).partition(": ")
            yield Problem(what, remedy.rstrip(".") or RESTORE)
    known = {workspace.folder / version.path for version in versions if version.path}
    for folder in sorted(workspace.models.iterdir()) if workspace.models.is_dir() else ():
        if folder.is_dir() and folder not in known and not folder.name.startswith("."):
            yield Problem(f"{folder} belongs to no model", "remove it, unless a job is writing it now")
