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


@pytest.mark.parametrize("count", [2, 5, 6, 8])
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
    code = "const { flagKey } = await import('/board/letters.js'); return arg.map(flagKey)"
    assert bench.run(code, [2, 5, 6, 8]) == ["F", "F", "⇧F", "⇧F"]


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
