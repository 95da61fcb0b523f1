"""A task as elements."""

from typing import Any

import pytest

pytestmark = pytest.mark.e2e


def test_one_card_a_response_in_the_order_told(bench: Any, view: Any) -> None:
    bench.lay(view(3))
    cards = bench.page.locator(".card")
    assert cards.locator(".text").all_inner_texts() == ["Response 0.", "Response 1.", "Response 2."]
    assert [card.get_attribute("aria-label") for card in cards.all()] == [f"Response {x}" for x in "ABC"]
    assert cards.locator(".badge").all_inner_texts() == ["A", "B", "C"]
    assert bench.page.locator(".slot .name").all_inner_texts() == ["1\nbest", "2", "3\nworst"]
    assert bench.page.locator(".slots").evaluate("e => e.style.getPropertyValue('--count')") == "3"


def test_a_new_task_takes_the_place_of_the_old(bench: Any, view: Any) -> None:
    bench.lay(view(4))
    bench.lay(view(2, lease="lease-2"))
    assert [bench.page.locator(kind).count() for kind in (".card", ".chip", ".slot", ".turn")] == [2, 2, 2, 1]


def test_who_said_what_is_told_in_a_conversation_only(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    assert bench.page.locator(".role").count() == 0
    bench.lay(view(2, lease="two", prompt=[{"role": role, "html": "Hello"} for role in ("system", "user")]))
    assert bench.page.locator(".role").count() == 2
    said = [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi"), ("user", "Which?")]
    bench.lay(view(2, lease="lease-2", prompt=[{"role": role, "html": text} for role, text in said]))
    assert [role.lower() for role in bench.page.locator(".role").all_inner_texts()] == [role for role, _ in said]
    assert bench.page.locator(".turn .text").all_inner_texts() == [text for _, text in said]
    kinds = [turn.get_attribute("class") for turn in bench.page.locator(".turn").all()]
    assert kinds == ["turn other", "turn user", "turn other", "turn user"]


@pytest.mark.parametrize(("size", "hint"), [(2, "A–B pick 1–2 rank, equal is a tie"), (8, "A–H pick 1–8 rank")])
def test_the_keys_are_written_below(bench: Any, view: Any, size: int, hint: str) -> None:
    bench.lay(view(size))
    assert hint in " ".join(bench.page.locator(".keys > span").all_inner_texts())
    assert bench.page.locator("[data-do=flag] kbd").inner_text() == ("⇧F" if size == 8 else "F")


@pytest.mark.parametrize(
    ("remaining", "more", "left"), [(0, False, "nothing left"), (3, False, "3 to do"), (500, True, "500+ to do")]
)
def test_progress(bench: Any, view: Any, remaining: int, more: bool, left: str) -> None:
    bench.lay(view(2) | {"progress": {"today": 2, "total": 9, "remaining": remaining, "more": more}})
    assert bench.page.locator(".progress").inner_text() == f"2 today · 9 in all · {left}"
    assert bench.page.locator(".guideline").inner_text() == "Rank well."


def test_the_tick_is_shown_to_whom_it_is_offered(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    assert bench.page.locator(".mark").is_hidden()
    bench.lay(view(2, lease="2", mark={"name": "gold", "label": "Known", "title": "Why", "checked": True}))
    mark = bench.page.locator(".mark")
    assert (mark.inner_text().strip(), mark.get_attribute("title")) == ("Known", "Why")
    assert mark.locator("input").is_checked()


def test_twenty_six_responses_can_all_be_ranked(bench: Any, view: Any) -> None:
    bench.start(view(26))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert bench.tray() == alphabet
    assert "A–Z pick 1–9 rank" in " ".join(bench.page.locator(".keys > span").all_inner_texts())
    commands = [bench.page.locator(f"[data-do={name}] kbd") for name in ("skip", "flag", "previous")]
    assert [key.inner_text() for key in commands] == ["⇧S", "⇧F", "⇧P"]
    wanted = [26 if i % 10 == 9 else i % 10 + 1 for i in range(26)]  # an arrow to the left starts at the last rank
    for letter, rank in zip(alphabet.lower(), wanted, strict=True):
        bench.page.keyboard.press(letter)
        bench.page.keyboard.press("ArrowLeft" if rank == 26 else str(rank))
    bench.page.keyboard.press("Enter")
    assert [sent["levels"] for sent in bench.sent()] == [[min(rank, 10) for rank in wanted]]


def test_a_task_that_cannot_be_drawn_says_so_and_leaves_no_old_cards(bench: Any, view: Any) -> None:
    bench.start(view(3))
    bench.tell(view(27, lease="lease-2"))
    rest = bench.page.locator(".rest")
    assert rest.locator("h2").inner_text() == "This task cannot be shown"
    assert "It has 27 responses, and this page has letters for 26." in rest.locator("p").inner_text()
    assert bench.page.locator(":is(.card, .chip, .slot, .turn)").count() == 0
    assert bench.page.locator(".bar").is_hidden()
    bench.page.keyboard.press("1")
    bench.page.locator("[data-do=drop]").click()
    (skip,) = bench.sent()
    assert (skip["action"], skip["lease"]) == ("skip", "lease-2")
    bench.tell(view(2, lease="lease-2", answer={"nonce": skip["nonce"], "stored": False, "message": "No."}))
    assert (bench.tray(), bench.message()) == ("AB", "No.")


def test_one_key_shows_every_text_as_it_was_written(bench: Any, view: Any) -> None:
    bench.start(view(2))
    bench.page.keyboard.press("w")
    assert bench.page.locator(".card .written").all_inner_texts() == ["Response *0*.", "Response *1*."]
    assert bench.page.locator(".turn .written").is_visible()
    assert not any(text.is_visible() for text in bench.page.locator(".text").all())
    assert bench.said() == "Texts as they were written."
    bench.tell(view(3, lease="lease-2"))
    assert bench.page.locator(".card .written:visible").count() == 3
    bench.page.locator("[data-do=written]").click()
    assert bench.page.locator(".written:visible").count() == 0
    assert bench.page.locator(".text:visible").count() == 4
