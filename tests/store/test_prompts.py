"""Prompts: one chat is one prompt for ever, and its split is drawn from its text."""

import random
from dataclasses import replace

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


def test_a_proposed_prompt_counts_nowhere_until_somebody_says_yes(db: Database) -> None:
    """Against a model of three sets, over random calls: it stands, waits or is out, and no call loses one."""
    rng = random.Random(0)
    ids = prompts.add(
        db, [replace(prompts.make(ask(f"{n}?"), source="expanded:p"), waiting=n > 3) for n in range(12)]
    )
    waits, out = set(ids[4:]), set[int]()
    for _ in range(200):
        one = rng.choice(ids)
        call = rng.choice([prompts.accept, prompts.remove, prompts.restore])
        fit = {prompts.accept: waits - out, prompts.remove: {*ids} - out, prompts.restore: out}[call]
        if one in fit:
            call(db, [one])
            waits -= {one} if call is prompts.accept else set()
            out ^= {one} if call is not prompts.accept else set()
        else:
            with pytest.raises(BadInput, match=f"Prompt {one} "):
                call(db, [*sorted(fit)[:1], one])  # all or none
        assert {p.id for p in prompts.every(db)} == {*ids} - waits - out
        assert {p.id for p in prompts.waiting(db)} == waits - out
        assert {p.id for p in prompts.taken_out(db)} == out
        assert prompts.count(db) == len({*ids} - waits - out)
        assert {p.waiting for p in prompts.every(db)} <= {False}


def test_a_file_that_brings_a_proposed_prompt_says_yes_to_it(db: Database) -> None:
    proposed = replace(prompts.make(ask("new?"), source="expanded:p"), waiting=True)
    (one,) = prompts.add(db, [proposed])
    assert prompts.add(db, [proposed]) == [one]  # proposed again, it still waits
    assert [p.id for p in prompts.waiting(db)] == [one]
    (number,) = db.execute(
        "INSERT INTO imports (file, sha256, format, added, already_there, skipped)"
        " VALUES ('f', ?, 'text', 0, 0, 0) RETURNING id",
        ["0" * 64],
    ).fetchone()
    db.conn.commit()
    assert prompts.add(db, [replace(proposed, waiting=False, source="f", import_id=number)]) == [one]
    (stands,) = prompts.every(db)
    assert (stands.id, stands.import_id, stands.source, stands.waiting) == (one, number, "expanded:p", False)
    assert prompts.waiting(db) == []
