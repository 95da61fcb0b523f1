"""Who may read a workspace: its owner alone, or, where it was made for a team, the group of its folder as well.

A workspace holds password hashes, what people wrote and what they prefer, so other accounts of the machine are kept
out. What a folder is for is told by its own mode: the set-group-id bit with all rights of the group is a team's.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Access:
    """The modes of a workspace's folders and files, and the bits that none of them may have."""

    folder: int
    file: int

    @property
    def forbidden(self) -> int:
        """The rights that nobody beyond may have; as a umask it makes every new file right."""
        return ~self.folder & 0o777


OWNER = Access(0o700, 0o600)
TEAM = Access(0o2770, 0o660)
"""With the set-group-id bit what is made inside belongs to the folder's group, whoever makes it."""

OWN = (
    "feedback.db*",
    "workspace.toml",
    "annotators.invitation*",
    "webhooks.secret",
    "models",
    "runs",
    "base",
    "backups",
)
"""What the workspace itself puts into its folder, as patterns; what else lies there is somebody's own affair."""


def access_of(folder: Path) -> Access:
    """For whom a workspace is, as its folder's mode tells; for its owner where there is no folder yet."""
    team = folder.is_dir() and folder.stat().st_mode & TEAM.folder & ~OWNER.folder == TEAM.folder & ~OWNER.folder
    return TEAM if team else OWNER


def give(folder: Path, access: Access) -> None:
    """Set the modes of the folder and of all that is the workspace's own in it."""
    for path in owned(folder):
        with suppress(FileNotFoundError):  # a log of SQLite's comes and goes
            path.chmod(access.folder if path.is_dir() else access.file)


def loose(folder: Path) -> list[Path]:
    """What more people can read or write than the workspace is for: the folder itself first."""
    forbidden = access_of(folder).forbidden
    return [path for path in owned(folder) if _mode(path) & forbidden]


def exposed(folder: Path) -> bool:
    """Whether others come into the folder at all: where they do not, no mode inside matters to them."""
    return bool(_mode(folder) & access_of(folder).forbidden)


def tighten(paths: list[Path], folder: Path) -> list[Path]:
    """Take the rights of everybody else from these paths of a workspace; returns those that are another account's."""
    forbidden, left = access_of(folder).forbidden, []
    for path in paths:
        try:
            path.chmod(_mode(path) & ~forbidden)
        except PermissionError:
            left.append(path)
        except FileNotFoundError:
            pass
    return left


def owned(folder: Path) -> Iterator[Path]:
    """The folder and everything in it that the workspace itself made; links are not followed."""
    yield folder
    for pattern in OWN:
        for top in folder.glob(pattern):
            if not top.is_symlink():
                yield top
            if top.is_dir() and not top.is_symlink():
                yield from (path for path in top.rglob("*") if not path.is_symlink())


def _mode(path: Path) -> int:
    """The mode of a path; 0 where it is gone by now."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return 0


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """What this process and its children make inside can be read only by those whom the workspace is for."""
    before = os.umask(access_of(folder).forbidden)
    try:
        yield
    finally:
        os.umask(before)
