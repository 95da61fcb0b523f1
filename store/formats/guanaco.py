"""Chats in one text as openassistant-guanaco has them: `### Human: ... ### Assistant: ...`, turn after turn."""

from collections.abc import Iterator

from store.formats import turns
from store.formats.row import Answer, Format, Item, Row


def read(item: Item) -> Iterator[Row]:
    """One prompt, with its answer where the text ends with one."""
    messages, answer = turns.answered(turns.marked(item["text"], turns.GUANACO, "### Human:"))
    yield Row(messages, () if answer is None else (Answer(answer),))


FORMAT = Format(
    "guanaco",
    (("text",),),
    read,
    fits=lambda item: isinstance(item["text"], str) and turns.GUANACO.match(item["text"].lstrip()) is not None,
)
