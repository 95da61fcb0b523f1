"""The commands that keep a workspace: is it sound, a backup of it, and back from one."""

from dataclasses import dataclass
from pathlib import Path

from rlhf.commands.options import BackupOptions, CheckOptions, RestoreOptions
from rlhf.commands.parse import Call
from rlhf.settings import settings_of
from rlhf.training.base import resolve
from store import backup as backups
from store import soundness
from store.errors import BadInput, NotFound
from store.soundness import Problem


@dataclass(frozen=True)
class CheckResult:
    """What is wrong with a workspace, each with its remedy, and what `--repair` has mended."""

    sound: bool
    problems: tuple[Problem, ...]
    repaired: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeptResult:
    """Where a backup or a restored workspace lies, and what it holds."""

    folder: str
    rankings: int
    responses: int
    models: int
    verified: bool = True


def check(call: Call[CheckOptions]) -> CheckResult:
    """The command `check`: looks at everything, and mends what is safe to mend if asked to."""
    if not call.workspace.database.exists():
        raise NotFound(f"There is no workspace at {call.workspace.folder}: name another with --workspace.")
    repaired = tuple(soundness.repair(call.workspace)) if call.options.repair else ()
    found = [*soundness.problems(call.workspace), *backups.check(call.workspace.backups), *_settings(call)]
    return CheckResult(not found, tuple(found), repaired)


def _settings(call: Call[CheckOptions]) -> list[Problem]:
    """A workspace.toml that cannot be used, or names a base model that is gone, as after a move of the workspace."""
    try:
        name = settings_of(call.workspace).model.base_model
    except BadInput as error:
        return [Problem(str(error).rstrip("."), "annotators go on with the last good one meanwhile")]
    try:
        resolve(name)
    except BadInput as error:
        # A path of an earlier version, or of another machine: the folder itself may have come along.
        own = call.workspace.folder / Path(name).name
        where = f'write base_model = "./{own.name}"' if own.is_dir() else "name where it is now as base_model"
        return [Problem(str(error).rstrip("."), f"{where} in the table [model] of workspace.toml")]
    return []


def backup(call: Call[BackupOptions]) -> KeptResult:
    """The command `backup`: a verified copy, made while people rank."""
    with call.workspace.store():  # says in words where there is none
        pass
    folder, label = backups.backup(call.workspace, call.options.to, call.options.keep)
    return KeptResult(str(folder), label.rankings, label.responses, label.models)


def restore(call: Call[RestoreOptions]) -> KeptResult:
    """The command `restore`: a workspace made of a backup; nothing is overwritten."""
    label = backups.restore(Path(call.options.backup), call.workspace.folder)
    return KeptResult(str(call.workspace.folder), label.rankings, label.responses, label.models)
