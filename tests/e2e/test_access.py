"""The ranking page under axe-core, state by state, in light and in dark, and what axe cannot see."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from store.workspace import Workspace
from tests.e2e.test_trust import rate

pytestmark = pytest.mark.e2e

TECHNICAL = (
    "```python\ndef mean(xs):  # of all\n    return sum(xs) / 2, 'a'\n```\n\n| Name | Price |\n|---|---|\n"
    + f"| {'longword' * 12} | 13.00 |\n\n![a cat](http://evil.example/c.png) and $x^2$",
    "\n\n".join(f"Paragraph {i}. " + "Words follow on words. " * 12 for i in range(9)),
    "",
    "[A link](https://example.org) and `code`.",
)
TABS = {"Loop": "#rounds tr", "Versions": "#versions tr", "People": "#annotators tr", "Prompts": "#browse form"}
TABS["Jobs"] = "#start form"
CHATS = {"Which is **best**? " * 2: TECHNICAL, "And which here? " * 30: TECHNICAL}


def findings(page: Page, *rules: str) -> list[str]:
    """What axe calls serious or critical, by all rules or by these: the rule, and the first element that it found."""
    options: dict[str, Any] = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = Axe().run(page, options=options).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html']}" for v in found if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("workspace", [CHATS], indirect=True)
def test_no_state_of_the_ranking_page_has_a_serious_finding(site: Any, browser: Browser, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
    rules = ("color-contrast",) if scheme == "dark" else ()  # all else is the same there
    page = site.sign_in(context, "Ada")
    page.goto(site.url + "/annotate")
    page.wait_for_selector(".card")
    found = {"a task": findings(page, *rules)}
    expect(page.get_by_role("heading", level=1)).to_have_count(1)

    def see(state: str, *keys: str) -> None:
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(100)
        found[state] = findings(page, *rules)

    see("half ranked", "a", "1", "b", "1", "Enter")
    see("the keys", "w", "?")
    ticked = "getComputedStyle(document.querySelector('.sheet input'), '::after').content"
    assert page.evaluate(ticked) == '"✓"'  # single keys are on, and it looks so
    see("a reason, texts as written", "Escape", "s", "1")
    for key in ("Escape", "c", "2", "d", "3", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".progress")).to_contain_text("1 today")
    for key in ("1", "2", "3", "4", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".rest")).to_be_visible()
    found["a rest"] = findings(page, *rules)
    page.keyboard.press("p")
    expect(page.locator(".board")).to_have_attribute("data-state", "revising")
    found["an earlier ranking"] = findings(page, *rules)
    assert {state: serious for state, serious in found.items() if serious} == {}
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_tab_of_the_research_page_has_a_serious_finding(
    site: Any, lived_in: Workspace, browser: Browser, scheme: Any
) -> None:
    rate(lived_in, "Bo", "Cleo")
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    page = site.sign_in(context, "Rosa", "researcher")
    page.goto(site.url + "/research")
    found = {}
    for tab, ready in TABS.items():
        page.get_by_role("tab", name=tab).click()
        page.wait_for_selector(ready)
        found[tab] = findings(page, *(("color-contrast",) if scheme == "dark" else ()))
    assert {tab: serious for tab, serious in found.items() if serious} == {}
    context.close()


@pytest.mark.parametrize("workspace", [CHATS], indirect=True)
def test_what_has_the_focus_is_never_under_the_bar(site: Any, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 640, "height": 420})
    page = site.sign_in(context, "Ada")
    page.goto(site.url + "/annotate")
    page.wait_for_selector(".card")
    covered = """() => { const a = document.activeElement, bar = document.querySelector('.bar');
      if (!a.closest('.board') || bar.contains(a)) return null;
      const r = a.getBoundingClientRect(), b = bar.getBoundingClientRect();
      return r.top >= b.top - 4 || r.bottom <= 0 ? a.outerHTML.slice(0, 80) : ''; }"""
    seen = []
    for _ in range(16):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(covered))
    assert "" in seen
    assert [hidden for hidden in seen if hidden] == []
    page.evaluate("scrollTo(0, 0)")
    for name in ("previous", "skip"):
        page.locator(f"[data-do={name}]").focus()
        assert page.evaluate("scrollY") == 0, "the page jumps when the bar gets the focus"
    page.set_viewport_size({"width": 1280, "height": 900})
    page.keyboard.press("Space")
    expect(page.locator(".panel")).to_be_visible()
    assert page.evaluate("scrollY") == 0
    context.close()
