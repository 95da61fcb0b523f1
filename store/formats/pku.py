"""Pairs as PKU-SafeRLHF has them: `response_0`, `response_1` and `better_response_id`.

`safer_response_id` answers another question, which is harmless and not which is better, and is left aside.
"""

from collections.abc import Iterator

from store.errors import BadInput
from store.formats import cells
from store.formats.row import Answer, Format, Item, Row, better


def read(item: Item) -> Iterator[Row]:
    """One prompt with two answers and the ranking of them."""
    best = cells.number(item, "better_response_id")
    if best not in (0, 1):
        raise BadInput(f"`better_response_id` is {best:g}, not 0 or 1")
    asked = [{"role": "user", "content": cells.text(item, "prompt")}]
    first, second = (
        Answer(cells.text(item, f"response_{n}"), cells.name(item, f"response_{n}_source"))
        for n in (int(best), 1 - int(best))
    )
    yield Row(asked, *better((first, second)))


FORMAT = Format(
    "pku",
    (("prompt", "response_0", "response_1", "better_response_id"),),
    read,
    uses=("response_0_source", "response_1_source"),
)
