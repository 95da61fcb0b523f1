"""Ranked answers of models as Nectar has them: `prompt` and `answers`, each with `answer`, `model` and `rank`."""

from collections.abc import Iterator

from store.formats import cells, turns
from store.formats.row import Answer, Format, Item, Row, Verdict, by_value

JUDGE = "gpt-4"
"""Who ranked them."""


def read(item: Item) -> Iterator[Row]:
    """One prompt with its answers in order; the prompt may be a chat of `Human:` and `Assistant:` in one text."""
    prompt = cells.text(item, "prompt")
    if turns.HH.match(prompt):
        told = turns.marked(prompt, turns.HH, "Human:")
        asked = told[:-1] if told[-1] == {"role": "assistant", "content": ""} else told
    else:
        asked = [{"role": "user", "content": prompt}]
    listed = cells.listed(item, "answers")
    answers = tuple(Answer(cells.text(one, "answer"), cells.name(one, "model")) for one in listed)
    ranks = [-cells.number(one, "rank") for one in listed]
    messages, _ = turns.answered(asked)
    yield Row(messages, answers, (Verdict(by_value(ranks), JUDGE),))


def _ranked(item: Item) -> bool:
    told = cells.parsed(item["answers"])
    return isinstance(told, list) and bool(told) and isinstance(told[0], dict) and {"answer", "rank"} <= set(told[0])


FORMAT = Format("nectar", (("prompt", "answers"),), read, fits=_ranked)
