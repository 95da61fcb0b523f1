"""What every stage works in, and how it keeps what it made."""

from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlite_utils import Database

from rlhf.settings import Settings
from rlhf.training.models import RoleModel
from rlhf.training.progress import Log, Progress
from store import models
from store.records import Model
from store.workspace import Workspace


@dataclass(frozen=True)
class Context:
    """What a stage may touch: the workspace, its settings, and the job on whose behalf it runs."""

    workspace: Workspace
    settings: Settings
    job_id: int
    progress: Progress
    log: Log

    def store(self) -> AbstractContextManager[Database]:
        """A short connection; none is held while something trains."""
        return self.workspace.store()

    def load_model(self, seed: int = 0) -> RoleModel:
        """The workspace's base model with a fresh policy adapter; `seed` is that of every fresh adapter."""
        settings = self.settings.model
        return RoleModel(settings.base_model, quantization=settings.quantization, rank=settings.rank, seed=seed)


def keep(
    ctx: Context,
    model: RoleModel,
    kind: Literal["policy", "reward"],
    parent: Model | None,
    metrics: dict[str, Any],
    taught_by: int,
) -> Model:
    """Write a role to the workspace and to the store.

    `taught_by` is the id of the rating that a reward model learned from, or of the reward model that a policy did.
    """
    rewards = kind == "reward"
    with ctx.store() as db:
        made = sum(1 for m in models.every(db, kind) if m.path)
    name = f"{kind}-{made + 1}"
    folder = ctx.workspace.models / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save(kind, folder)
    record = Model(
        name,
        kind,
        ctx.settings.model.base_model,
        parent.id if parent else None,
        ctx.job_id,
        str(folder.relative_to(ctx.workspace.folder)),
        metrics,
        rating_id=taught_by if rewards else None,
        reward_id=None if rewards else taught_by,
        made_by="reward" if rewards else "ppo",
        settings=asdict(ctx.settings),
    )
    with ctx.store() as db:
        return models.get(db, models.add(db, record))
