"""Backups of a workspace while people rank, each verified after it is written; and back from one.

A plain copy of feedback.db is no backup: the latest rankings stand in feedback.db-wal beside it. SQLite's backup API
reads both.
"""

import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sqlite_utils import Database

from store import models, permissions, rankings, responses
from store.db import writing
from store.digests import verify
from store.errors import BadInput, PlatformError, WorkError
from store.records import Json
from store.soundness import Problem, damage
from store.workspace import Workspace, appearing, claimed

LABEL = "backup.json"
"""The file of a backup that says whose it is and what it holds."""
REMEDY = "remove it, and take another backup"
PARTS = ("workspace.toml", "models", "base")
"""What is copied beside the store: all that cannot be made again from it. Logs stay behind."""


@dataclass(frozen=True)
class Backup:
    """What a backup holds: of which workspace it is, when it was made (seconds since 1970), and how many records.

    `files` has the SHA-256 of each file by its path in the backup; empty in the backups of an earlier version.
    """

    workspace: str
    made: float
    rankings: int
    responses: int
    models: int
    files: Json = field(default_factory=dict)


def identity(db: Database) -> str:
    """The random name of a workspace, by which its backups are told from another's."""
    return str(db.execute("SELECT name FROM workspace").fetchone()[0])


def backup(workspace: Workspace, to: Path | None = None, keep: int = 0) -> tuple[Path, Backup]:
    """Copy a workspace into a new folder under `to` (or its own `backups`), and verify the copy.

    With `keep`, older backups of the same workspace beside it are removed until so many are left. Raises WorkError
    where the copy is not sound, and then leaves nothing behind.
    """
    place = workspace.backups if to is None else to
    _check_place(workspace, place)
    made = time.time()
    # Sorts by time; the letters keep apart what two processes begin in one second.
    name = time.strftime("rankloop-%Y%m%d-%H%M%S", time.gmtime(made)) + f"-{secrets.token_hex(3)}"
    folder = place / name
    with (
        appearing(folder, place / f".writing-{name}") as beside,
        permissions.guarded(workspace.folder),
    ):
        beside.chmod(permissions.access_of(workspace.folder).folder)
        copy = Workspace(beside)
        _copy_store(workspace.database, copy.database)
        for part in PARTS:
            _copy(workspace.folder / part, beside / part)
        try:
            label = _look(copy, made)
        except PlatformError as error:
            what = str(error).partition(": ")[0].replace(str(beside), str(workspace.folder))
            raise WorkError(
                f"The copy is not sound and is not kept ({what}): run `python launch.py check`."
            ) from error
        label = replace(label, files=_digests(beside))
        (beside / LABEL).write_text(json.dumps(asdict(label)), encoding="utf-8")
    if keep:
        _thin_out(place, label.workspace, keep)
    return folder, label


def restore(source: Path, folder: Path) -> Backup:
    """Make a workspace of a backup, which stays what it is; verified before and after.

    Everybody has to sign in anew. Raises BadInput where there is something at `folder` already, where `source` is no
    backup, or is damaged.
    """
    label = read_label(source)
    with claimed(folder):
        if any(folder.iterdir()):
            raise BadInput(f"{folder} is not empty: name a new folder with --workspace, nothing is overwritten.")
        with appearing(folder, folder.parent / f".writing-{folder.name}-{os.getpid()}") as beside:
            _fill(Workspace(beside), source, label)
    return label


def _fill(made: Workspace, source: Path, label: Backup) -> None:
    """Copy a backup into an empty folder, which is a workspace then; raises BadInput where it is not sound."""
    _copy_store(Workspace(source).database, made.database)  # somebody may have looked into it, and left a log
    for part in PARTS:
        _copy(source / part, made.folder / part)
    made.runs.mkdir()
    made.models.mkdir(exist_ok=True)
    if _look(made, label.made) != replace(label, files={}):
        raise BadInput(f"{source} does not hold what {LABEL} says: take another backup.")
    for problem in changed(source, label):
        raise BadInput(f"{problem.what}: {problem.remedy}.")
    with made.store() as db, writing(db):  # links and cookies of another time open nothing here
        for table in ("sessions", "invitations", "tokens"):
            db.execute(f"DELETE FROM {table}")
    permissions.give(made.folder, permissions.OWNER)


def read_label(source: Path) -> Backup:
    """What a backup says of itself; raises BadInput where there is none."""
    try:
        held: Json = json.loads((source / LABEL).read_text(encoding="utf-8"))
        return Backup(**held)
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(
            f"{source} is no backup (its {LABEL} cannot be read): name a folder that `backup` made."
        ) from error


def changed(source: Path, label: Backup) -> Iterator[Problem]:
    """What of a backup is not as it was written; nothing is known of one that an earlier version made."""
    for name, sha256 in label.files.items():
        path = source / name
        if not path.is_file():
            yield Problem(f"{path} of a backup is gone", REMEDY)
        elif _digest(path) != sha256:
            yield Problem(f"{path} of a backup is not as it was written", REMEDY)


def check(place: Path) -> Iterator[Problem]:
    """What of the backups in a folder is not as it was written."""
    for folder in sorted(place.glob("rankloop-*")):
        try:
            yield from changed(folder, read_label(folder))
        except BadInput as error:
            yield Problem(str(error).partition(": ")[0], REMEDY)


def _digests(folder: Path) -> Json:
    """The SHA-256 of each file of a new backup, by its path in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _digest(path) for path in files}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _look(copy: Workspace, made: float) -> Backup:
    """Verify a copy: every page, every reference, the files of every model; raises BadInput for what is not sound."""
    for problem in damage(copy.database):
        raise BadInput(f"{problem.what}: {problem.remedy}.")
    with copy.store() as db:
        versions = models.every(db)
        label = Backup(identity(db), made, rankings.count(db), responses.count(db), len(versions))
    for version in versions:
        verify(copy, version)
    return label


def _copy_store(source: Path, to: Path) -> None:
    if not source.is_file():  # SQLite would make an empty one
        raise BadInput(f"There is no {source}: name a folder that `backup` made.")
    with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(to)) as copy:
        # In one step, which nobody has to wait for: between two steps each commit makes SQLite begin the copy anew.
        reading.backup(copy)


def _copy(source: Path, to: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, to, ignore=shutil.ignore_patterns(".writing*"))
    elif source.is_file():
        shutil.copyfile(source, to)
    elif source.exists():
        raise BadInput(f"{source} cannot be copied (no regular file): put a file there, or remove it.")


def _check_place(workspace: Workspace, place: Path) -> None:
    """Raise BadInput where a backup would be copied into itself, or cannot be written."""
    inside = [workspace.folder / part for part in PARTS]
    if any(place.resolve().is_relative_to(part.resolve()) for part in inside):
        raise BadInput(f"{place} is copied itself: name a folder outside of {', '.join(PARTS[1:])} with --to.")
    try:
        with permissions.guarded(workspace.folder):
            place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{place} cannot be written ({error.strerror}): name another folder with --to.") from error


def newest(workspace: Workspace) -> float | None:
    """When the newest backup in the workspace's folder was made (seconds since 1970); None where there is none."""
    with workspace.store() as db:
        own = identity(db)
    return max((made for made, _ in _of_workspace(workspace.backups, own)), default=None)


def _thin_out(place: Path, workspace: str, keep: int) -> None:
    """Remove the oldest backups of this workspace, until so many are left; those of others stay."""
    for _, folder in sorted(_of_workspace(place, workspace))[:-keep]:
        shutil.rmtree(folder)


def _of_workspace(place: Path, workspace: str) -> list[tuple[float, Path]]:
    """The backups of one workspace in a folder, and when each was made."""
    mine = []
    for folder in place.glob("rankloop-*"):
        try:
            label = read_label(folder)
        except BadInput:
            continue
        if label.workspace == workspace:
            mine.append((label.made, folder))
    return mine
