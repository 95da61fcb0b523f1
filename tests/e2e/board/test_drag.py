"""Dragging with a real mouse, and tapping."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


def box(bench: Any, selector: str) -> dict[str, float]:
    found = bench.page.locator(selector).bounding_box()
    assert found, selector
    return found


def middle(bench: Any, selector: str) -> tuple[float, float]:
    found = box(bench, selector)
    return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2


def lift(bench: Any, selector: str) -> None:
    """Press on it and move far enough that it hangs on the mouse."""
    x, y = middle(bench, selector)
    bench.page.mouse.move(x, y)
    bench.page.mouse.down()
    bench.page.mouse.move(x + 20, y + 20)
    expect(bench.page.locator(".ghost")).to_have_count(1)


def drop(bench: Any, x: float, y: float) -> None:
    bench.page.mouse.move(x, y)
    bench.page.mouse.up()


def test_into_a_rank_and_back_to_the_tray(bench: Any, view: Any) -> None:
    bench.start(view(3))
    lift(bench, "[data-chip='1']")
    drop(bench, *middle(bench, "[data-slot='2']"))
    assert (bench.slots(), bench.tray()) == (["", "", "B"], "AC")
    lift(bench, "[data-card='0'] .badge")
    drop(bench, *middle(bench, "[data-slot='2']"))
    assert bench.slots() == ["", "", "AB"]
    lift(bench, "[data-chip='1']")
    drop(bench, *middle(bench, ".tray"))
    assert (bench.slots(), bench.tray()) == (["", "", "A"], "BC")
    assert bench.said() == "B: not ranked. 2 left."
    assert bench.page.locator(".ghost, .lifted, .dragging, .over").count() == 0


def test_a_press_that_hardly_moves_is_a_pick(bench: Any, view: Any) -> None:
    bench.start(view(2))
    x, y = middle(bench, "[data-chip='1']")
    bench.page.mouse.move(x, y)
    bench.page.mouse.down()
    bench.page.mouse.move(x + 3, y + 4)
    assert bench.page.locator(".ghost").count() == 0
    bench.page.mouse.up()
    assert bench.said() == "B picked. not ranked"
    bench.page.mouse.move(x, y)
    bench.page.mouse.down()
    bench.page.mouse.move(x + 4, y + 5)
    assert bench.page.locator(".ghost").inner_text() == "B"
    bench.page.mouse.up()


@pytest.mark.parametrize(
    ("side", "beyond", "inside"),
    [
        ("left", 3, True),
        ("left", 5, False),
        ("right", 3, True),
        ("right", 5, False),
        ("top", 13, True),
        ("top", 15, False),
        ("bottom", 13, True),
        ("bottom", 15, False),
    ],
)
def test_a_little_beside_a_rank_still_counts(bench: Any, view: Any, side: str, beyond: int, inside: bool) -> None:
    bench.start(view(2))
    # Apart from one another, so that only the first rank is meant.
    bench.page.add_style_tag(content=".slots { gap: 100px !important } .row { gap: 100px !important }")
    around = box(bench, "[data-slot='0']")
    x, y = middle(bench, "[data-slot='0']")
    goal = {
        "left": (around["x"] - beyond, y),
        "right": (around["x"] + around["width"] + beyond, y),
        "top": (x, around["y"] - beyond),
        "bottom": (x, around["y"] + around["height"] + beyond),
    }[side]
    lift(bench, "[data-chip='0']")
    bench.page.mouse.move(*goal)
    assert bench.page.locator("[data-slot='0'].over").count() == inside
    bench.page.mouse.up()
    assert bench.slots() == ["A" if inside else "", ""]


def test_escape_puts_it_back(bench: Any, view: Any) -> None:
    bench.start(view(2))
    lift(bench, "[data-chip='0']")
    bench.page.mouse.move(*middle(bench, "[data-slot='1']"))
    bench.page.keyboard.press("Escape")
    bench.page.mouse.up()
    assert (bench.slots(), bench.page.locator(".ghost, .lifted, .over").count()) == (["", ""], 0)


def test_a_pointer_that_the_browser_takes_away_places_nothing(bench: Any, view: Any) -> None:
    bench.start(view(2))
    lift(bench, "[data-chip='0']")
    x, y = middle(bench, "[data-slot='1']")
    bench.page.mouse.move(x, y)
    cancel = {"bubbles": True, "clientX": x, "clientY": y}
    bench.page.locator("[data-chip='0']").dispatch_event("pointercancel", cancel)
    bench.page.mouse.up()
    assert (bench.slots(), bench.page.locator(".ghost").count()) == (["", ""], 0)


def test_another_button_drags_nothing(bench: Any, view: Any) -> None:
    bench.start(view(2))
    bench.page.mouse.move(*middle(bench, "[data-chip='0']"))
    bench.page.mouse.down(button="right")
    bench.page.mouse.move(*middle(bench, "[data-slot='1']"))
    assert bench.page.locator(".ghost").count() == 0
    bench.page.mouse.up(button="right")
    assert bench.slots() == ["", ""]


def test_tapping_a_letter_and_then_a_rank(bench: Any, view: Any) -> None:
    bench.start(view(3))
    bench.page.locator("[data-slot='1']").click()
    assert bench.slots() == ["", "", ""]
    bench.page.locator("[data-chip='2']").click()
    bench.page.locator("[data-slot='1']").click()
    assert bench.slots() == ["", "C", ""]


def test_a_tap_on_a_card_picks_it_unless_text_is_selected(bench: Any, view: Any) -> None:
    bench.start(view(2))
    bench.page.locator("[data-card='1']").click(position={"x": 5, "y": 5})
    assert bench.said() == "B picked. not ranked"
    text = box(bench, "[data-card='0'] .text p")
    bench.page.mouse.move(text["x"] + 1, text["y"] + 10)
    bench.page.mouse.down()
    bench.page.mouse.move(text["x"] + 60, text["y"] + 10)
    bench.page.mouse.up()
    assert bench.run("return String(getSelection())")
    assert bench.said() == "B picked. not ranked"
    bench.page.locator("[data-card='0']").click(position={"x": 5, "y": 5})
    assert bench.said() == "A picked. not ranked"
