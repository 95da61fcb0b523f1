"""Instructions as Alpaca writes them: `instruction`, perhaps `input`, and `output`."""

from collections.abc import Iterator

from store.formats import cells
from store.formats.row import Answer, Format, Item, Row


def asked(item: Item) -> str:
    """The instruction, with its input below it where there is one."""
    return "\n\n".join(cells.text(item, key) for key in ("instruction", "input") if item.get(key))


def read(item: Item) -> Iterator[Row]:
    """One prompt with its answer."""
    messages = [{"role": "user", "content": asked(item)}]
    if isinstance(system := item.get("system"), str) and system.strip():
        messages.insert(0, {"role": "system", "content": system})
    yield Row(messages, (Answer(cells.text(item, "output"), cells.name(item, "model", "generator")),))


FORMAT = Format("alpaca", (("instruction", "output"),), read, uses=("input", "system", "model", "generator"))
