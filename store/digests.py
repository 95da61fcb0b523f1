"""What the files of a model version were when they were written, in one word, and whether they still are."""

import hashlib
from pathlib import Path

from store.errors import BadInput
from store.records import Model
from store.workspace import Workspace


def digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of all files of a folder, in order of their names.

    Lengths go before names and bytes, so that no two folders read alike.
    """
    whole = hashlib.sha256()
    for path in sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix().encode()
        whole.update(f"{len(name)} {path.stat().st_size} ".encode() + name)
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                whole.update(block)
    return whole.hexdigest()


def verify(workspace: Workspace, model: Model) -> bool:
    """Whether it can be told that a version's files are those that were written: not where no digest was noted.

    Raises BadInput where the folder is gone, or its files are others.
    """
    if model.path is None:
        return False
    folder = workspace.folder / model.path
    if not folder.is_dir():
        raise BadInput(f"{folder} with the weights of {model.name} is gone: put it back, or train the model again.")
    if model.digest is None:
        return False
    if digest(folder) != model.digest:
        raise BadInput(
            f"{folder} no longer holds the files that were written for {model.name}: put them back from a copy, or "
            "train the model again."
        )
    return True
