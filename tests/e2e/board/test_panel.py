"""Skip and flag ask for a reason."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

PANEL = "const { openPanel, closePanel, confirmPanel, chooseReason } = await import('/board/panel.js');"
REASONS = {
    "skip": ["I cannot judge this topic", "The prompt is unclear", "I do not read this language"],
    "flag": ["All responses are bad", "Harmful or private content", "Broken text"],
}


@pytest.mark.parametrize("kind", ["skip", "flag"])
def test_the_panel_offers_the_reasons_of_its_kind(bench: Any, view: Any, kind: str) -> None:
    bench.lay(view(2))
    bench.run(PANEL + "openPanel(board, arg)", kind)
    panel = bench.page.locator(".panel")
    told = [f"{number} {reason}" for number, reason in enumerate(REASONS[kind], 1)]
    assert panel.locator(".reasons label").all_text_contents() == told
    assert panel.locator("input:checked").count() == 0  # a reason that is there already would be taken
    expect(panel.locator("input").first).to_be_focused()
    assert (panel.locator("h3").inner_text().split()[0]).lower() == kind
    assert panel.get_attribute("aria-label") == panel.locator("h3").inner_text()
    expect(bench.page.locator("[data-do=submit]")).to_be_hidden()


@pytest.mark.parametrize("kind", ["skip", "flag"])
def test_confirming_sends_reason_addition_and_comment(bench: Any, view: Any, kind: str) -> None:
    bench.lay(view(2))
    bench.page.locator(".comment textarea").fill(" so so ")
    bench.run(PANEL + "openPanel(board, arg)", kind)
    bench.page.locator(".panel textarea").fill(" see above ")
    chosen = "return [3, 0, 4, NaN, 2].map((place) => chooseReason(board, place))"
    assert bench.run(PANEL + chosen) == [True, False, False, False, True]
    bench.run(PANEL + "confirmPanel(board)")
    (sent,) = bench.sent()
    assert (sent["action"], sent["comment"]) == (kind, f"{REASONS[kind][1]}. see above. so so")
    assert (sent["levels"], sent["lease"]) == ([], "lease-1")
    expect(bench.page.locator(".panel")).to_be_hidden()
    assert bench.run("return board.state.panel") is None


def test_cancelling_sends_nothing_and_gives_the_focus_back(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    bench.run(PANEL + "board.state.picked = 1; openPanel(board, 'skip'); closePanel(board)")
    expect(bench.page.locator(".panel")).to_be_hidden()
    assert bench.page.locator(":focus").get_attribute("data-chip") == "1"
    bench.run(PANEL + "board.state.picked = null; openPanel(board, 'skip'); closePanel(board)")
    assert bench.page.locator(":focus").count() == 0
    assert bench.sent() == []


def test_each_opening_starts_afresh(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    bench.run(PANEL + "openPanel(board, 'skip'); chooseReason(board, 3)")
    bench.page.locator(".panel textarea").fill("left over")
    bench.run(PANEL + "closePanel(board); openPanel(board, 'flag')")
    assert bench.page.locator(".panel textarea").input_value() == ""
    assert bench.page.locator(".panel input:checked").count() == 0


def test_an_earlier_ranking_can_be_neither_skipped_nor_flagged(bench: Any, view: Any) -> None:
    bench.lay(view(2, revises=7, slots=[0, 1]))
    bench.run(PANEL + "openPanel(board, 'skip')")
    expect(bench.page.locator(".panel")).to_be_hidden()
