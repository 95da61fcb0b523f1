"""What every stage is given (`Context`), how it keeps a model (`keep`), and what it returns (`Made`)."""

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from sqlite_utils import Database

from rlhf import training
from rlhf.settings import ModelConfig, Settings
from rlhf.training.progress import OnLog, OnProgress
from store import models
from store.db import writing
from store.digests import digest, verify
from store.leases import Fence
from store.records import Json, Model
from store.results import as_json
from store.workspace import Workspace, appearing

if TYPE_CHECKING:
    from rlhf.training.models import RoleModel, Voice

Record = TypeVar("Record", covariant=True)


@dataclass(frozen=True)
class Made(Generic[Record]):
    """What a stage made, or found made already: then `skipped` says why nothing was done."""

    record: Record
    skipped: str = ""


OnMade = Callable[[Database, object], None]
"""Called with the product of a stage in the very transaction that stores it."""


def not_noted(db: Database, product: object) -> None:
    """Note nothing: the product is a part of what the job is to make, or there is no job."""


class Base:
    """The base model in memory, for the stages of one job: the first that asks loads it, the others take it over."""

    def __init__(self) -> None:
        self._loaded: tuple[ModelConfig, RoleModel] | None = None

    def fresh(self, config: ModelConfig, seed: int) -> "RoleModel":
        """The base with a fresh policy adapter, to the bit as if it were loaded anew.

        It is one and the same object each time: whoever asked before can no longer use it.
        """
        if self._loaded and self._loaded[0] == config:
            model = self._loaded[1]
            model.restart(seed)
            return model
        self._loaded = None  # before another is loaded: there may be no room for both
        model = training.models.RoleModel(**dataclasses.asdict(config), seed=seed)
        self._loaded = config, model
        return model


@dataclass(frozen=True)
class Context:
    """What a stage may touch: the workspace, its settings, and the job on whose behalf it runs.

    `lease` is the number under which the job is done, 0 where no job is: it goes with each write. A stage calls
    `made` with what it will return, inside the transaction that stores it: then a job that is killed and started
    again has either made nothing, or knows what it has made. `base` is shared by the contexts that are made of this
    one with `dataclasses.replace`.
    """

    workspace: Workspace
    settings: Settings
    job_id: int
    progress: OnProgress
    log: OnLog
    lease: int = 0
    made: OnMade = not_noted
    base: Base = field(default_factory=Base)

    def store(self) -> AbstractContextManager[Database]:
        """A short connection; none is held while something trains.

        Its writes raise Cancelled or Superseded once this process does the job no longer.
        """
        return self.workspace.store(Fence(self.job_id, self.lease) if self.lease else None)

    def load_model(self, seed: int = 0) -> "RoleModel":
        """The workspace's base model with a fresh policy adapter; `seed` is that of every fresh adapter.

        The base is read once a job. A stage calls this once, for the next call takes all adapters off.
        """
        return self.base.fresh(self.settings.model, seed)

    def load_role(self, model: "RoleModel", version: Model) -> None:
        """Put the weights of a stored version into its role; nothing happens for the base, which has no adapter.

        Raises BadInput where its files are gone, or others than were written.
        """
        if version.path:
            model.load("reward" if version.kind == "reward" else "policy", self._files(version))

    def load_version(self, model: "RoleModel", version: Model) -> "Voice":
        """Read a policy beside the roles and other versions, where it is not there yet; returns what it speaks as.

        The base has no adapter and speaks as itself. Raises BadInput as `load_role` does.
        """
        if not version.path:
            return "base"
        voice = training.models.Version(f"version-{version.id}")
        if not model.has(voice):
            model.load(voice, self._files(version))
        return voice

    def _files(self, version: Model) -> Path:
        """The folder of a version, looked at before its weights are read."""
        verify(self.workspace, version)
        return self.workspace.folder / str(version.path)

    def tables(self, *names: str) -> Json:
        """Some settings tables as they are stored with what they made."""
        return {name: as_json(getattr(self.settings, name)) for name in names}


def same_settings(stored: Mapping[str, object], now: Mapping[str, object]) -> bool:
    """Whether what was made with `stored` would be made with the same settings now.

    A setting that only one side knows does not count: an upgrade that brings a setting makes nothing anew.
    """
    return all(_same(value, now[name]) for name, value in stored.items() if name in now)


def _same(stored: object, now: object) -> bool:
    if isinstance(stored, Mapping) and isinstance(now, Mapping):
        return same_settings(stored, now)
    return stored == now


def keep(ctx: Context, model: "RoleModel", made: Model) -> Model:
    """Write a role to the workspace, and its record, which gets its name and path here, to the store.

    The record is what the job was to make: it is noted with it.
    """
    written = write(ctx, model, made)
    with ctx.store() as db, writing(db):
        stored = record(db, written)
        ctx.made(db, Made(stored))
    return stored


def write(
    ctx: Context, model: "RoleModel", made: Model, *, beside: Callable[[Path], None] = lambda folder: None
) -> Model:
    """Write a role to the workspace; returns its record with path and digest, which `record` stores.

    `beside` writes what else belongs into its folder.
    Its folder is named after the job, which alone may write there: before the record is stored it belongs to no
    version, and a job that was killed and starts again puts its own in that place.
    """
    with ctx.store() as db:
        before = sum(1 for m in models.every(db, made.kind) if m.job_id == ctx.job_id)
    name = f"{made.kind}-job{ctx.job_id}" + (f"-{before + 1}" if before else "")  # a loop makes several
    folder = ctx.workspace.models / name
    with appearing(folder, ctx.workspace.models / f".writing-{name}") as begun:
        model.save("reward" if made.kind == "reward" else "policy", begun)
        beside(begun)
        files = digest(begun)
    path = str(folder.relative_to(ctx.workspace.folder))
    base_model = ctx.settings.model.base_model
    return dataclasses.replace(made, path=path, digest=files, job_id=ctx.job_id, base_model=base_model)


def record(db: Database, written: Model) -> Model:
    """Store the record of a model whose files are written, under the next name that is free; returns it."""
    with writing(db):
        name = models.next_name(db, written.kind)
        return models.get(db, models.add(db, dataclasses.replace(written, name=name)))
