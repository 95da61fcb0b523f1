"""Preferences as TRL takes them: `chosen` and `rejected`, with `prompt` or with the prompt inside both.

Each side is a text or a chat. `chosen_model` and `rejected_model` (or `model_chosen` and `model_rejected`),
`annotator` and `time` are read where they are there.
"""

from collections.abc import Iterator, Sequence

from store.errors import BadInput
from store.formats import cells, turns
from store.formats.row import Format, Item, Row, better, written
from store.records import Message


def read(item: Item) -> Iterator[Row]:
    """One prompt with two answers and the ranking of them."""
    before = turns.side(item["prompt"], "user") if item.get("prompt") is not None else []
    chosen, rejected = (_whole(before, turns.side(item[key], "assistant")) for key in ("chosen", "rejected"))
    yield paired(
        chosen,
        rejected,
        by=tuple(cells.name(item, f"{side}_model", f"model_{side}") for side in ("chosen", "rejected")),
        ended=tuple(item.get(f"ended_{side}", True) is not False for side in ("chosen", "rejected")),
        annotator=cells.name(item, "annotator"),
        time=cells.time(item, "time"),
        split=cells.split(item),
    )


def paired(
    chosen: Sequence[Message],
    rejected: Sequence[Message],
    *,
    by: Sequence[str] = ("", ""),
    ended: Sequence[bool] = (True, True),
    annotator: str = "",
    time: str = "",
    split: str | None = None,
) -> Row:
    """Two chats that differ in their last answer; raises BadInput where they differ before it."""
    (messages, best), (other, worst) = turns.answered(chosen), turns.answered(rejected)
    if best is None or worst is None:
        raise BadInput(f"`{'rejected' if best is not None else 'chosen'}` does not end with the assistant's turn")
    if not messages:
        raise BadInput("no prompt: neither a column `prompt` nor a user's turn in `chosen`")
    if messages != other:
        raise BadInput("`chosen` and `rejected` answer different prompts")
    both = written(best, by[0], whole=ended[0]), written(worst, by[1], whole=ended[1])
    answers, verdicts = better(both, annotator=annotator, time=time)
    return Row(messages, answers, verdicts, split)


def _whole(before: Sequence[Message], side: Sequence[Message]) -> list[Message]:
    """The chat of one side: some files have the prompt in a column of its own and in both sides as well."""
    return list(side) if side and side[0]["role"] != "assistant" else [*before, *side]


FORMAT = Format(
    "preferences",
    (("chosen", "rejected"),),
    read,
    uses=(
        *("prompt", "chosen_model", "rejected_model", "annotator", "time", "split"),
        *("model_chosen", "model_rejected", "ended_chosen", "ended_rejected"),
    ),
)
