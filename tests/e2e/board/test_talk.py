"""What the server is told, and what the person is told while no answer comes."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

TALK = "const { send, submit, back, settlePending } = await import('/board/talk.js');"
PATIENCE = 4000
ANSWERS = {
    "signed out": ("async () => ({ status: 401, ok: false })", "You are signed out. Your choices are kept"),
    "slow": ("async () => ({ status: 200, ok: true })", "No answer yet. Your choices are kept"),
    "broken": ("async () => ({ status: 500, ok: false })", "The server is unreachable. Your choices are kept"),
    "gone": ("async () => { throw new TypeError('no network') }", "The server is unreachable. Your choices are kept"),
}


def test_a_question_says_all_of_the_ranking(bench: Any, view: Any) -> None:
    bench.lay(view(3))
    bench.page.locator(".comment textarea").fill("close call")
    bench.run(TALK + "board.state.slots = [2, 0, 2]; board.state.seconds = 31; submit(board)")
    (sent,) = bench.sent()
    assert sent.pop("nonce")
    told = {"action": "rank", "lease": "lease-1", "ranking": 0, "levels": [2, 1, 2], "seconds": 31}
    assert sent == told | {"comment": "close call"}
    expect(bench.page.locator(".board")).to_contain_class("waiting")


def test_one_question_at_a_time_each_with_a_nonce_of_its_own(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    bench.run(TALK + "send(board, 'next'); send(board, 'previous')")
    assert [sent["action"] for sent in bench.sent()] == ["next"]
    bench.run(TALK + "for (let i = 0; i < 5; i += 1) { settlePending(board); send(board, 'next'); }")
    nonces = [sent["nonce"] for sent in bench.sent()]
    assert len(set(nonces)) == len(nonces) == 6


@pytest.mark.parametrize(("action", "levels"), [("rank", [1, 2]), ("revise", [1, 2]), ("skip", []), ("next", [])])
def test_levels_go_with_rankings_only(bench: Any, view: Any, action: str, levels: list[int]) -> None:
    bench.lay(view(2))
    bench.run(TALK + "board.state.slots = [0, 1]; send(board, arg)", action)
    assert bench.sent()[0]["levels"] == levels


@pytest.mark.parametrize("ticked", [True, False])
def test_a_tick_goes_under_the_name_that_the_server_gave(bench: Any, view: Any, ticked: bool) -> None:
    bench.lay(view(2, mark={"name": "gold", "label": "Known", "title": "", "checked": not ticked}))
    bench.run(TALK + "document.querySelector('.mark input').click(); send(board, 'next')")
    assert bench.sent()[0]["gold"] is ticked


@pytest.mark.parametrize(
    ("slots", "told"), [([None, 0, None], "A, C have no rank yet."), ([0, 0, None], "C has no rank yet.")]
)
def test_what_is_not_ranked_is_not_sent(bench: Any, view: Any, slots: list[int | None], told: str) -> None:
    bench.lay(view(3))
    bench.run(TALK + "board.state.slots = arg; submit(board)", slots)
    assert (bench.sent(), bench.message()) == ([], told)


def test_an_open_panel_is_not_submitted_past(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    bench.run(TALK + "board.state.slots = [0, 1]; board.state.panel = 'skip'; submit(board)")
    assert bench.sent() == []


def test_a_change_names_what_it_changes_and_back_is_for_changes(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    bench.run(TALK + "back(board)")
    assert bench.sent() == []
    bench.lay(view(2, lease="revision-7", revises=7, slots=[0, 1]))
    bench.run(TALK + "submit(board); settlePending(board); back(board)")
    assert [(sent["action"], sent["ranking"]) for sent in bench.sent()] == [("revise", 7), ("next", 7)]


@pytest.mark.parametrize("trouble", ANSWERS)
def test_no_answer_is_explained_and_asking_again_possible(bench: Any, view: Any, trouble: str) -> None:
    answer, told = ANSWERS[trouble]
    bench.lay(view(2))
    bench.run(TALK + f"window.fetch = {answer}; board.state.slots = [0, 1]; submit(board)")
    bench.page.clock.run_for(PATIENCE - 1)
    assert bench.message() == ""
    bench.page.clock.run_for(1)
    expect(bench.page.locator(".message")).to_contain_text(told)
    expect(bench.page.locator(".board")).not_to_contain_class("waiting")
    bench.run(TALK + "submit(board)")
    first, second = bench.sent()
    assert first["nonce"] != second["nonce"]
    assert (first["lease"], first["levels"]) == (second["lease"], second["levels"])
    assert bench.message() == ""


def test_an_answer_in_time_leaves_the_server_alone(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    bench.run("window.asked = 0; window.fetch = async () => { asked += 1; return { status: 200, ok: true } }")
    bench.run(TALK + "send(board, 'next'); settlePending(board)")
    bench.page.clock.run_for(3 * PATIENCE)
    assert (bench.run("return asked"), bench.message()) == (0, "")


def test_an_answer_that_comes_while_the_trouble_is_looked_for_wins(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    bench.run("window.fetch = () => new Promise((answer) => { window.answer = answer })")
    bench.run(TALK + "send(board, 'next')")
    bench.page.clock.run_for(PATIENCE)
    bench.run(TALK + "settlePending(board); send(board, 'next'); answer({ status: 401 }); await null; await null")
    assert bench.message() == ""
    expect(bench.page.locator(".board")).to_contain_class("waiting")
