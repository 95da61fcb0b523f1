"""Each button does what its key does."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


def click(bench: Any, what: str) -> None:
    bench.page.locator(f"[data-do={what}]").click()


def test_undo_then_submit(bench: Any, view: Any) -> None:
    bench.start(view(2))
    for key in "12":
        bench.page.keyboard.press(key)
    click(bench, "undo")
    assert bench.slots() == ["A", ""]
    bench.page.keyboard.press("1")
    click(bench, "submit")
    assert [(sent["action"], sent["levels"]) for sent in bench.sent()] == [("rank", [1, 1])]


@pytest.mark.parametrize("kind", ["skip", "flag"])
def test_skip_and_flag_by_their_panel(bench: Any, view: Any, kind: str) -> None:
    bench.start(view(2))
    click(bench, kind)
    click(bench, "close")
    expect(bench.page.locator(".panel")).to_be_hidden()
    click(bench, kind)
    click(bench, "confirm")
    assert (bench.sent(), bench.message()) == ([], "Choose a reason, or say it in words.")
    bench.page.locator(".reasons label").first.click()
    click(bench, "confirm")
    assert [sent["action"] for sent in bench.sent()] == [kind]


def test_previous_and_back(bench: Any, view: Any) -> None:
    bench.start(view(2))
    expect(bench.page.locator("[data-do=back]")).to_be_hidden()
    click(bench, "previous")
    bench.tell(view(2, lease="revision-7", revises=7, slots=[1, 0], answer={"nonce": bench.sent()[0]["nonce"]}))
    assert bench.slots() == ["B", "A"]
    for hidden in ("skip", "flag"):
        expect(bench.page.locator(f"[data-do={hidden}]")).to_be_hidden()
    click(bench, "back")
    assert [(sent["action"], sent["ranking"]) for sent in bench.sent()] == [("previous", 0), ("next", 7)]


def test_look_again_during_a_rest(bench: Any, view: Any) -> None:
    bench.start(view(0))
    click(bench, "next")
    assert [sent["action"] for sent in bench.sent()] == ["next"]


def test_every_button_of_the_template_is_known(bench: Any) -> None:
    code = """const { press } = await import('/board/buttons.js');
    const { newBoard } = await import('/board/board.js');
    const found = [];
    for (const button of document.querySelectorAll('[data-do]')) {
      const board = newBoard({ element: document.querySelector('#root'), props: {}, trigger() {} });
      Object.assign(board.state, { view: { task: { revises: 1 } }, lease: 'x' });
      press(board, { target: button });
      found.push(button.dataset.do);
    }
    return found"""
    known = {
        "next",
        "close",
        "confirm",
        "previous",
        "back",
        "undo",
        "skip",
        "flag",
        "submit",
        "write",
        "unwrite",
        "keep",
    }
    known |= {"written", "keys", "unkeys", "earlier"}
    assert set(bench.run(code)) == known | {"write", "unwrite", "keep", "drop", "rested"}
