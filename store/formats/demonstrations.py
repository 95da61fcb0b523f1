"""Demonstrations from files: chats with the answers that they should get.

JSON Lines, or one JSON array, of objects in any of these forms, each found out by its keys:

- `messages`: a chat with answers of the assistant (OpenAI's form), or `conversations` (ShareGPT: `from`, `value`)
- `prompt` and `completion` (TRL's; each text or a chat), or `response` in its place
- `instruction`, `input`, `output` (Alpaca's)
- `text`: `### Human: ... ### Assistant: ...`, turn after turn (openassistant-guanaco's)
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from store.errors import BadInput
from store.formats import lines
from store.prompts import LONE_SURROGATE, make
from store.records import Message

WHAT = "demonstrations"
"""What a file should hold, for its refusals."""
FORMS = "`messages`, `conversations`, `prompt` and `completion`, `instruction` and `output`, or `text`"
TURN = re.compile(r"###\s*(Human|Assistant|System)\s*:\s*")
SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "bot": "assistant",
    "system": "system",
}


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

    Raises BadInput for a file that is not there, is not UTF-8 or holds nothing.
    """
    found = DemonstrationFile()
    for number, item in _items(lines.text_of(path, WHAT), found):
        try:
            turns = _turns(item)
            answered = list(_answered(turns))
            if not answered:
                raise BadInput("no answer of the assistant in it")
            found.shown += [Shown(messages, answer, number) for messages, answer in answered]
        except BadInput as error:
            found.broken.append((number, str(error).rstrip(".")))
    if not found.shown and not found.broken:
        raise BadInput(f"{path} holds 0 demonstrations: put one on each line, as JSON.")
    return found


def _items(text: str, found: DemonstrationFile) -> Iterator[tuple[int, object]]:
    if text.lstrip().startswith("["):
        yield from enumerate(_array(text), start=1)
        return
    for number, line in lines.numbered(text):
        try:
            lines.check_length(line)
            item = lines.from_json(line)
        except BadInput as error:
            found.broken.append((number, str(error)))
        else:
            yield number, item


def _array(text: str) -> list[object]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"The file begins as a JSON array and is none ({error}): mend it.") from error
    return list(items)


def _turns(item: object) -> list[Message]:
    """The chat of one item in any of the forms."""
    if not isinstance(item, dict):
        raise BadInput(f"a {type(item).__name__}, not an object with {FORMS}")
    if "messages" in item or "conversations" in item:
        return _chat(item.get("messages", item.get("conversations")))
    if "prompt" in item:
        answer = item.get("completion", item.get("response"))
        if answer is None:
            raise BadInput(f"`prompt` without `completion`, only {_keys(item)}")
        return [*_side(item["prompt"], "user"), *_side(answer, "assistant")]
    if "instruction" in item:
        asked = "\n\n".join(_text(item.get(key) or "") for key in ("instruction", "input") if item.get(key))
        return [_turn("user", asked), _turn("assistant", _text(item.get("output")))]
    if "text" in item:
        return _guanaco(_text(item["text"]))
    raise BadInput(f"the keys {_keys(item)}, not {FORMS}")


def _keys(item: Mapping[object, object]) -> str:
    return ", ".join(sorted(map(str, item))[:8]) or "none"


def _side(value: object, role: str) -> list[Message]:
    return [_turn(role, value)] if isinstance(value, str) else _chat(value)


def _chat(value: object) -> list[Message]:
    if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
        raise BadInput("a chat that is no list of turns, each with `role` and `content`")
    return [
        _turn(_text(turn.get("role", turn.get("from"))), _text(turn.get("content", turn.get("value"))))
        for turn in value
    ]


def _turn(role: str, content: str) -> Message:
    if role not in SPEAKERS:
        raise BadInput(f"a turn of {role!r}, not of user, assistant or system")
    return {"role": SPEAKERS[role], "content": content}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadInput(f"a {type(value).__name__} where text should be")
    return value


def _guanaco(text: str) -> list[Message]:
    parts = TURN.split(text)
    if len(parts) < 3 or parts[0].strip():
        raise BadInput("`text` that does not begin with `### Human:`")
    return [_turn(who.lower(), said.strip()) for who, said in zip(parts[1::2], parts[2::2], strict=True)]


def _answered(turns: list[Message]) -> Iterator[tuple[tuple[Message, ...], str]]:
    """Each answer with what led up to it; raises BadInput for one that is empty or has no question."""
    for place, turn in enumerate(turns):
        if turn["role"] != "assistant":
            continue
        if not turn["content"].strip():
            raise BadInput("an answer that is empty")
        if LONE_SURROGATE.search(turn["content"]):
            raise BadInput("an answer that holds half a character (a lone surrogate)")
        before = make(turns[:place], source="demonstration")  # with the rules of a prompt
        yield before.messages, turn["content"]
