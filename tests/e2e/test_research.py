"""The research page: jobs asked for by a button, followed to their end, cancelled; curves that can be seen."""

import io
from dataclasses import replace
from typing import Any

import pytest
from matplotlib import image
from playwright.sync_api import BrowserContext, expect

from store import annotators, jobs, models, prompts, rankings, responses, scores, tasks
from store.records import Model, Rating
from store.results import Answer, Answers, as_json
from store.workspace import Workspace

pytestmark = pytest.mark.e2e


def rated(workspace: Workspace) -> None:
    """One ranking with scores, so that every usual job can work."""
    with workspace.store() as db:
        annotators.ensure(db, "Cy")
        (task, *_) = tasks.free_for(db, "Cy")
        shown = [response.id for response in responses.of_task(db, task)]
        lease = tasks.lease(db, task, "Cy", shown).lease
        ranking = rankings.submit(db, str(lease), "Cy", dict.fromkeys(shown, 1))
        scores.save(db, Rating("davidson", {}, {}, ranking.id), [(shown[0], 1100.0, 40.0, 3)])


def test_a_reward_job_from_the_button_to_its_result(site: Any, context: BrowserContext) -> None:
    rated(site.workspace)
    page = site.sign_in(context, "Rosa", "researcher")
    page.goto(site.url + "/")
    page.get_by_role("tab", name="Jobs").click()
    button = page.get_by_role("button", name="Retrain reward model")
    expect(page.locator("#jobs")).to_contain_text("No job yet.")
    button.click()
    expect(page.locator("[data-job='1'] .state")).to_have_text("queued")
    expect(button).to_be_disabled()
    expect(page.locator("#notice")).to_contain_text("job 1 is queued")
    # The worker's part.
    with site.workspace.store() as db:
        job = jobs.claim(db, 1)
        assert job is not None
        assert (job.kind, job.params) == ("reward", {})
        jobs.report(db, job.id, 0.4, "Epoch 2 of 5")
        jobs.log(db, job.id, 0, {"accuracy": 0.6})
        jobs.log(db, job.id, 1, {"accuracy": 0.8})
    bar = page.locator("[data-job='1'] .progress")
    expect(bar).to_have_attribute("aria-valuenow", "40")
    expect(page.locator("[data-job='1']")).to_contain_text("Epoch 2 of 5")
    page.get_by_role("tab", name="Loop").click()
    expect(page.locator("#curves figcaption")).to_have_text("accuracy0.8")
    page.go_back()
    expect(page.get_by_role("tab", name="Jobs")).to_have_attribute("aria-selected", "true")
    with site.workspace.store() as db:
        jobs.finish(db, 1, {"reward_accuracy": 0.87})
    expect(page.locator("[data-job='1'] .state")).to_have_text("done")
    expect(page.locator("[data-job='1'] .facts")).to_contain_text("reward accuracy 0.87")
    expect(button).to_be_enabled()


def test_a_round_is_cancelled_and_a_failure_is_told(site: Any, context: BrowserContext) -> None:
    rated(site.workspace)
    page = site.sign_in(context, "Rosa", "admin")
    page.goto(site.url + "/research#/jobs")
    page.get_by_role("button", name="Run PPO round").click()
    expect(page.get_by_role("button", name="Run PPO round")).to_be_disabled()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-job='1'] .state")).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Run PPO round")).to_be_enabled()
    with site.workspace.store() as db:
        jobs.fail(db, jobs.enqueue(db, "round"), "Round 1 needs 32 rankings and 0 are stored: rank 32 more.")
    expect(page.locator("[data-job='2'] .error")).to_contain_text("rank 32 more")


def test_a_prompt_is_put_to_two_versions(site: Any, context: BrowserContext) -> None:
    with site.workspace.store() as db:
        base = models.add(db, Model("asked-base", "policy", "tiny"))
        models.add(db, Model("asked-policy", "policy", "tiny", base))
    page = site.sign_in(context, "Rosa", "researcher")
    page.goto(site.url + "/research#/jobs")
    page.locator("#asking").get_by_label("Prompt").fill("What can I cook?")
    page.locator("#asking").get_by_label("Version", exact=True).select_option("asked-policy")
    page.locator("#asking").get_by_label("Second version").select_option("asked-base")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#jobs .state")).to_have_text("queued")
    with site.workspace.store() as db:
        job = jobs.claim(db, 1)
        assert job is not None
        assert job.params == {"prompt": "What can I cook?", "versions": ["asked-policy", "asked-base"]}
        said = (Answer("asked-policy", "Soup!", True), Answer("asked-base", "Tea", False))
        jobs.finish(db, job.id, as_json(Answers("What can I cook?", said)))
    expect(page.locator(".answers dd")).to_have_text(["Soup!", "Tea …"])
    left, right = (page.locator(".answers dd").nth(n).bounding_box() for n in range(2))
    assert left["y"] == right["y"]
    assert left["x"] < right["x"]
    assert abs(left["width"] - right["width"]) < 1  # neither answer is squeezed
    expect(page.locator("#asking").get_by_label("Prompt")).to_have_value(
        "What can I cook?"
    )  # it may be asked again, of others


def test_a_long_figure_of_a_job_is_broken_and_not_the_page(site: Any, context: BrowserContext) -> None:
    with site.workspace.store() as db:
        job = jobs.start(db, "dpo", {}, 1, owner=False)
        left_out = "543 pairs with equal scores, 8045 pairs beyond max_pairs"
        jobs.finish(db, job.id, {"policy": "policy-9", "left_out": left_out})
    page = site.sign_in(context, "Rosa", "researcher")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(site.url + "/research#/jobs")
        expect(page.locator("#jobs").get_by_text(left_out)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_curves_are_drawn(site: Any, lived_in: Workspace, context: BrowserContext) -> None:
    page = site.sign_in(context, "Rosa", "researcher")
    page.goto(site.url + "/research")
    expect(page.locator("#rounds .chart")).to_have_count(3)
    expect(page.locator("#curves .chart")).to_have_count(4)
    for chart in page.locator(".chart .area").all():
        pixels = image.imread(io.BytesIO(chart.screenshot()))[..., :3]
        # The accent colour: clearly more green than red, unlike card, grid and text.
        drawn = pixels[..., 1] - pixels[..., 0] > 0.1
        assert drawn.sum() > 60
        assert drawn.any(axis=0).mean() > 0.8
    page.get_by_role("tab", name="Versions").click()
    expect(page.locator("#lineage")).to_contain_text("policy-2 ← policy-1 ← tiny-base")


def test_the_page_says_when_the_session_has_ended(site: Any, context: BrowserContext) -> None:
    page = site.sign_in(context, "Rosa", "researcher")
    page.goto(site.url + "/research")
    page.wait_for_selector(".counts")
    with site.workspace.store() as db, db.conn:
        db.execute("DELETE FROM sessions")
    expect(page.locator("#site")).to_have_attribute(
        "data-trouble", "You are signed out: sign in again.", timeout=9000
    )


def test_an_annotator_sees_no_way_in(site: Any, context: BrowserContext) -> None:
    page = site.sign_in(context, "Ada")
    page.goto(site.url + "/research")
    page.wait_for_selector(".card")
    assert page.url.rstrip("/").endswith("/annotate")
    assert page.locator("nav").inner_text().split("\n") == ["Rank", "My answers", "Guidelines"]
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in")


def test_proposed_prompts_are_accepted_and_refused(site: Any, context: BrowserContext) -> None:
    texts = ("How do I keep a fern alive?", "Suggest a name for a dog.", "What is a good soup for two?")
    with site.workspace.store() as db:
        made = [prompts.make([{"role": "user", "content": text}], source="expanded:policy-2") for text in texts]
        one, two, three = prompts.add(db, [replace(prompt, waiting=True) for prompt in made])
        before = prompts.count(db)
    page = site.sign_in(context, "Rosa", "researcher")
    page.goto(site.url + "/research#/prompts")
    panel = page.locator("#proposals")
    expect(panel.locator("li")).to_have_count(3)
    expect(panel).to_contain_text("expanded:policy-2")
    panel.locator(f"[data-accept='{one}']").click()
    expect(panel.locator("li")).to_have_count(2)
    expect(page.locator(".counts")).to_contain_text(f"{before + 1}")
    panel.locator(f"[data-refuse='{two}']").click()
    expect(panel.locator("li")).to_have_count(1)
    panel.locator(f"[data-accept='{three}']").click()
    expect(panel).to_have_text("")
    with site.workspace.store() as db:
        assert prompts.count(db) == before + 2
        assert [p.id for p in prompts.taken_out(db)] == [two]


def test_a_job_is_started_by_its_form(site: Any, lived_in: Workspace, context: BrowserContext) -> None:
    with lived_in.store() as db:
        for job in jobs.active(db):
            jobs.cancel(db, job.id)
    page = site.sign_in(context, "Rosa", "researcher")
    page.goto(site.url + "/research#/jobs")
    page.locator("#start").get_by_text("DPO", exact=True).click()
    form = page.locator("[data-form='dpo']")
    expect(page.locator("#start form:visible")).to_have_count(1)
    form.get_by_label("beta").fill("0")
    form.get_by_role("button", name="Start DPO").click()
    expect(form.get_by_role("alert")).to_have_text("beta is 0.0: it must be above 0.")
    form.get_by_label("beta").fill("0.125")
    form.locator("[name='pairs']").select_option("extremes")
    expect(form.get_by_role("alert")).to_be_hidden()
    form.get_by_role("button", name="Start DPO").click()
    expect(page.locator("#jobs li.queued b").first).to_have_text("DPO")
    with lived_in.store() as db:
        (asked,) = jobs.active(db)
    assert asked.kind == "dpo"
    assert asked.params["settings"]["dpo"]["beta"] == 0.125
    assert asked.params["settings"]["dpo"]["pairs"] == "extremes"
    # The panel was drawn anew: the button says why it rests, and what was typed and chosen is still there.
    expect(form.locator(".why")).to_contain_text(f"Job {asked.id} is queued already")
    expect(form.get_by_role("button", name="Start DPO")).to_be_disabled()
    expect(form.get_by_label("beta")).to_have_value("0.125")
    expect(form).to_be_visible()


def test_a_desk_by_key_whose_panels_stay_open_and_whose_refusals_are_seen(
    site: Any, lived_in: Workspace, context: BrowserContext
) -> None:
    with lived_in.store() as db:
        (running,) = jobs.active(db)
        jobs.log(db, running.id, 41, {f"policy/extra_{n}": 1.0 for n in range(9)})
    page = site.sign_in(context, "Rosa", "researcher")
    page.goto(site.url + "/research")
    page.get_by_text("All metrics").click()
    last = page.locator("#curves [data-name=all] .chart").last
    expect(last).to_be_visible()
    with lived_in.store() as db:
        jobs.log(db, running.id, 42, {f"policy/extra_{n}": 2.0 for n in range(9)})
    expect(last.locator("b")).to_have_text("2")  # drawn anew
    expect(last).to_be_visible()
    page.get_by_text("All metrics").click()
    page.get_by_role("tab", name="Loop").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Jobs")).to_be_focused()
    assert page.url.endswith("/research/#/jobs")
    expect(page.get_by_role("tabpanel")).to_have_count(1)
    button = page.get_by_role("button", name="Cancel")
    button.wait_for()
    page.evaluate("document.querySelector('[data-cancel]').dataset.cancel = 99")
    button.click()
    expect(page.get_by_role("alert").filter(has_text="There is no job 99.")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#said")).to_be_hidden()
    page.keyboard.press("Home")
    page.get_by_role("tab", name="Loop").click()
    expect(page.locator("#curves [data-name=all] .chart").first).to_be_hidden()  # a person closed it


def test_prompts_are_sought_and_the_address_keeps_it(site: Any, lived_in: Workspace, context: BrowserContext) -> None:
    page = site.sign_in(context, "Rosa", "researcher")
    page.goto(site.url + "/research#/prompts")
    found = page.locator("#browse details")
    expect(found).to_have_count(3)
    page.get_by_role("searchbox", name="Words").fill("lentil")
    page.keyboard.press("Enter")
    expect(found).to_have_count(1)
    found.locator("summary").click()
    page.reload()
    expect(found).to_have_count(1)
    expect(page.get_by_role("searchbox", name="Words")).to_have_value("lentil")
    page.go_back()
    expect(found).to_have_count(3)
    page.get_by_label("Rankings").select_option("open")
    expect(page.locator("#browse")).to_contain_text("prompt")
    assert page.url.endswith("#/prompts?state=open")
    with page.expect_download() as taken:
        page.locator("a[href$='prompts.jsonl']").click()
    assert taken.value.suggested_filename == "prompts.jsonl"
    found.first.locator("summary").click()
    found.first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Response")
