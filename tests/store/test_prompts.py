"""Prompts: one chat is one prompt for ever, and its split is drawn from its text."""

import pytest
from sqlite_utils import Database

from store import prompts
from store.errors import BadInput, NotFound


def ask(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_the_same_chat_twice_is_one_prompt(db: Database) -> None:
    first = prompts.make(ask("Hello"), source="a", split="eval")
    ids = prompts.add(db, [first, prompts.make(ask("Hello!"), source="a"), first])
    again = prompts.add(db, [prompts.make(ask("Hello"), source="b", split="train")])
    assert ids[0] == ids[2] == again[0] != ids[1]
    stored = prompts.get(db, ids[0])
    assert (stored.split, stored.source, stored.text) == ("eval", "a", "Hello")
    assert prompts.count(db) == 2
    with pytest.raises(NotFound):
        prompts.get(db, 99)


def test_chats_that_look_alike_are_different_prompts(db: Database) -> None:
    alike = [
        ask("a b"),
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, *ask("c")],
        [{"role": "system", "content": "a"}, {"role": "assistant", "content": "b"}, *ask("c")],
        ask('a"],["assistant","b'),
    ]
    assert len({prompts.digest(chat) for chat in alike}) == len(alike)
    assert len(set(prompts.add(db, [prompts.make(chat, source="t") for chat in alike]))) == len(alike)


def test_the_split_is_the_same_on_every_machine_and_about_a_seventh() -> None:
    drawn = [prompts.draw_split(ask(f"Question {i}")) for i in range(4000)]
    share = drawn.count("eval") / len(drawn)
    assert abs(share - prompts.EVAL_SHARE) < 4 * (0.15 * 0.85 / 4000) ** 0.5
    # Never to change: workspaces in the field were split by it.
    assert [i for i in range(20) if drawn[i] == "eval"] == [2, 6, 17]


@pytest.mark.parametrize(
    "chat",
    [
        [],
        ask(""),
        ask(" \n\t"),
        [*ask("hi"), {"role": "assistant", "content": "hello"}],
        [{"role": "system", "content": " "}, *ask("hi")],
        [{"role": "robot", "content": "x"}, *ask("hi")],
        ask("half \ud83d of a smile"),
    ],
)
def test_what_cannot_be_answered_is_refused(chat: list[dict[str, str]]) -> None:
    with pytest.raises(BadInput):
        prompts.make(chat, source="t")


def test_any_text_comes_back_as_it_was(db: Database) -> None:
    text = "Grüße, 日本 🎉 <script>alert('x')</script> \u2028 \0 \"quoted\" \\ \x1b[31m"
    (stored,) = prompts.add(db, [prompts.make(ask(text), source="t")])
    assert prompts.get(db, stored).text == text
