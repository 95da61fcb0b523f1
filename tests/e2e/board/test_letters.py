"""Which key names which response and which rank."""

import string
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

NAMED = """
const { letterOf, digitOf } = await import('/board/letters.js');
const events = arg.keys.map(([key, shiftKey]) => ({ key, shiftKey }));
return events.map((event) => [letterOf(event, arg.count), digitOf(event, arg.count)]);
"""


@pytest.mark.parametrize("count", [2, 5, 6, 8, 9, 18, 26])
def test_keys_name_responses_and_ranks_that_there_are(bench: Any, count: int) -> None:
    keys = [*string.ascii_letters, *string.digits, "Enter", "ArrowLeft", " ", "ß"]
    found = bench.run(NAMED, {"keys": [[key, False] for key in keys], "count": count})
    for key, (response, rank) in zip(keys, found, strict=True):
        alphabet = string.ascii_uppercase[:count]
        assert response == (alphabet.index(key.upper()) if key.upper() in list(alphabet) else -1), key
        assert rank == (int(key) - 1 if key.isdigit() and 1 <= int(key) <= count else -1), key


def test_shift_and_f_never_names_a_response(bench: Any) -> None:
    keys = [["F", True], ["f", True], ["E", True], ["F", False]]
    assert [response for response, _ in bench.run(NAMED, {"keys": keys, "count": 8})] == [-1, -1, 4, 5]


def test_the_flag_takes_shift_where_f_is_a_response(bench: Any) -> None:
    code = "const { commandKey } = await import('/board/letters.js'); return arg.map((n) => commandKey('F', n))"
    assert bench.run(code, [2, 5, 6, 8]) == ["F", "F", "⇧F", "⇧F"]


COMMANDS = """const { letterOf, commandOf } = await import('/board/letters.js');
const named = (key, shiftKey) => [letterOf({ key, shiftKey }, arg), commandOf({ key, shiftKey }, arg)];
return [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].flatMap((key) => [named(key, false), named(key, true)]);"""


@pytest.mark.parametrize("count", [2, 5, 6, 15, 16, 19, 23, 26])
def test_with_any_number_of_responses_each_has_a_key_and_so_has_each_command(bench: Any, count: int) -> None:
    found = bench.run(COMMANDS, count)
    assert {response for response, _ in found} - {-1} == set(range(count))
    assert {command for _, command in found} - {""} == {"S", "F", "P", "W"}
    assert all(response < 0 or not command for response, command in found)


FRENCH = dict(zip("&é\"'(-è_ç", "123456789", strict=True))
RUSSIAN = dict(zip("фисвуапршолдьтщзйкыегмцчня", string.ascii_uppercase, strict=True))
GREEK = {"α": "A", "β": "B", "σ": "S", "φ": "F", "π": "P", "ς": "W"}
PLACED = """const { letterOf, digitOf, commandOf } = await import('/board/letters.js');
const named = (event) => [letterOf(event, 4), digitOf(event, 9), commandOf(event, 4)];
return arg.map(([key, code]) => named({ key, code }));"""


def test_keys_of_other_keyboards_go_by_their_place(bench: Any) -> None:
    french = bench.run(PLACED, [[key, f"Digit{place}"] for key, place in FRENCH.items()])
    assert [rank for _, rank, _ in french] == list(range(9))
    for keys in (RUSSIAN, GREEK):
        found = bench.run(PLACED, [[key, f"Key{place}"] for key, place in keys.items()])
        for place, (response, _, command) in zip(keys.values(), found, strict=True):
            assert response == "ABCD".find(place), place
            assert command == (place if place in "SFPW" else ""), place


def test_a_latin_letter_is_the_one_that_is_written(bench: Any) -> None:
    """On a French keyboard A lies where others have Q; and a key with Shift on the digits is no rank."""
    found = bench.run(PLACED, [["a", "KeyQ"], ["q", "KeyA"], ["ж", "Semicolon"], ["Dead", "KeyA"], ["1", "Numpad1"]])
    assert [response for response, _, _ in found] == [0, -1, -1, -1, -1]
    assert found[-1][1] == 0
    shifted = "const { digitOf } = await import('/board/letters.js'); return digitOf(arg, 4)"
    assert bench.run(shifted, {"key": "!", "code": "Digit1", "shiftKey": True}) == -1


def test_every_letter_has_a_colour_of_its_own(bench: Any) -> None:
    code = """const { ink, letter } = await import('/board/letters.js');
    const { make } = await import('/board/board.js');
    return Array.from({ length: 8 }, (_, i) => {
      document.documentElement.style.setProperty(`--${letter(i).toLowerCase()}`, `rgb(${i + 1}, 0, 0)`);
      const piece = make('span', ink(i));
      document.querySelector('.board').append(piece);
      return getComputedStyle(piece).getPropertyValue('--hue');
    })"""
    colours = bench.run(code)
    assert colours == [f"rgb({i}, 0, 0)" for i in range(1, 9)]
