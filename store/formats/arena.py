"""Votes of an arena: two models answered, and somebody said which was better, or that neither was.

`model_a`, `model_b` and either `conversation_a` and `conversation_b` (Chatbot Arena) or `response_a` and `response_b`
with `question` or `prompt`; and `winner` (model_a, model_b, tie), or one column for each: `winner_model_a`,
`winner_model_b`, `winner_tie`.
"""

import re
from collections.abc import Iterator
from typing import Any

from store.errors import BadInput
from store.formats import cells, turns
from store.formats.row import Answer, Format, Item, Row, Verdict
from store.records import Message

ORDERS: dict[str, tuple[tuple[int, ...], ...]] = {"a": ((0,), (1,)), "b": ((1,), (0,)), "tie": ((0, 1),)}
WORDS = {
    "model_a": "a",
    "a": "a",
    "left": "a",
    "model_b": "b",
    "b": "b",
    "right": "b",
    "tie": "tie",
    "bothbad": "tie",
}
SINGLE = ("winner_model_a", "winner_model_b", "winner_tie")


def read(item: Item) -> Iterator[Row]:
    """One prompt with two answers and a vote."""
    verdict = Verdict(
        ORDERS[_winner(item)],
        cells.name(item, "judge", "annotator", "worker", "user_id"),
        cells.time(item, "tstamp", "time"),
    )
    (messages, first), (other, second) = turns.answered(_chat(item, "a")), turns.answered(_chat(item, "b"))
    if first is None or second is None:
        raise BadInput("a chat that does not end with the assistant's turn")
    if messages != other:
        raise BadInput("the two chats part before their last answers, so that these answer different prompts")
    answers = (Answer(first, cells.name(item, "model_a")), Answer(second, cells.name(item, "model_b")))
    yield Row(messages, answers, (verdict,))


def _chat(item: Item, side: str) -> list[Message]:
    if f"conversation_{side}" in item:
        return turns.chat(item[f"conversation_{side}"])
    prompt, answer = item["question" if "question" in item else "prompt"], item[f"response_{side}"]
    asked, said = cells.parsed(prompt), cells.parsed(answer)
    # Some files have a list of questions and a list of answers, turn by turn.
    if _texts(asked) and _texts(said):
        both = zip(asked, said, strict=False)
        return [
            turns.turn(role, text) for pair in both for role, text in zip(("user", "assistant"), pair, strict=True)
        ]
    return [*turns.side(prompt, "user"), *turns.side(answer, "assistant")]


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _winner(item: Item) -> str:
    if "winner" not in item:
        won = [side for side, key in zip("ab", SINGLE, strict=False) if cells.number(item, key) == 1]
        if len(won) > 1:
            raise BadInput("both models are said to have won")
        return won[0] if won else "tie"
    said = re.sub(r"[^a-z_]", "", str(item["winner"]).lower())
    said = "tie" if said.startswith("tie") or "both" in said else said
    if said not in WORDS:
        raise BadInput(f"`winner` is {item['winner']!r:.40}, not model_a, model_b or tie")
    return WORDS[said]


_PAIRS = (
    ("conversation_a", "conversation_b"),
    ("question", "response_a", "response_b"),
    ("prompt", "response_a", "response_b"),
)
FORMAT = Format(
    "arena",
    tuple(("model_a", "model_b", *pair, *won) for won in (("winner",), SINGLE) for pair in _PAIRS),
    read,
    uses=("judge", "annotator", "worker", "user_id", "tstamp", "time"),
)
