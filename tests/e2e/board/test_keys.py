"""What each key does, pressed for real."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

DISPATCH = """const event = new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...arg });
document.body.dispatchEvent(event); return event.defaultPrevented;"""


def press(bench: Any, *keys: str) -> None:
    for key in keys:
        bench.page.keyboard.press(key)


def test_letters_pick_and_digits_rank(bench: Any, view: Any) -> None:
    bench.start(view(4))
    press(bench, "b", "1", "D", "4", "a", "1", "c", "9", "0", "5")
    assert bench.slots() == ["AB", "", "", "D"]
    press(bench, "e", "h")
    assert bench.said() == "C picked. not ranked"


def test_arrows_clear_and_undo(bench: Any, view: Any) -> None:
    bench.start(view(3))
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "Backspace", "Control+z", "Delete", "Control+z", "Meta+z"):
        press(bench, key)
        seen.append(bench.slots().index("A") + 1 if "A" in bench.slots() else 0)
    assert seen == [1, 2, 1, 0, 1, 0, 1, 2]


def test_redoing_is_not_undoing(bench: Any, view: Any) -> None:
    bench.start(view(2))
    press(bench, "1", "Control+Shift+Z")
    assert bench.slots() == ["A", ""]


@pytest.mark.parametrize(
    ("size", "key", "asked"),
    [
        (4, "s", "Skip"),
        (4, "S", "Skip"),
        (4, "f", "Flag"),
        (4, "Shift+F", "Flag"),
        (6, "f", ""),
        (6, "Shift+F", "Flag"),
    ],
)
def test_a_panel_is_opened(bench: Any, view: Any, size: int, key: str, asked: str) -> None:
    bench.start(view(size))
    press(bench, key)
    if asked:
        expect(bench.page.locator(".panel h3")).to_contain_text(asked)
    else:
        assert bench.said() == "F picked. not ranked"
    press(bench, "Escape")
    expect(bench.page.locator(".panel")).to_be_hidden()
    assert bench.sent() == []


def test_the_keys_of_a_panel(bench: Any, view: Any) -> None:
    bench.start(view(4))
    press(bench, "s", "2")
    assert bench.page.locator(".panel input:checked").get_attribute("value") == "The prompt is unclear"
    assert bench.tray() == "ABCD"
    bench.page.locator(".panel textarea").press_sequentially("13")
    assert bench.page.locator(".panel input:checked").get_attribute("value") == "The prompt is unclear"
    press(bench, "Enter")
    assert bench.sent() == []
    press(bench, "Control+Enter")
    (sent,) = bench.sent()
    assert (sent["action"], sent["comment"]) == ("skip", "The prompt is unclear. 13")


def test_enter_on_a_reason_confirms_and_on_cancel_cancels(bench: Any, view: Any) -> None:
    bench.start(view(2))
    press(bench, "f")
    bench.page.locator("[data-do=close]").focus()
    press(bench, "Enter")
    expect(bench.page.locator(".panel")).to_be_hidden()
    assert bench.sent() == []
    press(bench, "f", "Enter")
    assert bench.sent() == []
    press(bench, "1", "Enter")
    assert [sent["comment"] for sent in bench.sent()] == ["All responses are bad"]


def test_enter_refuses_until_all_is_ranked(bench: Any, view: Any) -> None:
    bench.start(view(3))
    press(bench, "2", "Enter")
    assert (bench.sent(), bench.message()) == ([], "B, C have no rank yet.")
    press(bench, "3", "3", "Enter")
    assert [(sent["action"], sent["levels"]) for sent in bench.sent()] == [("rank", [1, 2, 2])]


def test_typing_is_typing(bench: Any, view: Any) -> None:
    bench.start(view(2))
    press(bench, "2")
    comment = bench.page.locator(".comment textarea")
    comment.press_sequentially("sad 12 fab")
    press(bench, "Enter", "Control+z")
    assert (bench.slots(), bench.sent()) == (["", "A"], [])
    press(bench, "Escape")
    expect(comment).not_to_be_focused()
    press(bench, "1")
    comment.focus()
    press(bench, "Control+Enter")
    assert [sent["action"] for sent in bench.sent()] == ["rank"]


def test_a_button_in_focus_keeps_its_enter_and_a_chip_does_not(bench: Any, view: Any) -> None:
    bench.start(view(2))
    press(bench, "1", "2")
    bench.page.locator("[data-do=undo]").focus()
    press(bench, "Enter")
    assert (bench.slots(), bench.sent()) == (["A", ""], [])
    press(bench, "2")
    expect(bench.page.locator("[data-chip='1']")).to_be_focused()
    press(bench, "Enter")
    assert [sent["action"] for sent in bench.sent()] == ["rank"]


@pytest.mark.parametrize(
    ("event", "taken"),
    [
        ({"key": "a"}, True),
        ({"key": "a", "altKey": True}, False),
        ({"key": "a", "ctrlKey": True}, False),
        ({"key": "a", "isComposing": True}, False),
        ({"key": "x"}, False),
        ({"key": "Tab"}, False),
        ({"key": "F5"}, False),
        ({"key": "3"}, False),
        ({"key": "Enter", "ctrlKey": True}, True),
    ],
)
def test_keys_that_mean_nothing_here_are_left_to_the_browser(
    bench: Any, view: Any, event: dict[str, Any], taken: bool
) -> None:
    bench.start(view(2))
    assert bench.run(DISPATCH, event) == taken


def test_during_a_rest_no_key_does_anything(bench: Any, view: Any) -> None:
    bench.start(view(0))
    assert not any(bench.run(DISPATCH, {"key": key}) for key in ("a", "1", "s", "Enter", "Escape"))
    assert bench.sent() == []


def test_p_looks_back_and_escape_returns(bench: Any, view: Any) -> None:
    bench.start(view(2))
    press(bench, "Escape", "p")
    assert [(sent["action"], sent["ranking"]) for sent in bench.sent()] == [("previous", 0)]
    bench.tell(view(2, lease="revision-7", revises=7, slots=[0, 1], answer={"nonce": bench.sent()[0]["nonce"]}))
    press(bench, "s", "Escape")
    assert [(sent["action"], sent["ranking"]) for sent in bench.sent()] == [("previous", 0), ("next", 7)]


def test_during_a_rest_p_still_looks_back(bench: Any, view: Any) -> None:
    bench.start(view(0))
    press(bench, "p")
    (asked,) = bench.sent()
    assert (asked["action"], asked["ranking"]) == ("previous", 0)
    bench.tell(view(0, answer={"nonce": asked["nonce"], "stored": False, "message": "There is nothing before."}))
    expect(bench.page.locator(".rest .told")).to_have_text("There is nothing before.")
    bench.page.locator("[data-do=earlier]").click()
    again = bench.sent()[1]
    assert again["action"] == "previous"
    bench.tell(view(2, lease="revision-7", revises=7, slots=[1, 0], answer={"nonce": again["nonce"]}))
    assert bench.slots() == ["B", "A"]


def test_single_keys_can_be_switched_off_and_stay_so(bench: Any, view: Any) -> None:
    bench.start(view(3))
    press(bench, "?")
    sheet = bench.page.locator(".sheet")
    expect(sheet).to_be_visible()
    expect(sheet).to_contain_text("A–C")
    press(bench, "a", "1", "s")
    assert (bench.tray(), bench.page.locator(".panel").is_visible()) == ("ABC", False)
    sheet.locator("label").click()
    press(bench, "Escape")
    expect(sheet).to_be_hidden()
    press(bench, "a", "1", "s", "?", "w", "p")
    assert (bench.tray(), bench.sent(), sheet.is_visible()) == ("ABC", [], False)
    bench.page.reload()
    bench.start(view(3))
    press(bench, "a", "1")
    assert bench.tray() == "ABC"
    for chip, moves in ((1, 1), (0, 2), (2, 2)):
        bench.page.locator(f"[data-chip='{chip}']").focus()
        press(bench, "Space", *["ArrowRight"] * moves)
    press(bench, "Enter")
    assert [sent["levels"] for sent in bench.sent()] == [[2, 1, 2]]
    bench.page.locator("[data-do=keys]").click()
    sheet.locator("label").click()
    bench.page.locator("[data-do=unkeys]").click()
    press(bench, "b", "3")
    assert bench.slots() == ["", "AC", "B"]
