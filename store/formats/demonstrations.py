"""Demonstrations from files: chats with the answers that they should get.

A file of any kind that `import` reads, whose rows have one of these forms, each found out by its keys:

- `messages`: a chat with answers of the assistant (OpenAI's form), or `conversations` (ShareGPT: `from`, `value`)
- `prompt` and `completion` (TRL's; each text or a chat), or `response` in its place
- `instruction`, `input`, `output` (Alpaca's)
- `text`: `### Human: ... ### Assistant: ...`, turn after turn (openassistant-guanaco's)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from store.errors import BadInput
from store.formats import cells, files, lines, turns
from store.formats.alpaca import asked
from store.prompts import LONE_SURROGATE, make
from store.records import Message

WHAT = "demonstrations"
"""What a file should hold, for its refusals."""
FORMS = "`messages`, `conversations`, `prompt` and `completion`, `instruction` and `output`, or `text`"


@dataclass(frozen=True)
class Shown:
    """A chat that ends with the user's turn and the answer to it; `line` is its place in the file."""

    messages: tuple[Message, ...]
    answer: str
    line: int


@dataclass
class DemonstrationFile:
    """What a file holds: demonstrations, and the lines that could not be read with the reason for each."""

    shown: list[Shown] = field(default_factory=list)
    broken: list[tuple[int, str]] = field(default_factory=list)

    def describe_broken(self) -> str:
        """`line 3: not JSON (...); line 9: ...; and 4 more`"""
        return lines.describe(self.broken)


def read(path: Path) -> DemonstrationFile:
    """Read a file of demonstrations; each answer of a chat is one of its own.

    Raises BadInput for a file that is not there, is of no kind that is read, is not UTF-8 or holds nothing.
    """
    found = DemonstrationFile()
    for number, item in files.rows(files.known(path, WHAT)):
        try:
            if isinstance(item, BadInput):
                raise item
            answered = list(_answered(_turns(item)))
            if not answered:
                raise BadInput("no answer of the assistant in it")
            found.shown += [Shown(messages, answer, number) for messages, answer in answered]
        except BadInput as error:
            found.broken.append((number, str(error).rstrip(".")))
    if not found.shown and not found.broken:
        raise BadInput(f"{path} holds 0 demonstrations: put one on each line, as JSON.")
    return found


def _turns(item: object) -> list[Message]:
    """The chat of one item in any of the forms."""
    if not isinstance(item, dict):
        raise BadInput(f"a {type(item).__name__}, not an object with {FORMS}")
    told: Mapping[str, Any] = item
    if "messages" in told or "conversations" in told:
        return turns.chat(told.get("messages", told.get("conversations")))
    if "prompt" in told:
        answer = told.get("completion", told.get("response"))
        if answer is None:
            raise BadInput(f"`prompt` without `completion`, only {_keys(told)}")
        return [*turns.side(told["prompt"], "user"), *turns.side(answer, "assistant")]
    if "instruction" in told:
        return [turns.turn("user", asked(told)), turns.turn("assistant", cells.text(told, "output"))]
    if "text" in told:
        return turns.marked(cells.text(told, "text"), turns.GUANACO, "### Human:")
    raise BadInput(f"the keys {_keys(told)}, not {FORMS}")


def _keys(item: Mapping[str, Any]) -> str:
    return ", ".join(sorted(map(str, item))[:8]) or "none"


def _answered(chat: list[Message]) -> Iterator[tuple[tuple[Message, ...], str]]:
    """Each answer with what led up to it; raises BadInput for one that is empty or has no question."""
    for place, turn in enumerate(chat):
        if turn["role"] != "assistant":
            continue
        if not turn["content"].strip():
            raise BadInput("an answer that is empty")
        if LONE_SURROGATE.search(turn["content"]):
            raise BadInput("an answer that holds half a character (a lone surrogate)")
        before = make(chat[:place], source="demonstration")  # with the rules of a prompt
        yield before.messages, turn["content"]
