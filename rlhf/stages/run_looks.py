"""The policy at each look of a PPO run, kept beside the one that the run ended with: how the reward was optimised.

With `[ppo] keep_looks` they lie in the version's own folder, so they are under its digest and go where it goes. They
are no versions: nothing is trained on from them, nobody ranks them, and only `evaluate` reads them, by the names
`policy-1@5` (step 5) and `policy-1@all`.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf import training
from store.errors import NotFound
from store.models import LOOK
from store.records import Model
from store.workspace import Workspace

if TYPE_CHECKING:
    import torch

    from rlhf.training.models import RoleModel

ALL = "all"
FOLDER = "looks"


def keep_looks(model: "RoleModel", weights: "Mapping[int, Sequence[torch.Tensor]]", folder: Path) -> None:
    """Write the looks of a run into the folder of its policy, before that takes its place."""
    training.looks.save_looks(model, weights, folder / FOLDER)


def is_look(version: Model) -> bool:
    """Whether this is no version, but the policy at a look."""
    return LOOK in version.name


def age(version: Model) -> tuple[int, float]:
    """By which versions are put in order, the looks of a run before what it ended with."""
    return version.id, float(version.name.partition(LOOK)[2] or math.inf)


def looks_of(workspace: Workspace, policy: Model, which: str) -> list[Model]:
    """The policy at a step of its run, or at `all` that were kept, as versions to load; raises NotFound."""
    folder = workspace.folder / (policy.path or "") / FOLDER
    steps = sorted(int(path.name.partition("-")[2]) for path in folder.glob("step-*")) if policy.path else []
    if not steps:
        raise NotFound(f"{policy.name} has no looks: keep them with `python launch.py ppo --keep-looks`.")
    chosen = steps if which == ALL else [step for step in steps if str(step) == which]
    if not chosen:
        known = ", ".join(map(str, steps))
        raise NotFound(f"{policy.name} has no look at step {which}: name one of {known}, or {ALL}.")
    return [_look(workspace, policy, folder, step) for step in chosen]


def _look(workspace: Workspace, policy: Model, folder: Path, step: int) -> Model:
    path = (folder / f"step-{step}").relative_to(workspace.folder)
    # The digest is that of the whole version, which holds this folder too.
    return dataclasses.replace(policy, name=f"{policy.name}{LOOK}{step}", path=str(path), digest=None)
