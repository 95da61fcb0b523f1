"""The command `models`: every version with its lineage, its adapter and its main figures; none of them is loaded."""

import json
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from rlhf.commands.parse import Call
from rlhf.settings.kinds import NoOptions
from store import evaluations, models
from store.records import Json, Model
from store.results import ModelRow, PolicyEvaluation, comparison, judgement, tuned
from store.workspace import Workspace

CONFIG = "adapter_config.json"
"""Where peft writes what an adapter was made with."""


@dataclass(frozen=True)
class ModelRows:
    """All versions, oldest first."""

    models: tuple[ModelRow, ...]


def models_table(call: Call[NoOptions]) -> ModelRows:
    """The command `models`: all versions of a workspace."""
    with call.workspace.store() as db:
        # The newest evaluation that a version was part of comes last, and stays.
        evaluated = {policy.name: policy for made in evaluations.every(db) for policy in made.policies}
        return ModelRows(tuple(_row(db, call.workspace, m, evaluated.get(m.name)) for m in models.every(db)))


def _row(db: Database, workspace: Workspace, model: Model, evaluated: PolicyEvaluation | None) -> ModelRow:
    lineage = tuple(m.name for m in models.lineage(db, model.id)[1:])
    folder = workspace.folder / model.path if model.path else None
    adapter = _adapter(folder)
    judged = judgement(model) if model.kind == "reward" and model.metrics else None
    compared, tune = comparison(model), tuned(model)
    measured = compared or tune
    forgot = measured.forgetting if measured else None
    return ModelRow(
        name=model.name,
        kind=model.kind,
        made_by=model.made_by,
        parent=lineage[0] if lineage else None,
        judge=models.get(db, model.reward_id).name if model.reward_id else None,
        promoted=models.generator(db) == model,
        rank=adapter.get("r"),
        alpha=adapter.get("lora_alpha"),
        megabytes=_megabytes(folder),
        accuracy=judged.accuracy if judged else None,
        passes=judged.passes if judged else None,
        win_rate=compared.win_rate if compared else None,
        kl=compared.kl if compared else tune.kl_reference if tune else None,
        loss=tune.loss_after if tune else None,
        forgetting=forgot.after - forgot.before if forgot else None,
        evaluated=evaluated.win_rate if evaluated else None,
        evaluated_low=evaluated.low if evaluated else None,
        evaluated_high=evaluated.high if evaluated else None,
        created=model.created,
        lineage=lineage,
        targets=tuple(sorted({name.rpartition(".")[2] for name in adapter.get("target_modules", ())})),
    )


def _adapter(folder: Path | None) -> Json:
    """What the adapter of a version was made with; nothing where that cannot be read, which `check` says."""
    try:
        told = json.loads((folder / CONFIG).read_text()) if folder else {}
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _megabytes(folder: Path | None) -> float | None:
    if folder is None or not folder.is_dir():
        return None
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
