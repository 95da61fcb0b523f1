"""Trees of chats as Open Assistant writes them: `message_tree_id` and `prompt` with `replies`, and so on down.

Wherever an assistant answered, the chat up to there is a prompt. Where people ranked the answers, `rank` 0 is best.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from store.errors import BadInput
from store.formats import cells, turns
from store.formats.row import Answer, Format, Item, Row, Verdict, by_value
from store.records import Message

DEEPEST = 100
"""Turns of a chat; a tree that goes deeper is no conversation."""


def read(item: Item) -> Iterator[Row]:
    """Every prompt of a tree with its answers."""
    if not isinstance(item["prompt"], Mapping):
        raise BadInput("`prompt` is not the root of a tree, an object with `text`, `role` and `replies`")
    yield from _below(item["prompt"], [])


def _below(node: Mapping[str, Any], before: list[Message]) -> Iterator[Row]:
    if len(before) >= DEEPEST:
        raise BadInput(f"a tree of more than {DEEPEST} turns")
    messages = [*before, turns.turn(cells.text(node, "role"), cells.text(node, "text"))]
    replies = cells.listed(node, "replies") if node.get("replies") else []
    kept = [reply for reply in replies if not reply.get("deleted")]
    if messages[-1]["role"] == "user" and (kept or not before):
        yield Row(messages, *_ranked(kept))
    for reply in kept:
        yield from _below(reply, messages)


def _ranked(replies: list[Item]) -> tuple[tuple[Answer, ...], tuple[Verdict, ...]]:
    """The answers, those that were ranked first and with their ranking."""
    known = [reply for reply in replies if reply.get("rank") is not None]
    order = [*known, *(reply for reply in replies if reply.get("rank") is None)]
    answers = tuple(_answer(reply) for reply in order)
    if len(known) < 2:
        return answers, ()
    return answers, (Verdict(by_value([-cells.number(reply, "rank") for reply in known]), "oasst"),)


def _answer(reply: Item) -> Answer:
    wrote = cells.name(reply, "model_name") if reply.get("synthetic") else cells.name(reply, "user_id")
    return Answer(cells.text(reply, "text"), wrote, person=not reply.get("synthetic"))


FORMAT = Format("oasst", (("message_tree_id", "prompt"),), read)
