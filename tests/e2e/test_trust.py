"""How far to trust the rankings, in the browser: versions, annotators, gold and one's own figures."""

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from store import annotators, checks, jobs, models, rankings, responses, scores, sessions
from store.records import Model, PairAgreement, Rating
from store.workspace import Workspace

pytestmark = pytest.mark.e2e

ATTACK = "<img src=x onerror='window.hacked = 1'>${window.hacked = 1}{{this}}<script>window.hacked = 1</script>"


def line(name: str, **known: Any) -> dict[str, Any]:
    unknown = dict.fromkeys(("log_loss", "reliability", "gold_accuracy"))
    measured = {"tau": 0.62, "consistency": 0.875, "repeats": 4, "seconds": 31.6}
    return {"name": name, "rankings": 34, **unknown, **measured, "gold": 0, "flagged": False, **known}


def rate(workspace: Workspace, *names: str, newest: str = "policy-2") -> None:
    """A rating in which the named annotators differ on the first prompt and the newest version beats the base."""
    with workspace.store() as db:
        for name in names:
            annotators.ensure(db, name)
        if newest not in {model.name for model in models.every(db)}:
            models.add(db, Model(newest, "policy", "tiny", 1))
        last = max(ranking.id for ranking in rankings.current(db))
        shares = {"share": 0.71, "low": 0.58, "high": 0.84, "prompts": 64}
        versions = [
            {"name": newest, "elo": 1123.0, "low": 1080.0, "high": 1166.0, "comparisons": 310, "prompts": 64},
            {"name": "tiny-base", "elo": 1000.0, "low": 1000.0, "high": 1000.0, "comparisons": 310, "prompts": 64},
        ]
        metrics = {
            "alpha": 0.41,
            "alpha_low": 0.36,
            "alpha_high": 0.46,
            "by_annotator": [line(name) for name in names],
            "disputed": [{"prompt_id": 1, "disputed": 0.6, "rankings": 3}],
            "leaderboard": {
                "versions": versions,
                "decision": "newest beats base",
                "newest": newest,
                "base": "tiny-base",
                "judges": "people",
                "rankings": 240,
                **shares,
            },
        }
        found = [(response.id, 1100.0 - response.id, 40.0, 3) for response in responses.of_prompt(db, 1)]
        pairs = [PairAgreement(names[0], name, 0.3, 7) for name in names[1:]]
        scores.save(db, Rating("davidson", {}, metrics, last), found, pairs)


def research(site: Any, context: BrowserContext, tab: str) -> Page:
    page = site.sign_in(context, "Rosa", "researcher")
    page.goto(f"{site.url}/research#/{tab}")
    return page


def test_the_promote_button_changes_the_generator(site: Any, lived_in: Workspace, context: BrowserContext) -> None:
    rate(lived_in, "Bo", "Cleo")
    page = research(site, context, "versions")
    expect(page.locator("#versions")).to_contain_text("policy-2 wins 71% against tiny-base on 64 prompts")
    row = page.locator("tr[data-version='policy-2']")
    expect(row.get_by_role("img")).to_have_attribute(
        "aria-label", "Elo 1\u202f123, 95% interval 1\u202f080 to 1\u202f166"
    )
    expect(page.get_by_role("button", name="Promote anyway")).to_have_count(3)
    row.get_by_role("button", name="Promote", exact=True).click()
    asked = page.get_by_role("dialog", name="Promote policy-2?")
    expect(asked).to_contain_text("policy-2 wins 71% against tiny-base on 64 prompts")
    asked.get_by_role("button", name="Cancel").click()
    expect(asked).to_have_count(0)
    with lived_in.store() as db:
        assert models.generator(db) is None
    row.get_by_role("button", name="Promote", exact=True).click()
    asked.get_by_role("button", name="Promote").click()
    expect(row.locator(".tag")).to_have_text("default generator")
    with lived_in.store() as db:
        first = models.generator(db)
        assert first is not None
        assert first.name == "policy-2"
    page.locator("tr[data-version='tiny-base']").get_by_role("button", name="Promote anyway").click()
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(page.locator("tr[data-version='tiny-base'] .tag")).to_have_text("default generator")
    with lived_in.store() as db:
        assert [(p.model_id, p.by) for p in models.promotions(db)] == [(first.id, "Rosa"), (1, "Rosa")]


def test_rating_is_asked_for_by_a_button(site: Any, lived_in: Workspace, context: BrowserContext) -> None:
    rate(lived_in, "Bo", "Cleo")
    with lived_in.store() as db:
        (running,) = jobs.active(db)
        jobs.cancel(db, running.id)
    page = research(site, context, "jobs")
    button = page.get_by_role("button", name="Rate the rankings")
    button.click()
    expect(page.locator("#jobs .state").first).to_have_text("queued")
    expect(button).to_be_disabled()
    expect(page.get_by_role("button", name="Retrain reward model")).to_be_enabled()
    with site.workspace.store() as db:
        (asked,) = jobs.active(db)
        assert (asked.kind, asked.params) == ("rate", {})
        jobs.cancel(db, asked.id)
    expect(button).to_be_enabled()


def test_a_disputed_prompt_stays_open_while_the_page_asks_again(
    site: Any, lived_in: Workspace, context: BrowserContext
) -> None:
    rate(lived_in, "Bo", "Cleo")
    page = research(site, context, "people")
    opened = page.locator(".disputed details")
    opened.locator("summary").click()
    with lived_in.store() as db:
        checks.mark_gold(db, rankings.current(db)[0].id)
    expect(page.locator("#annotators")).to_contain_text("1 gold answer:", timeout=9000)
    expect(opened.locator("li").first).to_be_visible()
    expect(opened.locator("li header b").first).to_have_text("1099")


def test_hostile_names_and_texts_are_text(site: Any, lived_in: Workspace, context: BrowserContext) -> None:
    rate(lived_in, ATTACK[:80], "Cleo", newest=ATTACK)
    with lived_in.store() as db, db.conn:
        db.execute("UPDATE responses SET text = ?", [ATTACK])
    page = research(site, context, "people")
    page.locator(".disputed summary").click()
    expect(page.locator(".disputed li p").first).to_have_text(ATTACK)
    page.get_by_role("tab", name="Versions").click()
    expect(page.locator("#versions td.name").first).to_have_text(ATTACK)
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert page.locator(":is(#versions, #annotators) :is(img, script)").count() == 0


def test_a_narrow_page_does_not_scroll_sideways(site: Any, lived_in: Workspace, browser: Browser) -> None:
    rate(lived_in, "Bo", "Marguerite Oyelaran-Fitzgerald", "Cleo")
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = research(site, context, "people")
    page.wait_for_selector("#annotators .matrix")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("tab", name="Versions").click()
    page.wait_for_selector("#versions button")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    box = page.get_by_role("button", name="Promote", exact=True).bounding_box()
    assert box
    assert box["x"] + box["width"] <= 390
    context.close()


def rank(page: Page, keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_researcher_ticks_gold_and_goes_on_by_keyboard(site: Any, context: BrowserContext) -> None:
    page = site.sign_in(context, "Rosa", "researcher")
    page.goto(site.url + "/annotate")
    page.wait_for_selector(".card")
    tick = page.get_by_label("Gold: this order is the known answer")
    tick.click()
    rank(page, "a1b2")
    page.reload()
    page.wait_for_selector(".card")
    expect(tick).to_be_checked()
    rank(page, "34")
    page.keyboard.press("Enter")
    expect(page.locator(".progress")).to_contain_text("1 today")
    expect(tick).not_to_be_checked()
    with site.workspace.store() as db:
        (known,) = checks.gold(db)
        assert [known] == rankings.current(db)
    # Back to it: it is ticked, by the keyboard it is not, and the change takes the mark away.
    page.keyboard.press("p")
    expect(tick).to_be_checked()
    tick.focus()
    page.keyboard.press("Space")
    expect(tick).not_to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator(".board")).to_have_attribute("data-state", "ranking")
    with site.workspace.store() as db:
        assert checks.gold(db) == []
        assert rankings.current(db)[0].supersedes == known.id


def test_all_tied_is_no_known_answer_and_says_so(site: Any, context: BrowserContext) -> None:
    page = site.sign_in(context, "Rosa", "admin")
    page.goto(site.url + "/annotate")
    page.wait_for_selector(".card")
    rank(page, "1111")
    page.get_by_label("Gold").check()
    page.keyboard.press("Enter")
    expect(page.locator(".message")).to_contain_text("Saved, but not as gold.")
    expect(page.locator(".progress")).to_contain_text("1 today")


def test_an_annotator_sees_their_own_figures_and_no_gold(
    site: Any, lived_in: Workspace, context: BrowserContext
) -> None:
    rate(lived_in, "Zachary", "Ada Lovelace", "Bo")
    with lived_in.store() as db:
        token = sessions.open_session(db, "Ada Lovelace")
    context.add_cookies([{"name": "rankloop_session", "value": token, "url": site.url}])
    page = context.new_page()
    page.goto(site.url + "/annotate")
    page.wait_for_selector(".card")
    page.get_by_text("Your figures, from 34 rankings").click()
    own = page.locator("#own")
    for told in ("0.62", "0.41", "88%", "32 s"):
        expect(own).to_contain_text(told)
    expect(page.locator(".mark input")).to_be_hidden()
    text = page.locator("body").inner_text()
    for kept in ("Zachary", "Bo", "Gold", "gold", "policy"):
        assert kept not in text
