"""Signed out, unreachable, killed, asked twice, two tabs: nothing is lost and nothing is stored twice."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from store import annotators, rankings, sessions
from store.workspace import Workspace

pytestmark = pytest.mark.e2e


def rank_all(page: Page) -> None:
    page.wait_for_selector(".card")
    for key in ("1", "2", "2", "3"):
        page.keyboard.press(key)


def count(workspace: Workspace) -> int:
    with workspace.store() as db:
        return rankings.count(db)


def test_a_session_that_ended_keeps_the_choices(site: Any, context: BrowserContext) -> None:
    page = site.sign_in(context, "Ada")
    page.goto(site.url + "/annotate")
    rank_all(page)
    with site.workspace.store() as db, db.conn:
        db.execute("DELETE FROM sessions")
    page.keyboard.press("Enter")
    expect(page.locator(".message")).to_contain_text("You are signed out. Your choices are kept", timeout=8000)
    assert count(site.workspace) == 0
    with site.workspace.store() as db:
        token = sessions.open_session(db, "Ada")
    context.add_cookies([{"name": "rankloop_session", "value": token, "url": site.url}])
    page.keyboard.press("Enter")
    expect(page.locator(".progress")).to_contain_text("1 today")
    assert count(site.workspace) == 1


def test_a_server_that_died_and_came_back(process: Any, workspace: Workspace, context: BrowserContext) -> None:
    page = process.site.sign_in(context, "Ada")
    page.goto(process.site.url + "/annotate")
    rank_all(page)
    process.kill()
    page.keyboard.press("Enter")
    expect(page.locator(".message")).to_contain_text(
        "The server is unreachable. Your choices are kept", timeout=12000
    )
    process.start()
    # Gradio loads the page anew when the server is back; the draft fills it again, before and after.
    for _ in range(20):
        expect(page.locator(".slot .chip")).to_have_count(4)
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
        if count(workspace):
            break
    expect(page.locator(".progress")).to_contain_text("1 today")
    assert count(workspace) == 1


def test_a_script_that_does_not_arrive_is_told(site: Any, context: BrowserContext) -> None:
    page = site.sign_in(context, "Ada")
    page.route("**/scripts/*/board/talk.js", lambda route: route.abort())
    page.goto(site.url + "/annotate")
    expect(page.locator("#site")).to_have_attribute("data-trouble", "A part of this page did not arrive: reload it.")
    page.unroute_all()
    page.reload()
    page.wait_for_selector(".card")


def test_asking_twice_stores_once(site: Any, context: BrowserContext) -> None:
    page = site.sign_in(context, "Ada")
    page.goto(site.url + "/annotate")
    rank_all(page)
    for _ in range(3):
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Submit").dispatch_event("click")
    expect(page.locator(".progress")).to_contain_text("1 today")
    page.wait_for_timeout(500)
    assert count(site.workspace) == 1


def test_two_tabs_hold_one_task(site: Any, context: BrowserContext) -> None:
    one = site.sign_in(context, "Ada")
    one.goto(site.url + "/annotate")
    two = context.new_page()
    two.goto(site.url + "/annotate")
    rank_all(one)
    rank_all(two)
    assert one.locator(".prompt").inner_text() == two.locator(".prompt").inner_text()
    for page in (one, two):
        page.bring_to_front()
        page.keyboard.press("Enter")
        expect(page.locator(".progress")).to_contain_text("1 today")
    assert count(site.workspace) == 1
    assert one.locator(".prompt").inner_text() == two.locator(".prompt").inner_text()


def test_two_tabs_with_two_answers(site: Any, context: BrowserContext) -> None:
    one = site.sign_in(context, "Ada")
    one.goto(site.url + "/annotate")
    two = context.new_page()
    two.goto(site.url + "/annotate")
    rank_all(one)
    two.wait_for_selector(".card")
    for key in ("4", "3", "2", "1"):
        two.keyboard.press(key)
    for page in (one, two):
        page.bring_to_front()
        page.keyboard.press("Enter")
        expect(page.locator(".progress")).to_contain_text("1 today")
    expect(two.locator(".message")).to_contain_text("Ranked already, here or in another tab, and differently")
    expect(two.locator(".saved")).to_be_empty()
    two.keyboard.press("p")
    expect(two.locator(".board")).to_have_attribute("data-state", "revising")
    expect(two.locator("[data-slot='1']")).to_have_attribute("aria-label", "Rank 2: B, C")
    assert count(site.workspace) == 1


def test_a_task_that_went_to_somebody_else(site: Any, context: BrowserContext) -> None:
    page = site.sign_in(context, "Ada")
    page.goto(site.url + "/annotate")
    rank_all(page)
    with site.workspace.store() as db, db.conn:
        annotators.ensure(db, "bo")
        db.execute("UPDATE tasks SET annotator = 'bo', lease = 'another' WHERE state = 'leased'")
    page.keyboard.press("Enter")
    expect(page.locator(".message")).to_contain_text("Not saved. This task is no longer yours")
    expect(page.locator(".tray .chip")).to_have_count(4)
    assert count(site.workspace) == 0


def test_stopping_the_server_lets_its_caller_clean_up(process: Any) -> None:
    process.running.terminate()
    assert process.running.wait(15) == 0
