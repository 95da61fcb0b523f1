"""Chats as ShareGPT writes them: `conversations`, each turn with `from` (human, gpt, system) and `value`."""

from collections.abc import Iterator

from store.formats import messages
from store.formats.row import Format, Item, Row


def read(item: Item) -> Iterator[Row]:
    """One prompt, with its answer where the chat has one."""
    yield from messages.read({**item, "messages": item["conversations"]})


FORMAT = Format("sharegpt", (("conversations",),), read, uses=("model", "split"))
