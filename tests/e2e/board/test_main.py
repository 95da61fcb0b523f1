"""The entry: what a board listens to, and until when."""

from typing import Any

import pytest

pytestmark = pytest.mark.e2e

DRAFT = "return JSON.parse(localStorage.getItem('rankloop:draft:lease-1'))"
AGAIN = "const root = document.querySelector('#root'); const fresh = root.cloneNode(true); root.replaceWith(fresh);"


def test_it_draws_at_once_and_at_every_value(bench: Any, view: Any) -> None:
    bench.start(view(2))
    assert bench.tray() == "AB"
    bench.tell(view(3, lease="lease-2"))
    assert bench.tray() == "ABC"


def test_comment_and_tick_are_kept_as_they_change(bench: Any, view: Any) -> None:
    bench.start(view(2, mark={"name": "gold", "label": "Known", "title": "", "checked": False}))
    bench.page.locator(".comment textarea").press_sequentially("hm")
    assert bench.run(DRAFT)["comment"] == "hm"
    bench.page.locator(".mark").click()
    assert bench.run(DRAFT)["marked"] is True


def test_leaving_the_page_keeps_the_seconds(bench: Any, view: Any) -> None:
    bench.start(view(2))
    bench.page.keyboard.press("1")
    bench.page.clock.run_for(5000)
    bench.run("dispatchEvent(new Event('pagehide'))")
    assert bench.run(DRAFT)["seconds"] == 5


def test_a_board_that_came_anew_is_the_only_one_that_listens(bench: Any, view: Any) -> None:
    """Gradio runs `js_on_load` again when it makes the component anew, and the modules stay as they are."""
    bench.start(view(2))
    bench.page.keyboard.press("1")
    bench.run("window.old = sent")
    bench.run(AGAIN)
    bench.page.locator("#root").evaluate("(root, template) => { root.innerHTML = template }", template(bench))
    bench.start(view(2))
    assert bench.slots() == ["A", ""]
    for key in ("2", "Enter"):
        bench.page.keyboard.press(key)
    assert bench.run("return old") == []
    assert [sent["levels"] for sent in bench.sent()] == [[1, 2]]
    bench.page.clock.run_for(1500)
    bench.page.keyboard.press("b")
    bench.run("localStorage.clear(); dispatchEvent(new Event('pagehide'))")
    assert bench.run(DRAFT)["slots"] == [0, 1]
    assert bench.run("return old") == []


def test_a_board_that_left_the_page_keeps_nothing_more(bench: Any, view: Any) -> None:
    bench.start(view(2))
    bench.run("document.querySelector('#root').remove()")
    bench.page.clock.run_for(1000)
    bench.run("dispatchEvent(new Event('pagehide'))")
    assert bench.run(DRAFT) is None


def template(bench: Any) -> str:
    """The board as Gradio makes it, before anything was drawn."""
    return str(bench.run("return (await (await fetch('/')).text()).split('<div id=root>')[1].slice(0, -6)"))
