"""Prompts from files: JSON Lines and plain text.

A JSONL line is an object with `prompt` (a string) or `messages` (a chat that ends with the user's turn), and
optionally `split` (train or eval). In a text file each line that is not blank is a prompt.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from store import prompts
from store.errors import BadInput
from store.formats import lines
from store.records import Prompt

WHAT = "prompts"
"""What a file should hold, for its refusals."""


@dataclass
class PromptFile:
    """What a file holds: prompts, and the lines that could not be read with the reason for each.

    `sha256` is of the bytes that were read, `format` how they were read: `jsonl` or `text`.
    """

    sha256: str
    format: str
    prompts: list[Prompt] = field(default_factory=list)
    broken: list[tuple[int, str]] = field(default_factory=list)

    def describe_broken(self) -> str:
        """`line 3: not JSON (...); line 9: ...; and 4 more`"""
        return lines.describe(self.broken)


def read(path: Path, check: Callable[[Prompt], None] = lambda prompt: None) -> PromptFile:
    """Read a prompts file; `.jsonl` and `.json` are JSON Lines, everything else is text.

    `check` may refuse a prompt by raising BadInput (such as one longer than the model's context). Raises BadInput
    for a file that is not there, is not UTF-8, or holds no line.
    """
    content = lines.bytes_of(path, WHAT)
    source = os.fsencode(path.name).decode(errors="replace")  # the name may be none in UTF-8
    json_lines = path.suffix.lower() in (".jsonl", ".json")
    parse = _from_json if json_lines else _from_text
    found = PromptFile(hashlib.sha256(content).hexdigest(), "jsonl" if json_lines else "text")
    for number, line in lines.numbered(lines.decoded(content, path)):
        try:
            lines.check_length(line)
            prompt = parse(line, source)
            check(prompt)
        except BadInput as error:
            found.broken.append((number, str(error).rstrip(".")))
        else:
            found.prompts.append(prompt)
    if not found.prompts and not found.broken:
        raise BadInput(f"{path} holds 0 prompts: put one on each line.")
    return found


def check_readable(path: Path) -> None:
    """Raise BadInput, before anything slow is done, for what is no file, is not there or cannot be opened."""
    lines.check_readable(path, WHAT)


def _from_text(line: str, source: str) -> Prompt:
    return prompts.make([{"role": "user", "content": line.strip()}], source=source)


def _from_json(line: str, source: str) -> Prompt:
    item = lines.from_json(line)
    if not isinstance(item, dict):
        raise BadInput(f"a {type(item).__name__}, not an object with `prompt` or `messages`")
    chat = item.get("messages", item.get("prompt"))
    if isinstance(chat, str):
        chat = [{"role": "user", "content": chat}]
    if not isinstance(chat, list) or not all(
        isinstance(m, dict) and isinstance(m.get("role"), str) and isinstance(m.get("content"), str) for m in chat
    ):
        raise BadInput("neither `prompt` (a string) nor `messages` (a list of {role, content})")
    split = item.get("split")
    if split not in (None, "train", "eval"):
        raise BadInput(f"split is {split!r}, not train or eval")
    return prompts.make(chat, source=source, split=split)
