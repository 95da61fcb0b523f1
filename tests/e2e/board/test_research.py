"""The two small scripts of the research page."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

START = """const { start } = await import(`/look/${arg.script}.js`);
window.sent = [];
document.body.innerHTML = '<div id=site></div><div id=panel></div>';
const element = document.querySelector('#panel');
element.innerHTML = arg.html;
start({ element, trigger: (event, data) => sent.push([event, data]) });"""
TABLE = "<p>text</p><button data-{0}=7><b>Do it</b></button><button data-{0}=8></button>"
ASK_EVERY = 5000


@pytest.mark.parametrize(
    ("script", "kind", "name"), [("research", "cancel", "job"), ("versions", "promote", "model")]
)
def test_a_button_is_pressed_once_and_names_its_row(bench: Any, script: str, kind: str, name: str) -> None:
    bench.run(START, {"script": script, "html": TABLE.format(kind)})
    first, second = bench.page.locator("button").all()
    bench.page.locator("p").click()
    first.locator("b").click()
    assert bench.sent() == [{name: 7}]
    expect(first).to_be_disabled()
    expect(second).to_be_enabled()


def test_a_button_of_a_table_drawn_anew_works_as_well(bench: Any) -> None:
    bench.run(START, {"script": "versions", "html": ""})
    bench.run("document.querySelector('#panel').innerHTML = arg", "<button data-promote=9>Make default</button>")
    bench.page.locator("button").click()
    assert bench.sent() == [{"model": 9}]


def test_after_a_refusal_a_version_can_be_promoted_again(bench: Any) -> None:
    bench.run(START, {"script": "versions", "html": TABLE.format("promote")})
    button = bench.page.locator("button").first
    button.click()
    bench.page.clock.run_for(2999)
    expect(button).to_be_disabled()
    bench.page.clock.run_for(1)
    expect(button).to_be_enabled()


def test_trouble_is_told_and_taken_back(bench: Any) -> None:
    bench.run(START, {"script": "research", "html": ""})
    site = bench.page.locator("#site")
    bench.page.clock.run_for(ASK_EVERY - 1)
    assert site.get_attribute("data-trouble") is None
    bench.page.clock.run_for(1)
    for fetch, told in (
        ("async () => ({ status: 401 })", "You are signed out: sign in again."),
        ("async () => ({ status: 200 })", ""),
        ("async () => { throw new TypeError() }", "The server is unreachable. This page goes on when it is back."),
        ("async () => ({ status: 503 })", ""),
    ):
        bench.run(f"window.fetch = {fetch}")
        bench.page.clock.run_for(ASK_EVERY)
        expect(site).to_have_attribute("data-trouble", told)


def test_it_asks_no_more_when_the_list_has_left_the_page(bench: Any) -> None:
    bench.run(START, {"script": "research", "html": ""})
    bench.run("window.asked = 0; window.fetch = async () => { asked += 1; return { status: 200 } }")
    bench.page.clock.run_for(2 * ASK_EVERY)
    bench.run("document.querySelector('#panel').remove()")
    bench.page.clock.run_for(4 * ASK_EVERY)
    assert bench.run("return asked") == 2
