"""The commands `init` and `import`: check the base model, write the settings, import prompts."""

import json
import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf import training
from rlhf.commands.options import ImportOptions, InitOptions
from rlhf.commands.parse import Call
from rlhf.settings import Settings, settings_of
from rlhf.tiny import MODEL_DIR
from rlhf.tiny.prompts import ranking_prompts
from rlhf.training.base import resolve
from store import models, prompts, workspace
from store.errors import BadInput
from store.formats import prompt_files
from store.records import Model, Prompt
from store.workspace import Workspace

if TYPE_CHECKING:
    from rlhf.training.chat import Chat

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InitResult:
    """A new workspace: its folder, its base model, how many prompts are in it, and whether the base model had no chat
    template, so that a plain one is used."""

    workspace: str
    base_model: str
    prompts: int
    plain_template: bool


@dataclass(frozen=True)
class ImportResult:
    """How many prompts of a file are new, were there already, and were left out as broken."""

    imported: int
    already_there: int
    skipped: int


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
    path = resolve(options.base_model)
    if options.prompts is not None:
        prompt_files.check_readable(options.prompts)
    embedded = options.base_model == "tiny"
    named = path if Path(path).is_dir() and not embedded else options.base_model
    chat = training.chat.Chat(options.base_model)
    training.chat.check_causal(options.base_model, path)
    with workspace.whole_or_gone(folder):
        made = workspace.create(folder, _settings_file(named, options.quantization, embedded))
        with made.store() as db:
            models.add(db, Model("base", "policy", named))
        if options.prompts is not None:
            import_prompts(made, options.prompts, skip_bad=options.skip_bad)
        elif embedded:
            fill(made)
    with made.store() as db:
        return InitResult(str(folder), named, prompts.count(db), chat.plain)


def _settings_file(base_model: str, quantization: str, embedded: bool) -> str:
    # JSON's strings are TOML's basic strings, so a path with quotes or backslashes is written right.
    named = json.dumps(base_model, ensure_ascii=False)
    head = f"[model]\nbase_model = {named}\nquantization = {json.dumps(quantization)}\n"
    tuned = (MODEL_DIR.parent / "settings.toml").read_text() if embedded else ""
    return f"{head}\n{tuned}".rstrip() + "\n"


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
    with into.store() as db:
        before = prompts.count(db)
        prompts.add(db, found.prompts)
        new = prompts.count(db) - before
    return ImportResult(new, len(found.prompts) - new, len(found.broken))


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
