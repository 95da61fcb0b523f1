"""Demonstrations read from files in the forms that the field has."""

import json
from pathlib import Path

import pytest

from store.errors import BadInput
from store.formats import demonstrations

ASK, ANSWER = "What is tea?", "A drink."
CHAT = [{"role": "user", "content": ASK}, {"role": "assistant", "content": ANSWER}]
FORMS = {
    "messages": {"messages": CHAT},
    "sharegpt": {"conversations": [{"from": "human", "value": ASK}, {"from": "gpt", "value": ANSWER}]},
    "trl": {"prompt": ASK, "completion": ANSWER},
    "trl chats": {"prompt": CHAT[:1], "completion": CHAT[1:]},
    "response": {"prompt": ASK, "response": ANSWER},
    "alpaca": {"instruction": ASK, "input": "", "output": ANSWER},
    "guanaco": {"text": f"### Human: {ASK}### Assistant: {ANSWER}"},
}


def written(folder: Path, *items: object, array: bool = False) -> Path:
    file = folder / "shown.jsonl"
    file.write_text(json.dumps(items) if array else "\n".join(map(json.dumps, items)))
    return file


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("array", [True, False])
def test_each_form_says_the_same(form: str, array: bool, tmp_path: Path) -> None:
    found = demonstrations.read(written(tmp_path, FORMS[form], array=array))
    assert found.broken == []
    assert [(s.messages, s.answer) for s in found.shown] == [(tuple(CHAT[:1]), ANSWER)]


def test_the_input_of_an_instruction_follows_it(tmp_path: Path) -> None:
    row = {"instruction": "Translate.", "input": "Tee", "output": "tea"}
    (shown,) = demonstrations.read(written(tmp_path, row)).shown
    assert shown.messages[-1]["content"] == "Translate.\n\nTee"


def test_each_answer_of_a_chat_is_shown_with_what_led_up_to_it(tmp_path: Path) -> None:
    row = {"text": "### Human: a?### Assistant: b.### Human: c?### Assistant: d.\n### Human: e?"}
    found = demonstrations.read(written(tmp_path, row))
    assert [([m["content"] for m in s.messages], s.answer) for s in found.shown] == [
        (["a?"], "b."),
        (["a?", "b.", "c?"], "d."),
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"prompt": ASK}, "`prompt` without `completion`, only prompt"),
        ({"messages": CHAT[:1]}, "no answer of the assistant"),
        ({"messages": [CHAT[1]]}, "must be the user's"),
        ({"prompt": ASK, "completion": "  "}, "an answer that is empty"),
        ({"question": "x", "chosen": "y"}, "the keys chosen, question"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "a turn of 'wizard'"),
        ({"prompt": ASK, "completion": 3}, "no list of turns"),
        ({"text": "just text"}, "does not begin with"),
        ([1, 2], "a list, not an object"),
        ({"prompt": "\ud800", "completion": "x"}, "surrogate"),
        ({"prompt": "x", "completion": "\ud800"}, "surrogate"),
    ],
)
def test_a_line_that_shows_nothing_is_named_with_why(row: object, why: str, tmp_path: Path) -> None:
    found = demonstrations.read(written(tmp_path, FORMS["trl"], row))
    assert len(found.shown) == 1
    ((line, reason),) = found.broken
    assert line == 2
    assert why in reason


@pytest.mark.parametrize("text", ["", "[]", "\n \n"])
def test_a_file_without_any_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "shown.jsonl"
    file.write_text(text)
    with pytest.raises(BadInput, match="holds 0 demonstrations"):
        demonstrations.read(file)


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    file = tmp_path / "shown.jsonl"
    file.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": \n')
    assert demonstrations.read(file).broken[0][0] == 2
    file.write_text('[{"prompt": ')
    with pytest.raises(BadInput, match="begins as a JSON array"):
        demonstrations.read(file)
