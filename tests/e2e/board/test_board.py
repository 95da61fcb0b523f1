"""The parts of a board that several modules use."""

from typing import Any

import pytest

pytestmark = pytest.mark.e2e

BOARD = "const { newBoard, make, say, tell } = await import('/board/board.js');"


def test_what_is_told_is_text_and_silence_is_hidden(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    message = bench.page.locator(".message")
    for text in ("<b>no</b> rank yet", "", "again"):
        bench.run(BOARD + "tell(board, arg); say(board, arg)", text)
        assert (message.text_content(), message.evaluate("e => e.hidden")) == (text, not text)
        assert bench.said() == text
    assert bench.page.locator(".message b, .live b").count() == 0


def test_an_element_is_made_of_text_and_not_of_html(bench: Any) -> None:
    code = "return [make('i'), make('p', 'a b', '<i>x</i>'), make('p', '', '')].map((made) => made.outerHTML)"
    assert bench.run(BOARD + code) == ["<i></i>", '<p class="a b">&lt;i&gt;x&lt;/i&gt;</p>', "<p></p>"]


def test_two_boards_share_nothing(bench: Any) -> None:
    code = """const made = (text) => {
      const element = make('div');
      element.append(make('p', '', text));
      return newBoard({ element, props: {}, trigger() {} });
    };
    const [one, two] = [made('one'), made('two')];
    one.state.slots.push(1); one.state.seconds = 3; one.left.abort();
    const its = two.findAll('p').map((p) => p.textContent);
    return [one.find('p').textContent, its, two.state, two.left.signal.aborted];"""
    mine, its, state, gone = bench.run(BOARD + code)
    assert (mine, its, gone) == ("one", ["two"], False)
    assert (state["slots"], state["seconds"]) == ([], 0)
