"""The figures of one's session, and the word that proposes a pause."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e
TICK = """
const { tickSession } = await import('/board/session.js');
for (let i = 0; i < arg[0]; i += 1) tickSession(board, arg[1]);
"""


def test_a_pause_is_proposed_after_long_work_and_can_be_closed(bench: Any, view: Any) -> None:
    bench.lay(view(2) | {"break_after": 50})
    word = bench.page.locator(".pause")
    bench.run(TICK, [49 * 60, True])
    bench.run(TICK, [59, False])  # a look away is no pause
    expect(word).to_be_hidden()
    bench.run(TICK, [1, True])
    expect(word).to_contain_text("You have worked for 50 minutes without a pause.")
    bench.run("const { closeReminder } = await import('/board/session.js'); closeReminder(board)")
    bench.run(TICK, [49 * 60, True])
    expect(word).to_be_hidden()
    bench.run(TICK, [300, False])  # five minutes are one
    bench.run(TICK, [49 * 60, True])
    expect(word).to_be_hidden()
    bench.run(TICK, [60, True])
    expect(word).to_be_visible()


def test_none_is_proposed_where_that_is_off(bench: Any, view: Any) -> None:
    bench.lay(view(2) | {"break_after": 0})
    bench.run(TICK, [9 * 3600, True])
    expect(bench.page.locator(".pause")).to_be_hidden()


def test_the_session_counts_what_was_ranked(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    expect(bench.page.locator(".session")).to_be_hidden()
    bench.run(TICK, [600, True])
    bench.run("const s = await import('/board/session.js'); for (let i = 0; i < 5; i += 1) s.countRanking(board)")
    expect(bench.page.locator(".session")).to_have_text("5 in this session of 10 min, 30 an hour")
