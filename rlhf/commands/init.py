"""The commands `init` and `import`: check the base model, write the settings, import prompts."""

import dataclasses
import json
import logging
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf import training
from rlhf.commands.options import ImportOptions, InitOptions
from rlhf.commands.parse import Call
from rlhf.settings import Quantization, Settings, settings_of
from rlhf.tiny import MODEL_DIR
from rlhf.tiny.prompts import ranking_prompts
from rlhf.training.base import resolve, to_convert
from store import imports, models, permissions, prompts, workspace
from store.errors import BadInput
from store.formats import prompt_files
from store.records import Import, Model, Prompt
from store.workspace import Workspace

if TYPE_CHECKING:
    from rlhf.training.chat import Chat

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


@dataclass(frozen=True)
class ImportResult:
    """How many prompts of a file are new, were there already, and were left out as broken.

    `import_id` is what `imports` calls the file. `note` says what became of prompts that had been taken out, and of a
    file that was imported before.
    """

    imported: int
    already_there: int
    skipped: int
    import_id: int
    note: str = ""


def init(call: Call[InitOptions]) -> InitResult:
    """The command `init`: make a workspace."""
    return begin(call.workspace.folder, call.options)


def import_file(call: Call[ImportOptions]) -> ImportResult:
    """The command `import`: add the prompts of a file."""
    return import_prompts(call.workspace, call.options.file, skip_bad=call.options.skip_bad)


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
        prompt_files.check_readable(options.prompts)
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
            import_prompts(made, options.prompts, skip_bad=options.skip_bad)
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


def import_prompts(into: Workspace, file: Path, *, skip_bad: bool) -> ImportResult:
    """Store the prompts of a file: all of them, or none if a line is broken and not `skip_bad`.

    Raises BadInput with the numbers of the broken lines.
    """
    found = prompt_files.read(file, _Fit(settings_of(into)).check)
    if found.broken and not skip_bad:
        raise BadInput(
            f"Nothing was imported, for {file} has broken lines ({len(found.broken)}): {found.describe_broken()}. "
            "Mend them, or pass --skip-bad."
        )
    name = os.fsencode(file.name).decode(errors="replace")  # no folder of this machine; the name may be none in UTF-8
    of = Import(name, found.sha256, found.format, skipped=len(found.broken))
    with into.store() as db:
        done = imports.add(db, of, found.prompts)
        stored = imports.get(db, done.import_id)
    return ImportResult(done.new, done.already_there, len(found.broken), done.import_id, _note(done, stored))


def _note(done: imports.Added, stored: Import) -> str:
    """What was other than usual in an import, in sentences; empty where nothing was."""
    said = []
    if done.known:
        said.append(f"The file is import {stored.id} already, {stored.file} of {stored.created[:10]}.")
    if done.put_back:
        said.append(f"{done.put_back} prompts that were taken out with another import are back.")
    if done.left_out:
        said.append(f"{done.left_out} of its prompts are taken out and stay so: `prompts list --removed` names them.")
    return " ".join(said)


class _Fit:
    """Whether a prompt fits the context of the base model; its tokenizer is loaded for the first prompt."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def chat(self) -> "Chat":
        return training.chat.Chat(self.settings.model.base_model)

    def check(self, prompt: Prompt) -> None:
        """Raises BadInput for a prompt that leaves no room for an answer or that the template refuses."""
        answer = self.settings.sampling.max_new_tokens
        short = -self.chat.room(prompt.messages, answer)
        if short > 0:
            raise BadInput(f"{short} tokens too long for the context of {self.chat.context} with {answer} of answer")
