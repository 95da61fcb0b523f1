"""A workspace: one folder with the store, the settings, the models and the logs."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from store.db import opened
from store.errors import BadInput, NotFound


@dataclass(frozen=True)
class Workspace:
    """`feedback.db`, `workspace.toml`, `models/`, `runs/` under one folder."""

    folder: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "feedback.db"

    @property
    def models(self) -> Path:
        """Adapters and heads, a folder a version."""
        return self.folder / "models"

    @property
    def runs(self) -> Path:
        """Logs and plots."""
        return self.folder / "runs"

    @contextmanager
    def store(self) -> Iterator[Database]:
        """A short connection to the store; raises NotFound where there is no workspace."""
        if not self.database.exists():
            raise NotFound(
                f"There is no workspace at {self.folder}: "
                f"make one with `python launch.py init --workspace {self.folder}`."
            )
        with opened(self.database) as db:
            yield db

    def settings(self) -> dict[str, Any]:
        """`workspace.toml` as tables of options; raises BadInput if it cannot be read as TOML."""
        path = self.folder / "workspace.toml"
        if not path.exists():
            return {}
        try:
            return tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as error:
            raise BadInput(f"{path} is not valid TOML ({error}): mend it, or delete it for the defaults.") from error


def create(folder: Path, settings: str) -> Workspace:
    """Make the folder, its settings and an empty store; raises BadInput if a workspace is there already."""
    workspace = Workspace(folder)
    if workspace.database.exists():
        raise BadInput(f"{folder} is a workspace already: name another with --workspace.")
    try:
        for made in (folder, workspace.models, workspace.runs):
            made.mkdir(parents=True, exist_ok=True)
        (folder / "workspace.toml").write_text(settings)
        with opened(workspace.database, create=True):
            pass
    except OSError as error:
        raise BadInput(f"{folder} cannot be written ({error.strerror}): name another with --workspace.") from error
    return workspace
