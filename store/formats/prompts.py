"""Prompts alone: `prompt`, a text or a chat that ends with the user's turn."""

from collections.abc import Iterator

from store.errors import BadInput
from store.formats import cells, turns
from store.formats.row import Format, Item, Row


def read(item: Item) -> Iterator[Row]:
    """One prompt."""
    if not isinstance(item["prompt"], str | list):
        raise BadInput("neither `prompt` (a string) nor `messages` (a list of {role, content})")
    messages, answer = turns.answered(turns.side(item["prompt"], "user"))
    if answer is not None:
        raise BadInput("The last turn of a prompt must be the user's: end it with a user message")
    yield Row(messages, split=cells.split(item))


FORMAT = Format("prompts", (("prompt",),), read, uses=("split",))
