"""Preferences as HH-RLHF has them: `chosen` and `rejected`, each a chat of `Human:` and `Assistant:` in one text."""

from collections.abc import Iterator

from store.formats import turns
from store.formats.preferences import paired
from store.formats.row import Format, Item, Row


def read(item: Item) -> Iterator[Row]:
    """One prompt with two answers and the ranking of them."""
    chosen, rejected = (turns.marked(item[key], turns.HH, "Human:") for key in ("chosen", "rejected"))
    yield paired(chosen, rejected)


def _marked(value: object) -> bool:
    return isinstance(value, str) and turns.HH.match(value) is not None


FORMAT = Format(
    "hh",
    (("chosen", "rejected"),),
    read,
    fits=lambda item: "prompt" not in item and _marked(item["chosen"]) and _marked(item["rejected"]),
)
