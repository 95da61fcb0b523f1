"""Chats as OpenAI writes them: `messages`, each with `role` and `content`.

A chat that ends with the user's turn is a prompt; the assistant's last turn is an answer that was given to it.
"""

from collections.abc import Iterator

from store.formats import cells, turns
from store.formats.row import Answer, Format, Item, Row


def read(item: Item) -> Iterator[Row]:
    """One prompt, with its answer where the chat has one."""
    messages, answer = turns.answered(turns.chat(item["messages"]))
    answers = () if answer is None else (Answer(answer, cells.name(item, "model")),)
    yield Row(messages, answers, split=cells.split(item))


FORMAT = Format("messages", (("messages",),), read, uses=("model", "split"))
