"""The small scripts of the research page."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

START = """const { start } = await import(`/look/${arg.script}.js`);
window.asked = [];
window.refusal = '';
window.fetch = async (address, sent) => {
  asked.push([address, JSON.parse(sent.body)]);
  return { ok: !refusal, json: async () => ({ error: refusal }) };
};
document.body.innerHTML = '<div id=site></div><div id=panel></div><div id=said hidden><p></p></div>';
const element = document.querySelector('#panel');
element.innerHTML = arg.html;
start({ element, trigger: () => {} });"""
TABLE = """<p>text</p><button data-{0}=7 data-asks='Sure?' data-rests='Why'><b>Do it</b></button>
<button data-{0}=8></button>"""
ASK_EVERY = 5000


@pytest.mark.parametrize(("script", "kind", "name"), [("research", "cancel", "job")])
def test_a_button_is_pressed_once_names_its_row_and_says_why_it_was_refused(
    bench: Any, script: str, kind: str, name: str
) -> None:
    bench.run(START, {"script": script, "html": TABLE.format(kind)})
    first, second = bench.page.locator("#panel button").all()
    bench.page.locator("#panel p").click()
    first.locator("b").click()
    assert bench.run("return asked") == [[f"../api/{kind}", {name: 7}]]
    expect(first).to_be_disabled()
    bench.run("window.refusal = arg", "It is done already.")
    second.dispatch_event("click")
    expect(bench.page.locator("#said")).to_have_text("It is done already.")
    expect(second).to_be_enabled()
    bench.run("window.refusal = ''")
    second.dispatch_event("click")
    expect(bench.page.locator("#said")).to_be_hidden()


def test_a_promotion_asks_first_in_a_table_drawn_anew_as_well(bench: Any) -> None:
    bench.run(START, {"script": "versions", "html": ""})
    bench.run("document.querySelector('#panel').innerHTML = arg", TABLE.format("promote"))
    button, dialog = bench.page.locator("#panel button").first, bench.page.get_by_role("dialog", name="Sure?")
    for no in (lambda: bench.page.keyboard.press("Escape"), dialog.get_by_role("button", name="Cancel").click):
        button.click()
        expect(dialog).to_contain_text("Why")
        no()
        expect(dialog).to_have_count(0)
    assert bench.run("return asked") == []
    button.click()
    dialog.get_by_role("button", name="Promote").click()
    expect(bench.page.locator("dialog")).to_have_count(0)  # closed, it is hidden at once, and taken away after that
    bench.page.wait_for_function("asked.length")
    assert bench.run("return asked") == [["../api/promote", {"model": 7}]]


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
