"""The turns of a chat, however a file writes them."""

import itertools
import re
from collections.abc import Sequence
from typing import Any

from store.errors import BadInput
from store.formats.cells import parsed
from store.records import Message

SPEAKERS = {
    "human": "user",
    "user": "user",
    "prompter": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "system",
}
TOOLS = ("tool", "function", "function_call", "observation", "ipython")
"""Speakers that are programs."""
GUANACO = re.compile(r"###\s*(Human|Assistant|System)\s*:\s*")
HH = re.compile(r"\n\n(Human|Assistant):")


def chat(value: Any) -> list[Message]:
    """A list of turns, each with `role` and `content` (or `from` and `value`); raises BadInput."""
    value = parsed(value)
    if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
        raise BadInput("a chat that is no list of turns, each with `role` and `content`")
    return [_read(turn) for turn in value]


def side(value: Any, role: str) -> list[Message]:
    """A chat, or one turn that stands there as its text."""
    if isinstance(value, str):
        told = parsed(value)
        # A text may be JSON itself, as in "Sort [3, 1]", and is a chat only where it has turns.
        whole = isinstance(told, list) and all(isinstance(one, dict) and {"role", "from"} & set(one) for one in told)
        return chat(told) if whole and told else [turn(role, value)]
    return chat(value)


def turn(role: str, content: str) -> Message:
    """One turn of whoever `role` stands for; raises BadInput for a role that is unknown."""
    if role in TOOLS:
        raise BadInput(f"a turn of {role!r}, and chats with tools are not supported")
    if role not in SPEAKERS:
        raise BadInput(f"a turn of {role!r}, not of user, assistant or system")
    return {"role": SPEAKERS[role], "content": content}


def marked(text: str, mark: re.Pattern[str], called: str) -> list[Message]:
    """A chat in one text, in which a mark stands before each turn and names who speaks; raises BadInput."""
    parts = mark.split(text)
    if len(parts) < 3 or parts[0].strip():
        raise BadInput(f"text that does not begin with `{called}`")
    return [turn(who.lower(), said.strip()) for who, said in zip(parts[1::2], parts[2::2], strict=True)]


def answered(turns: Sequence[Message]) -> tuple[list[Message], str | None]:
    """What leads up to the last answer, and that answer; None where the chat ends with the user's turn.

    Raises BadInput where two turns of one speaker follow each other: what was meant cannot be told.
    """
    for one, after in itertools.pairwise(turns):
        if one["role"] == after["role"] != "system":
            raise BadInput(f"two turns of the {one['role']} in a row")
    if turns and turns[-1]["role"] == "assistant":
        return list(turns[:-1]), turns[-1]["content"]
    return list(turns), None


def plain(value: Any) -> str:
    """Text, or the joined parts of a text; raises BadInput."""
    value = parsed(value) if isinstance(value, list) else value
    if isinstance(value, list) and value:
        for part in value:
            if not isinstance(part, dict) or part.get("type") not in ("text", "input_text", "output_text"):
                kind = part.get("type") if isinstance(part, dict) else type(part).__name__
                raise BadInput(f"a part of type {kind!r}, and only text is read")
        return "".join(plain(part.get("text")) for part in value)
    if not isinstance(value, str):
        raise BadInput(f"a {type(value).__name__} where text should be")
    return value


def _read(told: dict[str, Any]) -> Message:
    if told.get("tool_calls") or told.get("function_call"):
        raise BadInput("a turn that calls a tool, and chats with tools are not supported")
    role = told.get("role", told.get("from"))
    if not isinstance(role, str):
        raise BadInput(f"a {type(role).__name__} where the role should be")
    return turn(role, plain(told.get("content", told.get("value"))) if role not in TOOLS else "")
