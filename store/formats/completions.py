"""A prompt and the answer to it, each a text or a chat: `prompt` with `completion` (TRL's) or `response`."""

from collections.abc import Iterator

from store.formats import cells, turns
from store.formats.row import Format, Item, Row, written


def read(item: Item) -> Iterator[Row]:
    """One prompt with its answer."""
    answer = item.get("completion", item.get("response"))
    both = [*turns.side(item["prompt"], "user"), *turns.side(answer, "assistant")]
    messages, said = turns.answered(both)
    answers = () if said is None else (written(said, cells.name(item, "model")),)
    yield Row(messages, answers, split=cells.split(item))


# With `label` the answer may be a bad one (TRL's unpaired preferences), which nobody should learn from.
FORMAT = Format(
    "completions",
    (("prompt", "completion"), ("prompt", "response")),
    read,
    uses=("model", "split"),
    fits=lambda item: "label" not in item,
)
