"""A policy of the workspace as a folder that other tools load, with a card."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlhf import training
from rlhf.exports import files, gguf, hub, model_card
from rlhf.settings import settings_of
from store import models
from store.digests import verify
from store.errors import BadInput
from store.workspace import Workspace, appearing


@dataclass(frozen=True)
class Asked:
    """How a model goes out: merged or as an adapter, as GGUF too, and to which repository of the hub."""

    merged: bool = False
    gguf: bool = False
    push_to_hub: str | None = None


@dataclass(frozen=True)
class ExportedModel:
    """Where the folder is, what is in it, and what is left to do."""

    to: str
    model: str
    form: str
    base: str
    megabytes: float
    gguf: str = ""
    hub: str = ""
    note: str = ""


def model(workspace: Workspace, versions: Sequence[str], to: Path, asked: Asked) -> ExportedModel:
    """Write one policy into a new folder.

    Raises BadInput where something is there already, for a version that has no adapter or whose files are not as they
    were written, and where the hub cannot be reached.
    """
    if len(versions) > 1:
        raise BadInput(f"{len(versions)} versions are named and one goes out at a time: name one.")
    files.check_free(to)
    if asked.push_to_hub:
        hub.check_reachable()
    base_model = settings_of(workspace).model.base_model
    with workspace.store() as db:
        (version,) = models.speakers(db, versions)
    if version.path is None:
        raise BadInput(f"{version.name} is the base model itself, {base_model}: there is no adapter to export.")
    verify(workspace, version)
    whole = asked.merged or asked.gguf
    with appearing(to, to.with_name(f".writing-{to.name}")) as beside:
        write = training.elsewhere.merged if whole else training.elsewhere.adapter
        written = write(workspace.folder / version.path, base_model, beside)
        told = model_card.usage(
            asked.push_to_hub or to.name, merged=whole, base=written.base, stop_ids=written.stop_ids
        )
        with workspace.store() as db:
            text = model_card.card(db, version, base=written.base_name, merged=whole, usage=told)
        (beside / "README.md").write_text(text, encoding="utf-8")
    made, note = gguf.convert(to, version.name) if asked.gguf else ("", "")
    pushed = hub.push(to, asked.push_to_hub) if asked.push_to_hub else ""
    size = sum(file.stat().st_size for file in to.rglob("*") if file.is_file()) / 1e6
    form = "merged, bf16" if whole else "adapter"
    return ExportedModel(str(to), version.name, form, written.base_name, size, made, pushed, note)
