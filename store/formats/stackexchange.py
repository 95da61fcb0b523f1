"""Questions of Stack Exchange with scored answers.

Either `question` and `answers` (each with `text`, `score` or `pm_score`, and `selected` for the accepted one), or
`question` with a better and a worse answer, `response_j` and `response_k`.
"""

from collections.abc import Iterator

from store.errors import BadInput
from store.formats import cells
from store.formats.row import Answer, Format, Item, Row, Verdict, better, by_value

JUDGE = "votes"
"""Who ranked them: whoever voted there."""


def read(item: Item) -> Iterator[Row]:
    """One question with its answers by their votes; of equal votes, the accepted answer is the better."""
    asked = [{"role": "user", "content": cells.text(item, "question")}]
    if "response_j" in item:
        pair = (
            Answer(cells.text(item, "response_j"), person=True),
            Answer(cells.text(item, "response_k"), person=True),
        )
        yield Row(asked, *better(pair, annotator=JUDGE))
        return
    told = cells.listed(item, "answers")
    if not told:
        raise BadInput("`answers` is empty")
    answers = tuple(Answer(cells.text(one, "text"), cells.name(one, "author"), person=True) for one in told)
    votes = [cells.number(one, "pm_score" if "pm_score" in one else "score") for one in told]
    # Half a vote: it parts those that are equal, and no others.
    values = [vote + 0.5 * bool(one.get("selected")) for vote, one in zip(votes, told, strict=True)]
    yield Row(asked, answers, (Verdict(by_value(values), JUDGE),) if len(told) > 1 else ())


def _scored(item: Item) -> bool:
    if "response_j" in item:
        return True
    told = cells.parsed(item["answers"])
    first = told[0] if isinstance(told, list) and told else None
    return isinstance(first, dict) and bool({"pm_score", "score"} & set(first))


FORMAT = Format(
    "stackexchange", (("question", "answers"), ("question", "response_j", "response_k")), read, fits=_scored
)
