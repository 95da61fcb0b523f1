"""The command `chat`: a conversation in the terminal with one version, or with two side by side."""

import dataclasses
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO

from rlhf.commands.console import harmless
from rlhf.commands.options import ChatOptions
from rlhf.commands.parse import Call
from rlhf.settings import overlay, settings_of
from rlhf.stages.answer import Conversation
from rlhf.stages.context import Context
from rlhf.training.progress import no_log, silent
from store import models
from store.errors import BadInput
from store.results import Answer

RESET, QUIT = "/reset", "/quit"
PROMPT = "> "


@dataclass(frozen=True)
class Turn:
    """A line that was typed and what each version answered; none where the line could not be answered."""

    said: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Talk:
    """A whole conversation."""

    turns: tuple[Turn, ...]


def chat(call: Call[ChatOptions]) -> Talk:
    """The command `chat`: each line is answered, until `/quit`, the end of the input, or Ctrl-C."""
    out, prompt = (sys.stderr, "") if call.common.json else (sys.stdout, PROMPT)
    talkers = _begin(call)
    names = " and ".join(talker.name for talker in talkers)
    print(f"{names} will answer each line. {RESET} begins anew, {QUIT} ends.", file=sys.stderr)
    turns: list[Turn] = []
    with suppress(KeyboardInterrupt):
        for line in _lines(prompt):
            if line == QUIT:
                break
            if line == RESET:
                for talker in talkers:
                    talker.reset()
            elif line.startswith("/"):
                print(f"There is no {line.split()[0]}: {RESET} begins anew, {QUIT} ends.", file=sys.stderr)
            elif line:
                turns.append(Turn(line, tuple(_answers(talkers, line, out))))
    return Talk(tuple(turns))


def _begin(call: Call[ChatOptions]) -> list[Conversation]:
    """A conversation with each version; raises BadInput for a system message that the chat template refuses."""
    options, settings = call.options, overlay(settings_of(call.workspace), call.settings)
    ctx = Context(call.workspace, settings, 0, silent, no_log)
    with ctx.store() as db:
        versions = models.speakers(db, options.model)
    given = {name: getattr(options, name) for name in ("temperature", "max_new_tokens", "seed")}
    sampling = dataclasses.replace(settings.sampling, **{k: v for k, v in given.items() if v is not None})
    model = ctx.load_model()
    if options.system:
        model.chat.prompt([{"role": "system", "content": options.system}, {"role": "user", "content": "?"}])
    return [
        Conversation(version.name, model, ctx.load_version(model, version), sampling, options.system)
        for version in versions
    ]


def _answers(talkers: Sequence[Conversation], line: str, out: TextIO) -> Iterator[Answer]:
    for talker in talkers:
        try:
            answer = talker.answer(line)
        except BadInput as refused:
            print(refused, file=sys.stderr)
            continue
        print(f"{answer.model}: {harmless(answer.text)}{'' if answer.ended else ' ...'}", file=out, flush=True)
        yield answer


def _lines(prompt: str) -> Iterator[str]:
    """The lines that are typed or piped in; a person at a terminal is asked for each with a prompt."""
    asked = sys.stdin.isatty()
    if asked:
        with suppress(ImportError):
            import readline  # noqa: F401 - input() then lets a person edit the line
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="backslashreplace")  # bytes that are no text are shown, and end nothing
    while True:
        try:
            yield input(prompt if asked else "").strip()
        except EOFError:
            return
