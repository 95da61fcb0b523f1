"""Tasks of Label Studio with a ranker or a pairwise choice: `data` and `annotations`.

A ranker's `data` has `prompt` and `items`, each with `id` and `body` (or `text`, `html`); a pair has `prompt` with
`answer1` and `answer2` (or `text1` and `text2`). Annotations that were cancelled are left aside.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from store.errors import BadInput
from store.formats import cells, turns
from store.formats.row import Answer, Format, Item, Row, Verdict, written

ASKED = ("prompt", "question", "instruction")
PAIRS = (("answer1", "answer2"), ("text1", "text2"), ("response1", "response2"))


def read(item: Item) -> Iterator[Row]:
    """One prompt with its answers, and a ranking of each person."""
    data = item["data"]
    if not isinstance(data, Mapping):
        raise BadInput("`data` is no object")
    asked = next((key for key in ASKED if key in data), None)
    if asked is None:
        raise BadInput(f"no {', '.join(ASKED)} in `data`")
    names, answers = _answers(data)
    meta = item.get("meta")
    people = meta.get("annotators") or {} if isinstance(meta, Mapping) else {}
    verdicts = []
    for told in cells.listed(item, "annotations"):
        if told.get("was_cancelled"):
            continue
        for result in cells.listed(told, "result"):
            groups = _groups(result.get("value"), names)
            if groups:
                number, when = cells.name(told, "completed_by"), cells.time(told, "created_at")
                who = str(people.get(number, number))
                verdicts.append(Verdict(groups, who, when, cells.seconds(told, "lead_time")))
    messages, _ = turns.answered(turns.side(data[asked], "user"))
    yield Row(messages, answers, tuple(verdicts))


def _answers(data: Item) -> tuple[list[str], tuple[Answer, ...]]:
    if "items" in data:
        told = cells.listed(data, "items")
        key = next((key for key in ("body", "text", "html") if told and key in told[0]), "body")
        names = [str(one.get("id")) for one in told]
        wrote = data["models"] if isinstance(data.get("models"), Mapping) else {}
        if len(set(names)) != len(names):
            raise BadInput("two of the `items` have one id")
        return names, tuple(
            written(cells.text(one, key), cells.name(one, "model") or str(wrote.get(name, "")))
            for name, one in zip(names, told, strict=True)
        )
    for pair in PAIRS:
        if pair[0] in data and pair[1] in data:
            return ["left", "right"], tuple(Answer(cells.text(data, key)) for key in pair)
    raise BadInput("neither `items` nor `answer1` and `answer2` in `data`")


def _groups(value: Any, names: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """The order that one result says; empty where it answers another question."""
    if not isinstance(value, Mapping):
        return ()
    if isinstance(pick := value.get("selected"), str) and pick in names:
        return ((names.index(pick),), (1 - names.index(pick),))
    ranked = value.get("ranker")
    if isinstance(ranked, Mapping):
        ranked = next(iter(ranked.values()), None)
    if not isinstance(ranked, list):
        return ()
    if sorted(map(str, ranked)) != sorted(names):
        raise BadInput(f"{len(ranked)} of the {len(names)} items are ranked")
    return tuple((names.index(str(name)),) for name in ranked)


FORMAT = Format("labelstudio", (("data", "annotations"),), read, uses=("meta",))
