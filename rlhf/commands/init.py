"""The command `init`: check the base model, write the settings, import prompts."""

import dataclasses
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf import training
from rlhf.commands.door_options import ImportOptions
from rlhf.commands.importing import import_into
from rlhf.commands.options import InitOptions
from rlhf.commands.parse import Call
from rlhf.settings import Quantization
from rlhf.tiny import MODEL_DIR
from rlhf.tiny.prompts import ranking_prompts
from rlhf.training.base import resolve, to_convert
from store import models, permissions, prompts, workspace
from store.formats.files import known
from store.formats.reading import WHAT
from store.records import Model
from store.workspace import Workspace

if TYPE_CHECKING:
    pass

log = logging.getLogger(__name__)

HALF = 0.5
"""Share of the weights in 4 bit below which `init` says so: the model needs more memory than one would think."""


@dataclass(frozen=True)
class InitResult:
    """A new workspace: its folder, its base model, the prompts in it, and whether a plain chat template stands in.

    `quantized_share` is the part of the model's weights that is in 4 bit, where the model was tried, `sampling` what
    its own generation config says of answers, which is in workspace.toml now.
    """

    workspace: str
    base_model: str
    prompts: int
    plain_template: bool
    quantized_share: float | None
    sampling: dict[str, object]


def init(call: Call[InitOptions]) -> InitResult:
    """The command `init`: make a workspace."""
    return begin(call.workspace.folder, call.options)


def begin(folder: Path, options: InitOptions) -> InitResult:
    """Make a workspace; nothing is left behind when something is wrong with the base model or the prompts.

    Raises BadInput for a base model that is no causal chat model, for a folder in use, for a broken prompts file.
    What can be seen without the model is looked at first, since loading a tokenizer takes seconds.
    """
    workspace.check_free(folder)
    converted = to_convert(options.base_model)
    if not converted:
        resolve(options.base_model)
    if options.prompts is not None:
        known(options.prompts, WHAT)
    with workspace.claimed(folder), workspace.whole_or_gone(folder):
        if converted:
            training.gguf.convert(options.base_model, folder / "base")
        base = _look_at(str(folder / "base") if converted else options.base_model, options.quantization)
        # Relative where it lies in the workspace, so that it is found after a move.
        named = Workspace(folder).portable(base.name)
        made = workspace.create(folder, _settings_file(dataclasses.replace(base, name=named), options.quantization))
        with made.store() as db:
            models.add(db, Model("base", "policy", base.name))
        if options.prompts is not None:
            done = import_into(made, ImportOptions(options.prompts, skip_damaged=options.skip_damaged))
            for said in filter(None, (done.damaged and f"Left out: {done.damaged}.", done.note)):
                log.warning(said)
        elif base.embedded:
            fill(made)
        if options.group:
            permissions.give(folder, permissions.TEAM)
    with made.store() as db:
        count = prompts.count(db)
    return InitResult(str(folder), base.name, count, base.plain_template, base.quantized_share, base.sampling)


@dataclass(frozen=True)
class _Base:
    """A base model that was looked at: its name in workspace.toml, and what the result says of it."""

    name: str
    embedded: bool
    plain_template: bool
    quantized_share: float | None
    sampling: dict[str, object]


def _look_at(base_model: str, quantization: Quantization) -> _Base:
    """Read a base model and try it; the embedded one needs no trial."""
    path = resolve(base_model)
    chat = training.chat.Chat(base_model)
    training.chat.check_causal(base_model, path)
    if base_model == "tiny":
        return _Base(base_model, True, chat.plain, None, {})
    share = training.trial.attempt(base_model, quantization)
    if quantization == "nf4" and share < HALF:
        log.warning("Only %.0f %% of the weights of %s can be put into 4 bit.", 100 * share, base_model)
    sampling = training.pretrained.sampling_of(base_model, chat.context)
    if sampling:
        said = ", ".join(f"{key} {value:g}" for key, value in sampling.items())
        log.info("Answers are sampled as the model's generation config says: %s.", said)
    return _Base(path if Path(path).is_dir() else base_model, False, chat.plain, share, sampling)


def _settings_file(base: _Base, quantization: str) -> str:
    # JSON's strings are TOML's basic strings, so a path with quotes or backslashes is written right.
    named = json.dumps(base.name, ensure_ascii=False)
    lines = [f"[model]\nbase_model = {named}\nquantization = {json.dumps(quantization)}\n"]
    if base.sampling:
        lines += ["[sampling]", *(f"{key} = {json.dumps(value)}" for key, value in base.sampling.items())]
    if base.embedded:
        lines.append((MODEL_DIR.parent / "settings.toml").read_text())
    return "\n".join(lines).rstrip() + "\n"


def fill(into: Workspace) -> None:
    """Put the embedded prompts into a workspace; a tenth is of the eval split."""
    embedded = [
        prompts.make([{"role": "user", "content": p.text}], source="tiny", split=p.split) for p in ranking_prompts()
    ]
    with into.store() as db:
        prompts.add(db, embedded)
