"""A whole ranking in a real browser, by keys and by dragging, and the row that it leaves."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from store import rankings, responses, tasks
from store.records import Ranking

pytestmark = pytest.mark.e2e


def shown_texts(page: Page) -> list[str]:
    """The responses' texts in the order shown, as a person reads them."""
    return [text.strip() for text in page.locator(".card .text").all_inner_texts()]


def stored(site: Any) -> list[Ranking]:
    with site.workspace.store() as db:
        return rankings.of_annotator(db, "Ada")


def levels_by_text(site: Any, ranking: Ranking) -> dict[str, int]:
    """The stored levels under the texts that the responses have in the store, without markdown."""
    with site.workspace.store() as db:
        texts = {r.id: r.text.replace("**", "") for r in responses.of_task(db, ranking.task_id)}
    return {texts[response_id]: level for response_id, level in ranking.levels.items()}


def open_board(site: Any, context: BrowserContext, path: str = "/annotate") -> Page:
    page = site.sign_in(context, "Ada")
    page.goto(site.url + path)
    page.wait_for_selector(".card")
    return page


def drag(page: Page, letter: str, slot: int, *, start: str = "chip") -> None:
    """Drag a chip, or the letter on a card, into a rank with the mouse."""
    index = "ABCDEFGH".index(letter)
    piece = page.locator(f"[data-chip='{index}']" if start == "chip" else f"[data-card='{index}'] .badge")
    piece.scroll_into_view_if_needed()
    box, goal = piece.bounding_box(), page.locator(f"[data-slot='{slot - 1}']").bounding_box()
    assert box
    assert goal
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(goal["x"] + goal["width"] / 2, goal["y"] + goal["height"] / 2, steps=6)
    page.mouse.up()


def test_join_then_rank_by_keys_with_a_tie(site: Any, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(site.link("annotator"))
    page.fill("[name=name]", "Ada")
    page.fill("[name=password]", "correct horse")
    page.keyboard.press("Enter")
    page.wait_for_selector(".card")
    assert page.url.rstrip("/").endswith("/annotate")
    first, second, third, fourth = shown_texts(page)
    prompt = page.locator(".prompt .text").inner_text()
    for key in ("a", "2", "b", "1", "c", "2"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.locator(".message")).to_have_text("D has no rank yet.")
    assert stored(site) == []
    page.keyboard.press("d")
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    expect(page.locator(".saved.on")).to_be_visible()
    (ranking,) = stored(site)
    assert levels_by_text(site, ranking) == {first: 2, second: 1, third: 2, fourth: 3}
    assert ranking.seconds is not None
    expect(page.locator(".prompt .text")).not_to_have_text(prompt)
    expect(page.locator(".progress")).to_have_text("1 today · 1 in all · 2 to do")


def test_rank_by_dragging_with_a_tie(site: Any, context: BrowserContext) -> None:
    page = open_board(site, context)
    first, second, third, fourth = shown_texts(page)
    before = [card.bounding_box() for card in page.locator(".card").all()]
    drag(page, "A", 1)
    drag(page, "B", 3, start="badge")
    drag(page, "C", 3)
    drag(page, "D", 4)
    drag(page, "D", 2)
    assert shown_texts(page) == [first, second, third, fourth]
    page.evaluate("scrollTo(0, 0)")
    assert [card.bounding_box() for card in page.locator(".card").all()] == before
    expect(page.locator("[data-slot='2']")).to_have_attribute("aria-label", "Rank 3: B, C")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".saved.on")).to_be_visible()
    (ranking,) = stored(site)
    assert levels_by_text(site, ranking) == {first: 1, fourth: 2, second: 3, third: 3}


def test_every_key_and_its_undo(site: Any, context: BrowserContext) -> None:
    page = open_board(site, context)

    def slots() -> list[str]:
        return [box.get_attribute("aria-label") or "" for box in page.locator(".slot").all()]

    page.keyboard.press("1")
    assert slots()[0] == "Rank 1: A"
    page.keyboard.press("a")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert slots()[2] == "Rank 3: A"
    page.keyboard.press("ArrowLeft")
    assert slots()[1] == "Rank 2: A"
    page.keyboard.press("Backspace")
    assert "A" not in "".join(slots())
    for expected in ("Rank 2: A", "Rank 3: A", "Rank 2: A", "Rank 1: A"):
        page.keyboard.press("Control+z")
        assert expected in slots()
    page.keyboard.press("Control+z")
    assert "A" not in "".join(slots())
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    for key, title in (("s", "Skip this one?"), ("f", "Flag this one?")):
        page.keyboard.press(key)
        expect(page.locator(".panel h3")).to_contain_text(title)
        page.keyboard.press("Escape")
        expect(page.locator(".panel")).to_be_hidden()
    assert stored(site) == []
    page.locator(".comment textarea").fill("")
    page.locator(".comment textarea").press_sequentially("sad 12 cafe")
    assert page.locator(".comment textarea").input_value() == "sad 12 cafe"
    assert "A" not in "".join(slots())


def test_focus_is_seen_and_moves_are_announced(site: Any, context: BrowserContext) -> None:
    page = open_board(site, context)
    page.keyboard.press("b")
    focused = page.locator("[data-chip='1']")
    expect(focused).to_be_focused()
    assert focused.evaluate("e => getComputedStyle(e).outlineWidth") == "3px"
    page.keyboard.press("1")
    expect(page.locator(".live")).to_contain_text("B: rank 1. 3 left.")
    page.keyboard.press("a")
    page.keyboard.press("1")
    expect(page.locator(".live")).to_contain_text("A: rank 1, tied with B. 2 left.")
    assert page.locator(".live").get_attribute("aria-live") == "polite"


@pytest.mark.parametrize(
    ("key", "kind", "comment"),
    [
        ("s", "skipped", "The prompt is unclear. see above"),
        ("f", "flagged", "Harmful or private content. see above"),
    ],
)
def test_skip_and_flag_with_a_reason(site: Any, context: BrowserContext, key: str, kind: str, comment: str) -> None:
    page = open_board(site, context)
    page.keyboard.press(key)
    page.keyboard.press("2")
    page.locator(".panel textarea").fill("see above")
    page.locator(".panel .main").click()
    expect(page.locator(".saved.on")).to_be_visible()
    (ranking,) = stored(site)
    assert (ranking.kind, ranking.comment) == (kind, comment)


def test_a_reload_keeps_the_draft(site: Any, context: BrowserContext) -> None:
    page = open_board(site, context)
    texts = shown_texts(page)
    for key in ("a", "3", "d", "1"):
        page.keyboard.press(key)
    page.locator(".comment textarea").fill("not sure")
    page.reload()
    page.wait_for_selector(".card")
    assert shown_texts(page) == texts
    expect(page.locator("[data-slot='2']")).to_have_attribute("aria-label", "Rank 3: A")
    expect(page.locator("[data-slot='0']")).to_have_attribute("aria-label", "Rank 1: D")
    expect(page.locator(".comment textarea")).to_have_value("not sure")


def test_going_back_to_change_an_answer(site: Any, context: BrowserContext) -> None:
    page = open_board(site, context)
    texts = shown_texts(page)
    for key in ("1", "2", "3", "4", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".progress")).to_contain_text("1 today")
    page.keyboard.press("c")
    page.keyboard.press("1")
    page.keyboard.press("p")
    expect(page.locator(".revising")).to_be_visible()
    assert shown_texts(page) == texts
    expect(page.locator("[data-slot='3']")).to_have_attribute("aria-label", "Rank 4: D")
    page.keyboard.press("Escape")
    expect(page.locator(".revising")).to_be_hidden()
    expect(page.locator("[data-slot='0']")).to_have_attribute("aria-label", "Rank 1: C")
    page.keyboard.press("p")
    expect(page.locator(".revising")).to_be_visible()
    page.keyboard.press("d")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator(".revising")).to_be_hidden()
    expect(page.locator("[data-slot='0']")).to_have_attribute("aria-label", "Rank 1: C")
    (ranking,) = stored(site)
    assert levels_by_text(site, ranking) == dict(zip(texts, [1, 2, 3, 1], strict=True))
    assert ranking.supersedes == 1


def test_all_done_then_new_tasks_show_up(site: Any, context: BrowserContext) -> None:
    page = open_board(site, context)
    for left in ("2 to do", "1 to do", "nothing left"):
        page.wait_for_selector(".card")
        for key in ("1", "2", "3", "4", "Enter"):
            page.keyboard.press(key)
        expect(page.locator(".progress")).to_contain_text(left)
    expect(page.locator(".rest h2")).to_have_text("Nothing to rank at the moment")
    with site.workspace.store() as db:
        assert len(stored(site)) == 3
        with db.conn:
            db.execute(
                "INSERT INTO prompts (messages, digest, split, source) VALUES (?, 'd', 'train', 't')",
                ['[{"role": "user", "content": "One more?"}]'],
            )
        ids = responses.add(db, [responses.Response(4, 1, text, 0, {}, "stop") for text in ("Yes.", "No.")])
        tasks.add(db, [tasks.Task(4, tuple(ids))])
    page.get_by_role("button", name="Look again").click()
    expect(page.locator(".prompt")).to_contain_text("One more?")
    assert page.locator(".slot").count() == 2


def test_390_pixels_with_a_finger(site: Any, browser: Browser, touch_drag: Callable[..., None]) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = open_board(site, context)
    first, second, third, fourth = shown_texts(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    lefts = {box["x"] for card in page.locator(".card").all() if (box := card.bounding_box())}
    assert len(lefts) == 1
    touch_drag(page, "[data-chip='0']", "[data-slot='1']")
    touch_drag(page, "[data-chip='1']", "[data-slot='1']")
    page.locator("[data-chip='2']").tap()
    page.locator("[data-slot='0'] .name").tap()
    page.locator("[data-chip='3']").tap()
    page.locator("[data-slot='3'] .name").tap()
    page.get_by_role("button", name="Submit").tap()
    expect(page.locator(".saved.on")).to_be_visible()
    (ranking,) = stored(site)
    assert levels_by_text(site, ranking) == {third: 1, first: 2, second: 2, fourth: 3}
    context.close()


EIGHT = {"Pick one of eight.": tuple(f"Answer number {i}." for i in range(8))}


@pytest.mark.parametrize("workspace", [EIGHT], indirect=True)
def test_eight_responses(site: Any, context: BrowserContext) -> None:
    page = open_board(site, context)
    texts = shown_texts(page)
    assert len(texts) == 8
    for letter, rank in zip("abcdefgh", "87654321", strict=True):
        page.keyboard.press(letter)
        page.keyboard.press(rank)
    page.keyboard.press("Shift+F")
    expect(page.locator(".panel h3")).to_contain_text("Flag this one?")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator(".saved.on")).to_be_visible()
    (ranking,) = stored(site)
    assert levels_by_text(site, ranking) == dict(zip(texts, range(8, 0, -1), strict=True))


def test_dark_and_light(site: Any, browser: Browser) -> None:
    shades = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(site.url + "/login")
        door = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page = site.sign_in(context, scheme)
        page.goto(site.url + "/annotate")
        page.wait_for_selector(".card")
        card = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
        ink = page.evaluate("getComputedStyle(document.querySelector('.card .text p')).color")
        shades[scheme] = [sum(map(int, shade.strip("rgb()").split(","))) / 3 for shade in (door, card, ink)]
        context.close()
    assert shades["light"][0] > 220
    assert shades["light"][1] > 220
    assert shades["light"][2] < 60
    assert shades["dark"][0] < 40
    assert shades["dark"][1] < 60
    assert shades["dark"][2] > 200


def test_a_better_answer_is_written_beside_the_ranks(site: Any, context: BrowserContext) -> None:
    """Written beside the ranks, it is the person’s and above all that was shown; the ranks stay as they were."""
    page = open_board(site, context)
    shown = shown_texts(page)
    page.click("[data-do=write]")
    page.keyboard.type("Ask your butcher for a soup bone, <b>and</b> add 2 carrots.")
    page.keyboard.press("Escape")
    for key in ("a", "1"):
        page.keyboard.press(key)
    page.focus(".own textarea")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".own")).to_be_hidden()
    assert shown_texts(page) == shown
    expect(page.locator("[data-slot='0'] .chip")).to_have_text("A")
    for key in ("b", "2", "c", "3", "d", "3", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("[data-do=write]")).to_be_visible()  # of the next task
    expect(page.locator(".progress")).to_contain_text("2 today")
    assert page.locator(".own textarea").input_value() == ""
    ranked, written = stored(site)
    assert sorted(ranked.levels.values()) == [1, 2, 3, 3]
    assert [written.levels[r] for r in ranked.levels] == [2, 2, 2, 2]
    with site.workspace.store() as db:
        (own,) = [r for r in responses.of_task(db, written.task_id) if r.id not in ranked.levels]
    assert (own.text, own.annotator, own.model_id, written.levels[own.id]) == (
        "Ask your butcher for a soup bone, <b>and</b> add 2 carrots.",
        "Ada",
        None,
        1,
    )
    page.reload()
    page.wait_for_selector(".card")
    page.keyboard.press("p")
    expect(page.locator(".board")).to_have_attribute("data-state", "revising")
    assert shown_texts(page) == shown  # the earlier ranking, and not that of the answer
    expect(page.locator(".own")).to_be_hidden()
