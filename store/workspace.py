"""A workspace: one folder with the store, the settings, the models and the logs."""

import fcntl
import os
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from store import permissions
from store.db import Guard, opened
from store.errors import BadInput, NoStore
from store.records import Json


@dataclass(frozen=True)
class Workspace:
    """A folder with `feedback.db`, `workspace.toml`, `models/` and `runs/` in it."""

    folder: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "feedback.db"

    @property
    def models(self) -> Path:
        """The folder of the trained weights (adapters and heads): in it a folder for each model version."""
        return self.folder / "models"

    @property
    def runs(self) -> Path:
        """The folder of the jobs' logs, and of the pictures that commands draw."""
        return self.folder / "runs"

    @property
    def backups(self) -> Path:
        """The folder of the backups that were told no other place."""
        return self.folder / "backups"

    @property
    def invitation(self) -> Path:
        """The file with the token of the annotators' invitation, which `serve` prints at each start."""
        return self.folder / "annotators.invitation"

    def located(self, name: str) -> str:
        """Where a folder is that a setting names: `./` and `../` begin at the workspace, wherever that lies."""
        return str((self.folder / name).resolve()) if name.startswith(("./", "../")) else name

    def portable(self, name: str) -> str:
        """A folder as a setting names it, so that it is found after a move where it lies in the workspace."""
        whole, here = Path(name), self.folder.resolve()
        inside = whole.is_absolute() and whole.is_relative_to(here)
        return f"./{whole.relative_to(here).as_posix()}" if inside else name

    @contextmanager
    def store(self, guard: Guard | None = None) -> Iterator[Database]:
        """A connection to the store, to be held for a short while; raises NoStore where there is no workspace.

        Each of its write transactions asks the `guard` first, where there is one.
        """
        if not self.database.exists():
            raise NoStore(
                f"There is no workspace at {self.folder}: "
                f"make one with `python launch.py init --workspace {self.folder}`."
            )
        with opened(self.database, guard=guard) as db:
            yield db

    def settings(self) -> Json:
        """`workspace.toml` as tables of options; raises BadInput if it cannot be read as TOML."""
        path = self.folder / "workspace.toml"
        if not path.exists():
            return {}
        if not path.is_file():
            raise BadInput(f"{path} is no regular file: put a file there, or delete it for the defaults.")
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:  # TOMLDecodeError or UnicodeDecodeError
            raise BadInput(f"{path} is not valid TOML ({error}): mend it, or delete it for the defaults.") from error


def check_free(folder: Path) -> None:
    """Raise BadInput if a folder is a workspace already."""
    if Workspace(folder).database.exists() or (folder / "workspace.toml").exists():
        raise BadInput(f"{folder} is a workspace already: name another with --workspace.")


def create(folder: Path, settings: str) -> Workspace:
    """Make the folder, its settings and an empty store, which its owner alone can read.

    Raises BadInput if a workspace is there already.
    """
    check_free(folder)
    workspace = Workspace(folder)
    try:
        with whole_or_gone(folder), permissions.guarded(folder):
            folder.mkdir(parents=True, exist_ok=True)
            # First, so that nobody looks in meanwhile, and by itself, since the folder may have been there.
            folder.chmod(permissions.OWNER.folder)
            for made in (workspace.models, workspace.runs):
                made.mkdir(exist_ok=True)
            (folder / "workspace.toml").write_text(settings, encoding="utf-8")
            with opened(workspace.database, create=True):
                pass
            permissions.give(folder, permissions.OWNER)
    except OSError as error:
        raise BadInput(f"{folder} cannot be written ({error.strerror}): name another with --workspace.") from error
    return workspace


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """A folder in which nobody else is making a workspace meanwhile; it is made here if it is not there.

    It is gone again where something fails and nothing is in it. Raises BadInput if it is a workspace already, or if
    somebody else is making one in it.
    """
    check_free(folder)
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise BadInput(f"{folder} cannot be written ({error.strerror}): name another with --workspace.") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held by the process: a crash gives it back
        check_free(folder)
        yield
    except BlockingIOError as error:
        raise BadInput(f"Another process is making a workspace in {folder}: name another folder.") from error
    except BaseException:
        if made and not any(folder.iterdir()):
            folder.rmdir()
        raise
    finally:
        os.close(held)


@contextmanager
def whole_or_gone(folder: Path) -> Iterator[None]:
    """If anything fails inside, remove what was put into the folder meanwhile, and the folder if it was not there."""
    before = set(folder.iterdir()) if folder.is_dir() else None
    try:
        yield
    except BaseException:
        if before is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            for path in set(folder.iterdir()) - before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


@contextmanager
def appearing(folder: Path, beside: Path) -> Iterator[Path]:
    """A new folder to fill at `beside`; at the end its files are on disk, and it takes the place of `folder`, whole.

    Whatever a killed process left at either place is removed: nothing may know of it. If anything fails inside,
    nothing appears.
    """
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        yield beside
        for path in (*beside.rglob("*"), beside):
            _sync(path)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(beside, folder)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
