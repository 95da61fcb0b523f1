"""Records of Argilla with a ranking question: `fields` and `responses`.

The field `prompt` (or `instruction`, `question`) was asked, the fields that people ranked are answers. A person's
response stands under `values` and the question's name (its exports of version 1), or as a list under that name
(version 2). Only what was submitted is read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from store.errors import BadInput
from store.formats import cells, turns
from store.formats.row import Format, Item, Row, Verdict, by_value, written

ASKED = ("prompt", "instruction", "question")


def read(item: Item) -> Iterator[Row]:
    """One prompt with the fields that were ranked, and a ranking of each person."""
    fields = item["fields"]
    if not isinstance(fields, Mapping):
        raise BadInput("`fields` is no object")
    asked = next((key for key in ASKED if key in fields), None)
    if asked is None:
        raise BadInput(f"no field {', '.join(ASKED)} in `fields`")
    ranked = [(who, when, order) for who, when, order in _responses(item["responses"])]
    names = sorted({name for _, _, order in ranked for name in order})
    names = names or [key for key in fields if key != asked and key.startswith(("response", "answer", "completion"))]
    if strange := [name for name in names if name not in fields]:
        raise BadInput(f"{strange[0]!r} was ranked and is no field")
    models = item.get("metadata") if isinstance(item.get("metadata"), Mapping) else {}
    answers = tuple(
        written(
            cells.text(fields, name), cells.name(models or {}, f"{name}_model", name.replace("response", "model"))
        )
        for name in names
    )
    verdicts = tuple(_verdict(names, *told) for told in ranked)
    messages, _ = turns.answered(turns.side(fields[asked], "user"))
    yield Row(messages, answers, verdicts)


def _verdict(names: list[str], who: str, when: str, order: dict[str, float]) -> Verdict:
    if len(order) != len(names):
        raise BadInput(f"{len(order)} of the {len(names)} responses are ranked by {who or 'somebody'}")
    return Verdict(by_value([-order[name] for name in names]), who, when)


def _responses(value: Any) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Who ranked, when, and the rank of each field."""
    if isinstance(value, Mapping):
        told = [
            (one, one.get("value")) for given in value.values() for one in given or [] if isinstance(one, Mapping)
        ]
    elif isinstance(value, list) and all(isinstance(one, Mapping) for one in value):
        told = [(one, held.get("value")) for one in value for held in (one.get("values") or {}).values()]
    else:
        raise BadInput("`responses` is neither a list nor an object")
    for one, ranks in told:
        if isinstance(ranks, list) and ranks and one.get("status", "submitted") == "submitted":
            if not all(isinstance(rank, Mapping) and "rank" in rank and "value" in rank for rank in ranks):
                continue  # the answer to another question
            order = {str(rank["value"]): cells.number(rank, "rank") for rank in ranks}
            yield cells.name(one, "user_id"), cells.time(one, "inserted_at", "updated_at"), order


FORMAT = Format("argilla", (("fields", "responses"),), read, uses=("metadata",))
