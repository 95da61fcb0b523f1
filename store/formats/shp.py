"""Votes as SHP has them: to `history`, `human_ref_A` and `human_ref_B` got the votes `score_A` and `score_B`."""

from collections.abc import Iterator

from store.errors import BadInput
from store.formats import cells
from store.formats.row import Answer, Format, Item, Row, Verdict, by_value

NEEDS = ("history", "human_ref_A", "human_ref_B", "score_A", "score_B")


def read(item: Item) -> Iterator[Row]:
    """One question with two answers of people, ranked by their votes."""
    votes = [cells.number(item, "score_A"), cells.number(item, "score_B")]
    if item.get("labels") not in (None, "") and votes[0] != votes[1]:
        first = cells.number(item, "labels") == 1
        if first != (votes[0] > votes[1]):
            raise BadInput("`labels` says that the answer with fewer votes won")
    answers = tuple(Answer(cells.text(item, key), person=True) for key in ("human_ref_A", "human_ref_B"))
    asked = [{"role": "user", "content": cells.text(item, "history")}]
    yield Row(asked, answers, (Verdict(by_value(votes), "votes"),))


FORMAT = Format("shp", (NEEDS,), read, uses=("labels",))
