"""Rankings as this project exports them: `prompt`, `responses` and `ranking`.

`responses` are objects with `text`, `model` (or `person`, for what a person wrote) and `ended`; `ranking` is a list
of groups of places among them, the best group first, those in one group tied. `annotator`, `time` and `seconds` say
who ranked, when, and for how long; `comment` is what they said of it. `own` says that the first response is the
annotator's own, and that the others are not compared.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from store.errors import BadInput
from store.formats import cells, turns
from store.formats.row import Answer, Format, Item, Row, Verdict


def read(item: Item) -> Iterator[Row]:
    """One prompt with its answers and one ranking; `ranking` may be empty or missing, where nobody ranked."""
    answers = tuple(_answer(one) for one in cells.listed(item, "responses"))
    groups = _groups(cells.parsed(item["ranking"]), len(answers))
    if own := item.get("own") is True:
        _check_own(groups)
    told = Verdict(
        groups,
        annotator=cells.name(item, "annotator"),
        time=cells.time(item, "time"),
        seconds=cells.seconds(item, "seconds"),
        comment=cells.name(item, "comment"),
        own=own,
    )
    messages, answer = turns.answered(turns.side(item["prompt"], "user"))
    if answer is not None:
        raise BadInput("`prompt` ends with the assistant's turn, not with the user's")
    yield Row(messages, answers, (told,) if groups else (), cells.split(item))


def _answer(one: Item) -> Answer:
    person = bool(one.get("person"))
    return Answer(
        cells.text(one, "text"),
        cells.name(one, "person" if person else "model"),
        person=person,
        whole=one.get("ended", True) is not False,
    )


def _check_own(groups: tuple[tuple[int, ...], ...]) -> None:
    if [len(group) == 1 for group in groups[:1]] != [True] or len(groups) != 2:
        raise BadInput("`own` is true, and `ranking` is not one response above all others, such as [[2], [0, 1]]")


def _groups(value: Any, count: int) -> tuple[tuple[int, ...], ...]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or not all(isinstance(group, Sequence) for group in value):
        raise BadInput("`ranking` is no list of lists of places, such as [[1], [0, 2]]")
    places = [place for group in value for place in group]
    if places and sorted(map(repr, places)) != sorted(map(repr, range(count))):
        raise BadInput(f"`ranking` does not name each of the {count} responses once, by its place from 0")
    return tuple(tuple(group) for group in value if group)


FORMAT = Format(
    "rankings",
    (("prompt", "responses", "ranking"),),
    read,
    uses=("annotator", "time", "seconds", "comment", "own", "split"),
)
