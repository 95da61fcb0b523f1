"""Files of prompts as people write them, broken ones included, and what no file may do."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.errors import BadInput
from store.formats.reading import Check, Reading
from store.records import Prompt

GOOD = '{"prompt": "Hello"}'


@dataclass
class Found:
    """The prompts of a file, and its damaged rows in words."""

    prompts: list[Prompt]
    broken: list[tuple[int, str]]
    said: str

    def describe_broken(self) -> str:
        return self.said


def read(path: Path, check: Check = lambda prompt: None) -> Found:
    reading = Reading(path, check=check)
    prompts = [prompt for item in reading.items(skip_damaged=True) for prompt, _, _ in item]
    return Found(prompts, reading.damaged, reading.describe_damaged())


def write(folder: Path, text: str | bytes, name: str = "prompts.jsonl") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('"Hello"', "a str, not an object"),
        ("[1]", "a list, not an object"),
        ("{}", "neither `prompt`"),
        ('{"prompt": 3}', "neither `prompt`"),
        ('{"prompt": null}', "neither `prompt`"),
        ('{"messages": [{"role": "user"}]}', "a NoneType where text should be"),
        ('{"messages": ["hi"]}', "no list of turns"),
        ('{"messages": []}', "last turn"),
        ('{"messages": [{"role": "assistant", "content": "hi"}]}', "last turn"),
        (
            '{"messages": [{"role": "elf", "content": "x"}, {"role": "user", "content": "hi"}]}',
            "a turn of 'elf', not of user",
        ),
        ('{"prompt": "  "}', "empty"),
        ('{"prompt": "\\ud83d"}', "half a character"),
        ('{"prompt": "hi", "split": "test"}', "split is 'test'"),
    ],
    ids=lambda value: value[:40],
)
def test_a_broken_line_is_named_by_number_with_its_reason(tmp_path: Path, line: str, reason: str) -> None:
    found = read(write(tmp_path, f"{GOOD}\n\n{line}\n{GOOD}\n"))
    assert [number for number, _ in found.broken] == [3]
    assert reason in found.broken[0][1]
    assert len(found.prompts) == 2
    assert found.describe_broken().startswith("line 3: ")
    assert "\n" not in found.describe_broken()


def test_many_broken_lines_are_named_up_to_five(tmp_path: Path) -> None:
    found = read(write(tmp_path, "\n".join(["{"] * 8)))
    assert found.describe_broken().count("line ") == 5
    assert found.describe_broken().endswith("and 3 more")


def test_every_good_form_is_read(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi", "name": "ignored"}]
    lines = [GOOD, json.dumps({"messages": chat, "split": "eval"}), json.dumps({"prompt": chat[1:], "more": 1})]
    for end in ("\n", "\r\n"):
        found = read(write(tmp_path, end.join(lines)))
        assert not found.broken
        assert [p.text for p in found.prompts] == ["Hello", "Hi", "Hi"]
        assert [len(p.messages) for p in found.prompts] == [1, 2, 1]
        assert found.prompts[1].split == "eval"
        assert found.prompts[0].source == "prompts.jsonl"


def test_characters_that_only_python_takes_for_line_ends_stay_inside(tmp_path: Path) -> None:
    text = "one\u2028two\x85three\u2029four"
    found = read(write(tmp_path, json.dumps({"prompt": text}, ensure_ascii=False) + "\n{\n"))
    assert [p.text for p in found.prompts] == [text]
    assert [number for number, _ in found.broken] == [2]


def test_text_is_a_prompt_a_line_and_a_bom_is_no_part_of_it(tmp_path: Path) -> None:
    found = read(write(tmp_path, "\ufeff  Hello \n\n{not json}\n", "prompts.txt"))
    assert [p.text for p in found.prompts] == ["Hello", "{not json}"]
    found = read(write(tmp_path, b"\xef\xbb\xbf" + GOOD.encode(), "PROMPTS.JSONL"))
    assert [p.text for p in found.prompts] == ["Hello"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "0 prompts"),
        (b"\n \n\t\n", "0 prompts"),
        (b"\xef\xbb\xbf", "0 prompts"),
        (b"ok\nGr\xfc\xdfe\n", "not UTF-8 .byte 5"),
        ("Hello".encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_file_that_is_no_text_or_holds_nothing(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read(write(tmp_path, content))


def test_a_file_that_is_not_there_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(BadInput, match="cannot be read"):
            read(path)


def test_the_callers_check_breaks_a_line_too(tmp_path: Path) -> None:
    def short(prompt: Prompt) -> None:
        if len(prompt.text) > 5:
            raise BadInput("too long.")

    found = read(write(tmp_path, "Hello\nHello!\n", "p.txt"), short)
    assert found.broken == [(2, "too long")]


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(BadInput, match=r"cannot be read .no regular file"):
            read(path)


def test_a_line_without_end_is_refused_before_anybody_reads_it(tmp_path: Path) -> None:
    asked: list[Prompt] = []
    found = read(write(tmp_path, "x" * 1_000_000 + "\n" + "x" * 1_000_001, "p.txt"), asked.append)
    assert [number for number, _ in found.broken] == [2]
    assert "1000001 characters" in found.describe_broken()
    assert len(asked) == 1


def test_a_file_name_that_is_not_utf8_is_kept_as_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(bytes(tmp_path) + b"/p\xff.txt"))
    path.write_text("Hello")
    assert [prompt.source for prompt in read(path).prompts] == ["p\ufffd.txt"]
