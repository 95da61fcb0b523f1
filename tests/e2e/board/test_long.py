"""Long texts: folded, brought into view, reached by Tab; and the bar leaves room to read them."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

TEXT = "".join(f"<p>Paragraph {i} of words that follow on words.</p>" for i in range(80))
LINK = "<p><a href='https://example.org'>the end</a></p>"


def long_view(view: Any, **task: Any) -> Any:
    return view(4, responses=[TEXT + LINK, TEXT + TEXT, "<p>Short.</p>", TEXT], **task)


def heights(bench: Any) -> list[float]:
    return [box["height"] for text in bench.page.locator(".card .text").all() if (box := text.bounding_box())]


def test_long_answers_are_folded_at_one_height(bench: Any, view: Any) -> None:
    bench.start(long_view(view))
    first, second, short, fourth = heights(bench)
    assert first == second == fourth == 450  # half of the window
    assert short < 60
    assert bench.page.locator(".more").count() == 3
    bench.page.locator("[data-card='1'] .more").click()
    assert heights(bench)[1] > 2000
    assert bench.slots() == ["", "", "", ""]
    bench.page.locator("[data-card='1'] .more").click()
    assert heights(bench)[1] == 450


def test_a_letter_brings_its_card_into_view_above_the_bar_and_again_shows_all(bench: Any, view: Any) -> None:
    bench.start(long_view(view))
    for key, card in (("d", 3), ("a", 0), ("c", 2)):
        bench.page.keyboard.press(key)
        box = bench.page.locator(f"[data-card='{card}'] .badge").bounding_box()
        bar = bench.page.locator(".bar").bounding_box()
        assert 0 <= box["y"] < box["y"] + box["height"] <= bar["y"], key
    bench.page.keyboard.press("b")
    assert heights(bench)[1] == 450
    bench.page.keyboard.press("b")
    assert heights(bench)[1] > 2000


def test_a_link_in_the_fold_is_shown_when_tab_comes_to_it(bench: Any, view: Any) -> None:
    bench.start(long_view(view))
    link = bench.page.locator("[data-card='0'] a")
    link.focus()
    expect(bench.page.locator("[data-card='0']")).not_to_contain_class("folded")


@pytest.mark.parametrize(("words", "size"), [(20, "20px"), (200, "16px")])
def test_a_long_prompt_is_text_and_no_headline(bench: Any, view: Any, words: int, size: str) -> None:
    text = "word " * words
    bench.lay(view(2, prompt=[{"role": "user", "html": f"<p>{text}</p>", "written": text}]))
    assert bench.page.locator(".turn .text").evaluate("e => getComputedStyle(e).fontSize") == size


def test_what_scrolls_is_reached_by_tab_and_what_does_not_is_passed_over(bench: Any, view: Any) -> None:
    wide = f"<div class='wide'><table><tr><td>{'wideword' * 40}</td><td>13.00</td></tr></table></div>"
    narrow = "<div class='wide'><table><tr><td>1</td></tr></table></div><pre><code>x = 1</code></pre>"
    bench.lay(view(2, responses=[wide, narrow]))
    assert bench.page.locator(".text [tabindex='0']").count() == 1
    bench.page.get_by_role("region", name="Table or formula").focus()
    assert bench.page.locator("[data-card='0'] td").first.evaluate("e => e.getClientRects().length") == 1


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844), (640, 400), (320, 256)])
@pytest.mark.parametrize("size", [2, 4, 9, 26])
def test_the_bar_takes_a_third_of_the_window_at_most_and_stays_in_its_place(
    bench: Any, view: Any, size: int, width: int, height: int
) -> None:
    bench.page.set_viewport_size({"width": width, "height": height})
    bench.run("document.body.style = 'margin: 60px 12px 0'")  # as much as the site's header takes
    try:
        bench.start(view(size))
        first = bench.page.locator(".bar").bounding_box()
        assert first["height"] <= height / 3
        assert bench.page.evaluate("document.documentElement.scrollWidth") <= width
        submit = bench.page.locator("[data-do=submit]").bounding_box()
        assert submit["y"] + submit["height"] <= height
        for key in ("a", "2", "b", "2"):
            bench.page.keyboard.press(key)
        assert bench.page.locator(".bar").bounding_box()["height"] <= height / 3
        bench.tell(view(size, lease="lease-2", responses=[TEXT] * size))
        second = bench.page.locator(".bar").bounding_box()
        assert (second["y"], second["height"]) == (first["y"], first["height"])
    finally:
        bench.page.set_viewport_size({"width": 1280, "height": 900})


def test_the_hint_beside_six_letters_is_read_whole_on_a_phone(bench: Any, view: Any) -> None:
    bench.page.set_viewport_size({"width": 390, "height": 844})
    try:
        bench.start(view(6))
        tray = bench.page.locator(".tray")
        assert tray.evaluate("e => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight]") == [0, 0]
        box, slots = tray.bounding_box(), bench.page.locator(".slots").bounding_box()
        assert box["y"] + box["height"] <= slots["y"]
    finally:
        bench.page.set_viewport_size({"width": 1280, "height": 900})
