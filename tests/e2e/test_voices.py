"""What a person said is theirs to take back: a skip, from the list of one's own answers, in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from store import rankings
from tests.e2e.test_ranking import open_board, shown_texts

pytestmark = pytest.mark.e2e


def test_a_skip_is_taken_back_from_the_list_of_ones_own(site: Any, context: BrowserContext) -> None:
    page = open_board(site, context)
    shown = shown_texts(page)
    page.keyboard.press("s")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator(".card .text").first).not_to_have_text(shown[0])
    page.goto(f"{site.url}/mine/")
    page.get_by_role("link", name="Change").click()
    expect(page.locator(".revising")).to_contain_text("You skipped this one.")
    assert shown_texts(page) == shown
    assert page.evaluate("location.hash") == ""
    for key in "1234":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.locator(".revising")).to_be_hidden()
    with site.workspace.store() as db:
        (ranking,) = rankings.of_annotator(db, "Ada")
        assert sorted(ranking.levels.values()) == [1, 2, 3, 4]
        assert rankings.current(db) == [ranking]
