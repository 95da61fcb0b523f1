"""What every format yields: a prompt, its responses, and what people said of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.errors import BadInput
from store.records import Json, Message, Prompt

SOMEBODY = "a person"
"""What stands in place of a version's name in data sets that we export, for what a person wrote."""
Item = Mapping[str, Any]
"""One row of a file as it stands there: an object of JSON, or the cells of a table by their columns."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its text, which version (or which `person`) wrote it, and whether it is `whole`; "" is unknown."""

    text: str
    by: str = ""
    person: bool = False
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """A ranking: groups of places among the answers, the best group first, those in one group tied.

    `time` is ISO 8601 or "" where nobody noted it, `annotator` is "" where nobody was named. `own` says that the best
    answer is the annotator's own, and that nothing is said of how the others compare.
    """

    groups: tuple[tuple[int, ...], ...]
    annotator: str = ""
    time: str = ""
    seconds: float | None = None
    comment: str = ""
    own: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A chat that ends with the user's turn, the responses to it, and the rankings of those.

    Without a verdict, an answer is a demonstration. `split` is given where the file says train or eval.
    """

    messages: Sequence[Message]
    answers: tuple[Answer, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    split: str | None = None


Brought = tuple[Prompt, Row, Json]
"""A prompt, the row with its responses and rankings, and the columns that are kept with it."""


@dataclass(frozen=True)
class Format:
    """One form that files have.

    `needs` are the sets of columns by which it is recognised, any one of which is enough; `uses` are further columns
    that it reads, and all others are left aside; `fits` looks at the values, where the columns do not tell. `read`
    makes the rows of one item, and raises BadInput for one that is damaged.
    """

    name: str
    needs: tuple[tuple[str, ...], ...]
    read: Callable[[Item], Iterable[Row]]
    uses: tuple[str, ...] = ()
    fits: Callable[[Item], bool] = lambda item: True


def written(text: str, by: str, *, whole: bool = True) -> Answer:
    """An answer of the version that is named, or of a person whom an export of ours left unnamed."""
    return Answer(text, "", True, whole) if by == SOMEBODY else Answer(text, by, False, whole)


def better(answers: tuple[Answer, Answer], **told: Any) -> tuple[tuple[Answer, ...], tuple[Verdict, ...]]:
    """Two answers of which the first was chosen; `told` is what else the verdict says. Raises BadInput if equal."""
    if answers[0].text == answers[1].text and answers[0].by == answers[1].by:
        raise BadInput("the chosen response is equal to the rejected one")
    return answers, (Verdict(((0,), (1,)), **told),)


def by_value(values: Sequence[float]) -> tuple[tuple[int, ...], ...]:
    """Places in groups of one value, the greatest value first."""
    places: dict[float, list[int]] = {}
    for place, value in enumerate(values):
        places.setdefault(value, []).append(place)
    return tuple(tuple(places[value]) for value in sorted(places, reverse=True))
