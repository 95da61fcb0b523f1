"""The command `import`: what a file holds into the workspace, all of it or nothing."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from rlhf import training
from rlhf.commands.door_options import ImportOptions
from rlhf.commands.parse import Call
from rlhf.settings import Settings, settings_of
from store import imports, prompts
from store.db import writing
from store.errors import BadInput
from store.formats.files import OnBytes
from store.formats.reading import Reading
from store.records import Import, Message, Prompt
from store.workspace import Workspace

if TYPE_CHECKING:
    from rlhf.training.chat import Chat

SHOW_FROM = 4_000_000
"""Bytes of a file from which on a bar shows how far it is read: about a second's work."""
TOKENS_OF_A_CHARACTER = 8
"""More than any tokenizer makes of one character that is not ASCII; of one that is, it makes one at most."""


@dataclass(frozen=True)
class ImportResult:
    """How many rows of a file brought something new, how many nothing, and how many were left out as damaged.

    `prompts`, `responses` and `rankings` are new ones; `format` is how the rows were read, `ignored` are columns that
    nobody read, `damaged` names the rows that were left out. `import_id` is what `imports` calls the file. `note`
    says what became of prompts that had been taken out, of a file that was imported before, and what is lacking.
    """

    imported: int
    already_there: int
    skipped: int
    ignored: list[str]
    format: str
    prompts: int
    responses: int
    rankings: int
    import_id: int
    damaged: str = ""
    note: str = ""


def import_file(call: Call[ImportOptions]) -> ImportResult:
    """The command `import`: add what a file holds."""
    return import_into(call.workspace, call.options)


def import_into(into: Workspace, options: ImportOptions) -> ImportResult:
    """Store what a file holds: all of it, or nothing where a row is damaged and `skip_damaged` is not set.

    Raises BadInput with the numbers of the damaged rows.
    """
    file = options.file
    with _bar(file) as on_bytes:
        reading = Reading(
            file,
            format=options.format,
            check=_Fit(settings_of(into)).check,
            fold_system=options.fold_system,
            on_bytes=on_bytes,
        )
        of = Import(reading.name, reading.sha256, "", licence=options.licence)
        with into.store() as db, writing(db):
            done = imports.add(db, of, reading.items(skip_damaged=options.skip_damaged))
            skipped = reading.count_damaged
            imports.told(db, done.import_id, format=reading.format, skipped=skipped, ignored=reading.ignored)
            stored = imports.get(db, done.import_id)
            stand, heldout = prompts.count(db), prompts.count_heldout(db)
    return ImportResult(
        imported=done.new,
        already_there=done.already_there,
        skipped=reading.count_damaged,
        ignored=sorted(reading.ignored),
        format=reading.format,
        prompts=done.prompts,
        responses=done.responses,
        rankings=done.rankings,
        import_id=done.import_id,
        damaged=reading.describe_damaged(),
        note=_note(done, stored, 0 if heldout else stand),
    )


def none_held_out(count: int) -> str:
    """What is said of so many prompts of which none is held out; empty where that is no more than chance."""
    if count * prompts.EVAL_SHARE < 1:
        return ""
    return (
        f"None of the {count} prompts is held out, and a reward model is judged on some that are: import more, or "
        'mark a few with "split": "eval" in JSON Lines.'
    )


def _note(done: imports.Added, stored: Import, trained_on: int) -> str:
    """What was other than usual in an import, in sentences; empty where nothing was."""
    said = []
    if done.known:
        said.append(f"The file is import {stored.id} already, {stored.file} of {stored.created[:10]}.")
    if done.put_back:
        said.append(f"{done.put_back} prompts that were taken out with another import are back.")
    if done.left_out:
        said.append(f"{done.left_out} of its prompts are taken out and stay so: `prompts list --removed` names them.")
    if lacking := none_held_out(trained_on):
        said.append(lacking)
    return " ".join(said)


@contextmanager
def _bar(file: Path) -> Iterator[OnBytes]:
    """A bar with the time left on a terminal, where a file is big; what it gives is told the bytes that were read."""
    size = file.stat().st_size if file.is_file() else 0
    quiet = size < SHOW_FROM or not sys.stderr.isatty()
    with tqdm(
        total=size, unit="B", unit_scale=True, desc=file.name, file=sys.stderr, leave=False, disable=quiet
    ) as bar:
        yield lambda done: bar.update(done - bar.n) and None


class _Fit:
    """Whether a prompt fits the context of the base model; its tokenizer is loaded for the first prompt."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._template: dict[tuple[str, ...], int] = {}

    @cached_property
    def chat(self) -> "Chat":
        return training.chat.Chat(self.settings.model.base_model)

    def check(self, prompt: Prompt) -> None:
        """Raises BadInput for a prompt that leaves no room for an answer or that the template refuses."""
        answer = self.settings.sampling.max_new_tokens
        if self._at_most(prompt.messages) + answer <= self.chat.context:
            return
        short = -self.chat.room(prompt.messages, answer)
        if short > 0:
            raise BadInput(f"{short} tokens too long for the context of {self.chat.context} with {answer} of answer")

    def _at_most(self, messages: Sequence[Message]) -> int:
        """Tokens that a chat has at most, told from its length: for most, the tokenizer need not be asked.

        What the template adds is measured once for each order of speakers, and so is whether it refuses that.
        """
        roles = tuple(turn["role"] for turn in messages)
        if roles not in self._template:
            empty = [{"role": role, "content": "x"} for role in roles]
            self._template[roles] = self.chat.context - self.chat.room(empty, 0)
        texts = [turn["content"] for turn in messages]
        letters = sum(len(text) * (1 if text.isascii() else TOKENS_OF_A_CHARACTER) + 1 for text in texts)
        return self._template[roles] + letters
