"""What becomes of a value from the server."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

KEYS = "return Object.keys(localStorage).map((key) => key.replace('rankloop:draft:', '')).sort()"

FULL = {"progress": None, "trouble": "The disk is full."}


def rank_and_send(bench: Any, view: Any) -> str:
    """A submitted ranking of two; its nonce."""
    bench.start(view(2))
    for key in ("1", "2", "Enter"):
        bench.page.keyboard.press(key)
    return str(bench.sent()[0]["nonce"])


def test_a_stored_answer_brings_the_next_task(bench: Any, view: Any) -> None:
    nonce = rank_and_send(bench, view)
    assert bench.run(KEYS) == ["lease-1"]
    bench.tell(view(3, lease="lease-2", answer={"nonce": nonce, "stored": True, "message": ""}))
    expect(bench.page.locator(".saved")).to_contain_class("on")
    assert (bench.slots(), bench.tray(), bench.said()) == (["", "", ""], "ABC", "New task: rank 3 responses.")
    assert bench.run(KEYS) == []
    expect(bench.page.locator(".board")).not_to_contain_class("waiting")
    bench.page.clock.run_for(1199)
    expect(bench.page.locator(".saved")).to_contain_class("on")
    bench.page.clock.run_for(1)
    expect(bench.page.locator(".saved")).not_to_contain_class("on")


def test_a_refusal_keeps_the_choices(bench: Any, view: Any) -> None:
    nonce = rank_and_send(bench, view)
    bench.tell(view(2, answer={"nonce": nonce, "stored": False, "message": "Not saved."}))
    assert (bench.slots(), bench.message(), bench.run(KEYS)) == (["A", "B"], "Not saved.", ["lease-1"])
    expect(bench.page.locator(".saved")).not_to_contain_class("on")
    expect(bench.page.locator(".board")).not_to_contain_class("waiting")


def test_a_stored_answer_without_a_next_task_says_both_and_asks_again(bench: Any, view: Any) -> None:
    nonce = rank_and_send(bench, view)
    answer = {"nonce": nonce, "stored": True, "message": ""}
    bench.tell(view(0, answer=answer) | FULL)
    expect(bench.page.locator(".saved")).to_contain_class("on")
    expect(bench.page.locator(".rest h2")).to_have_text("Saved, but the next task could not be given")
    expect(bench.page.locator(".rest p")).to_have_text("The disk is full. It is asked for again by itself.")
    assert bench.run(KEYS) == []
    bench.page.keyboard.press("Enter")
    bench.page.clock.run_for(21_000)
    assert [sent["action"] for sent in bench.sent()] == ["rank", "next"]
    bench.tell(view(2, lease="lease-2"))
    assert bench.said() == "New task: rank 2 responses."


def test_without_a_next_task_what_was_not_stored_stays_on_the_board(bench: Any, view: Any) -> None:
    nonce = rank_and_send(bench, view)
    answer = {"nonce": nonce, "stored": False, "message": "Not saved."}
    bench.tell(view(0, answer=answer) | FULL)
    assert (bench.slots(), bench.message(), bench.run(KEYS)) == (["A", "B"], "Not saved.", ["lease-1"])
    expect(bench.page.locator(".board")).not_to_contain_class("waiting")
    bench.page.keyboard.press("Enter")
    assert [sent["levels"] for sent in bench.sent()] == [[1, 2], [1, 2]]


def test_the_answer_to_another_question_settles_nothing(bench: Any, view: Any) -> None:
    rank_and_send(bench, view)
    bench.tell(view(2, answer={"nonce": "another", "stored": True, "message": ""}))
    expect(bench.page.locator(".board")).to_contain_class("waiting")
    expect(bench.page.locator(".saved")).not_to_contain_class("on")
    assert bench.run(KEYS) == ["lease-1"]


def test_a_draft_comes_back_with_its_task(bench: Any, view: Any) -> None:
    draft = {"slots": [1, None], "comment": "hm", "marked": True, "seconds": 40, "at": 0}
    bench.run("localStorage.setItem('rankloop:draft:lease-1', JSON.stringify(arg))", draft)
    bench.lay(view(2, mark={"name": "gold", "label": "Known", "title": "", "checked": False}))
    assert (bench.slots(), bench.said()) == (["", "A"], "Your draft is back.")
    assert bench.page.locator(".comment textarea").input_value() == "hm"
    assert bench.page.locator(".mark input").is_checked()
    assert bench.run("return [board.state.seconds, board.state.picked, board.state.history]") == [40, None, []]


def test_a_draft_of_another_size_is_not_taken_for_ranks(bench: Any, view: Any) -> None:
    bench.run("localStorage.setItem('rankloop:draft:lease-1', JSON.stringify({ slots: [0, 1, 2] }))")
    bench.lay(view(2))
    assert (bench.slots(), bench.tray()) == (["", ""], "AB")


def test_an_earlier_ranking_comes_as_it_was(bench: Any, view: Any) -> None:
    bench.lay(view(3, lease="revision-7", revises=7, slots=[1, 0, 1], comment="then"))
    assert (bench.slots(), bench.said()) == (["B", "AC", ""], "An earlier ranking.")
    assert bench.page.locator(".comment textarea").input_value() == "then"
    expect(bench.page.locator(".revising")).to_be_visible()


@pytest.mark.parametrize(("today", "thanks"), [(0, False), (2, True)])
def test_a_rest_says_so(bench: Any, view: Any, today: int, thanks: bool) -> None:
    told = view(0)
    told["progress"]["today"] = today
    bench.lay(told)
    expect(bench.page.locator(".rest h2")).to_have_text("Nothing to rank at the moment")
    assert ("You ranked 2 today, thank you." in bench.page.locator(".rest p").inner_text()) == thanks
    expect(bench.page.locator(".bar")).to_be_hidden()


def test_a_new_task_closes_the_panel_and_starts_at_the_top(bench: Any, view: Any) -> None:
    bench.start(view(8))
    bench.page.keyboard.press("s")
    bench.run("document.body.style.minHeight = '5000px'; scrollTo(0, 900)")
    bench.tell(view(2, lease="lease-2"))
    expect(bench.page.locator(".panel")).to_be_hidden()
    assert bench.run("return [scrollY, document.activeElement.tagName]") == [0, "BODY"]
    bench.page.keyboard.press("1")
    assert bench.slots() == ["A", ""]


def test_before_the_first_value_the_board_waits(bench: Any, view: Any) -> None:
    bench.start(None)
    assert bench.page.locator(".board").get_attribute("data-state") == "loading"
    bench.tell(view(2))
    assert bench.tray() == "AB"


def test_a_first_task_that_does_not_come_is_asked_for_again(bench: Any, view: Any) -> None:
    bench.start(None)
    bench.page.clock.run_for(5_000)
    (asked,) = bench.sent()
    assert asked["action"] == "next"
    bench.tell(view(0, answer={"nonce": asked["nonce"], "stored": False, "message": ""}) | FULL)
    rest = bench.page.locator(".rest")
    expect(rest.locator("h2")).to_have_text("Waiting for your first task")
    expect(rest.locator(".told")).to_have_text("The disk is full.")
    bench.page.clock.run_for(20_000)
    assert [sent["action"] for sent in bench.sent()] == ["next", "next"]
    bench.tell(view(2, answer={"nonce": bench.sent()[1]["nonce"]}))
    assert bench.tray() == "AB"
    expect(rest).to_be_hidden()
    bench.page.clock.run_for(25_000)
    assert len(bench.sent()) == 2


def test_what_was_ranked_already_is_told_and_not_called_saved(bench: Any, view: Any) -> None:
    nonce = rank_and_send(bench, view)
    answer = {"nonce": nonce, "stored": True, "already": True, "message": "Ranked already."}
    bench.tell(view(3, lease="lease-2", answer=answer))
    assert (bench.tray(), bench.message(), bench.run(KEYS)) == ("ABC", "Ranked already.", [])
    expect(bench.page.locator(".saved")).not_to_contain_class("on")
    expect(bench.page.locator(".saved")).to_be_empty()


def test_saved_is_said_to_a_screen_reader(bench: Any, view: Any) -> None:
    nonce = rank_and_send(bench, view)
    saved = bench.page.get_by_role("status")
    expect(saved).to_be_empty()
    bench.tell(view(3, lease="lease-2", answer={"nonce": nonce, "stored": True, "message": ""}))
    expect(saved).to_have_text("Saved")
    bench.page.clock.run_for(1200)
    expect(saved).to_be_empty()


def test_a_new_version_of_the_guidelines_stands_open_until_a_ranking_is_stored(bench: Any, view: Any) -> None:
    def told(version: int, lease: str, answer: Any = None) -> Any:
        text = {"version": version, "html": "<p>Be <b>kind</b>.</p>", "by": "Rosa", "when": "2026-01-02"}
        return view(lease=lease, answer=answer) | {"guidelines": text}

    box = bench.page.locator(".guidelines")
    bench.start(told(1, "a"))
    assert bench.page.locator(".guidelines .text").inner_text() == "Be kind."
    assert not bench.page.locator("p.guideline").is_visible()
    bench.tell(told(1, "b"))
    assert box.evaluate("box => box.open"), "no ranking was stored yet"
    for key in ("1", "2", "3", "4", "Enter"):
        bench.page.keyboard.press(key)
    nonce = str(bench.sent()[0]["nonce"])
    bench.tell(told(1, "c", {"nonce": nonce, "stored": True, "message": ""}))
    assert not box.evaluate("box => box.open")
    bench.tell(told(2, "d"))
    assert box.evaluate("box => box.open")
    assert "version 2" in bench.page.locator(".guidelines summary").inner_text()


def test_after_practice_the_known_order_stays_until_enter(bench: Any, view: Any) -> None:
    practice = {"number": 1, "of": 2, "feedback": ""}
    bench.start(view(2, lease="practice-7", practice=practice))
    line = bench.page.locator(".practice")
    expect(line).to_contain_text("Practice 1 of 2: nothing of it counts.")
    for key in ("s", "f", "1", "2", "Enter"):
        bench.page.keyboard.press(key)
    (sent,) = bench.sent()
    assert (sent["action"], sent["levels"]) == ("rank", [1, 2])
    told = view(2, lease="practice-7", practice=practice | {"feedback": "The known order is B, then A."})
    bench.tell(told | {"answer": {"nonce": sent["nonce"], "stored": False, "message": ""}})
    expect(line).to_contain_text("The known order is B, then A.")
    assert bench.slots() == ["A", "B"], "beside the person's own"
    bench.page.keyboard.press("Enter")
    assert bench.sent()[-1]["action"] == "next"
    bench.tell(view(3, lease="real"))
    expect(line).to_be_hidden()
    expect(bench.page.locator("[data-do=submit]")).to_contain_text("Submit")
