"""The field for an answer of the person's own, beside ranks that go on as before."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

DRAFT = "return JSON.parse(localStorage.getItem('rankloop:draft:lease-1'))"


def offered(view: dict[str, Any]) -> dict[str, Any]:
    """What the server tells where the person may write."""
    return view | {"write": True}


def opened(bench: Any, view: Any, text: str = "") -> Any:
    """A board of three with the field open; its text area."""
    bench.start(offered(view(3)))
    bench.page.locator("[data-do=write]").click()
    field = bench.page.locator(".own textarea")
    expect(field).to_be_focused()
    field.fill(text)
    return field


@pytest.mark.parametrize("told", [{"write": False}, {}])
def test_it_is_offered_only_where_the_server_says_so(bench: Any, view: Any, told: dict[str, bool]) -> None:
    bench.start(view(2) | told)
    expect(bench.page.locator(".own")).to_be_hidden()
    bench.tell(offered(view(2)))
    expect(bench.page.locator("[data-do=write]")).to_be_visible()
    expect(bench.page.locator(".own textarea")).to_be_hidden()


def test_keys_are_text_inside_it_and_ranks_beside_it(bench: Any, view: Any) -> None:
    field = opened(bench, view)
    bench.page.keyboard.type("A1 sfp 2")
    bench.page.keyboard.press("Backspace")
    bench.page.keyboard.press("Enter")
    bench.page.keyboard.press("ArrowLeft")
    assert field.input_value() == "A1 sfp \n"
    assert (bench.slots(), bench.tray(), bench.sent()) == (["", "", ""], "ABC", [])
    bench.page.keyboard.press("Escape")
    expect(field).not_to_be_focused()
    expect(field).to_be_visible()
    for key in ("b", "1", "a", "2", "c", "ArrowRight"):
        bench.page.keyboard.press(key)
    assert (bench.slots(), bench.tray()) == (["BC", "A", ""], "")
    bench.page.keyboard.press("Backspace")
    assert (bench.slots(), bench.tray()) == (["B", "A", ""], "C")
    assert field.input_value() == "A1 sfp \n"


@pytest.mark.parametrize("how", ["button", "Control+Enter", "Meta+Enter"])
def test_it_is_sent_by_itself_and_the_ranks_stay(bench: Any, view: Any, how: str) -> None:
    field = opened(bench, view, "Mine\nis better")
    bench.page.locator(".comment textarea").fill("close call")
    bench.page.locator("[data-slot='0']").click()
    field.focus()
    if how == "button":
        bench.page.locator("[data-do=keep]").click()
    else:
        bench.page.keyboard.press(how)
    (sent,) = bench.sent()
    nonce = sent.pop("nonce")
    assert sent.pop("seconds") >= 0
    assert sent == {"action": "write", "lease": "lease-1", "ranking": 0, "levels": [], "text": "Mine\nis better"}
    bench.tell(view(3, answer={"nonce": nonce, "stored": True, "written": True, "message": ""}))
    expect(bench.page.locator(".own")).to_be_hidden()
    expect(bench.page.locator(".saved")).to_contain_class("on")
    assert bench.said() == "Your answer is saved."
    assert bench.page.locator(".comment textarea").input_value() == "close call"
    draft = bench.run(DRAFT)
    assert "own" not in draft
    assert draft["comment"] == "close call"


def test_what_is_refused_stays_in_the_field(bench: Any, view: Any) -> None:
    field = opened(bench, view, "Mine")
    bench.page.locator("[data-do=keep]").click()
    (sent,) = bench.sent()
    bench.tell(offered(view(3, answer={"nonce": sent["nonce"], "stored": False, "message": "Not saved."})))
    expect(field).to_be_visible()
    assert (field.input_value(), bench.message()) == ("Mine", "Not saved.")


def test_an_empty_one_is_not_sent(bench: Any, view: Any) -> None:
    opened(bench, view, " \n ")
    bench.page.locator("[data-do=keep]").click()
    assert (bench.sent(), bench.message()) == ([], "Your answer is empty: write something.")


def test_a_draft_of_it_comes_back_open(bench: Any, view: Any) -> None:
    opened(bench, view, "Half of it")
    bench.page.locator("[data-do=unwrite]").click()
    expect(bench.page.locator(".own textarea")).to_be_hidden()
    expect(bench.page.locator("[data-do=write]")).to_be_focused()
    bench.page.reload()
    bench.start(offered(view(3)))
    expect(bench.page.locator(".own textarea")).to_be_visible()
    assert bench.page.locator(".own textarea").input_value() == "Half of it"
    bench.tell(offered(view(3, lease="lease-2")))
    expect(bench.page.locator(".own textarea")).to_be_hidden()
    assert bench.page.locator(".own textarea").input_value() == ""


@pytest.mark.parametrize("leaving", ["submit", "skip", "flag"])
def test_nobody_leaves_a_task_over_an_answer_that_is_not_saved(bench: Any, view: Any, leaving: str) -> None:
    field = opened(bench, view, "Half of it")
    bench.page.keyboard.press("Escape")

    def leave() -> None:
        if leaving == "submit":
            for key in ("a", "1", "b", "2", "c", "3", "Enter"):
                bench.page.keyboard.press(key)
        else:
            bench.page.keyboard.press(leaving[0])
            bench.page.keyboard.press("1")
            bench.page.locator("[data-do=confirm]").click()

    leave()
    assert bench.sent() == []
    assert "not saved yet" in bench.message()
    field.fill("")
    bench.page.keyboard.press("Escape")
    leave()
    assert [sent["action"] for sent in bench.sent()] == ["rank" if leaving == "submit" else leaving]
