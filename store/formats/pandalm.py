"""Pairs judged by several people as PandaLM has them: `annotator1`, `annotator2`, ... say 1, 2, or 0 for a tie."""

import re
from collections.abc import Iterator

from store.errors import BadInput
from store.formats import cells
from store.formats.alpaca import asked
from store.formats.row import Answer, Format, Item, Row, Verdict

SAID = {0: ((0, 1),), 1: ((0,), (1,)), 2: ((1,), (0,))}
JUDGES = re.compile(r"annotator\d+")


def read(item: Item) -> Iterator[Row]:
    """One prompt with two answers, and a ranking of each person."""
    answers = (Answer(cells.text(item, "response1")), Answer(cells.text(item, "response2")))
    verdicts = []
    for judge in sorted(filter(JUDGES.fullmatch, item)):
        if item[judge] in (None, ""):
            continue
        said = cells.number(item, judge)
        if said not in SAID:
            raise BadInput(f"`{judge}` is {said:g}, not 0 (a tie), 1 or 2")
        verdicts.append(Verdict(SAID[int(said)], judge))
    yield Row([{"role": "user", "content": asked(item)}], answers, tuple(verdicts))


FORMAT = Format(
    "pandalm",
    (("instruction", "response1", "response2", "annotator1"),),
    read,
    uses=("input", *(f"annotator{n}" for n in range(2, 10))),
)
