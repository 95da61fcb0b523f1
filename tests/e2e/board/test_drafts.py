"""Drafts lie in the browser under the lease, and not for ever."""

from typing import Any

import pytest

pytestmark = pytest.mark.e2e

DRAFTS = "const { keepDraft, draftOf, dropDrafts } = await import('/board/drafts.js');"
KEYS = "return Object.keys(localStorage).sort()"
DAY = 86400_000


def test_a_draft_is_kept_whole_under_its_lease(bench: Any, view: Any) -> None:
    bench.lay(view(3, lease="mine"))
    bench.page.locator(".comment textarea").fill("not sure")
    bench.run(
        "board.state.slots = [0, null, 2]; board.state.seconds = 17; document.querySelector('.mark input').click()"
    )
    bench.run(DRAFTS + "keepDraft(board)")
    draft = bench.run(DRAFTS + "return draftOf('mine')")
    assert draft.pop("at") == bench.run("return Date.now()")
    assert draft == {"slots": [0, None, 2], "comment": "not sure", "marked": True, "seconds": 17}
    assert bench.run(DRAFTS + "return draftOf('another')") is None
    assert bench.run(KEYS) == ["rankloop:draft:mine"]


def test_without_a_task_nothing_is_kept(bench: Any, view: Any) -> None:
    bench.lay(view(0))
    bench.run(DRAFTS + "keepDraft(board)")
    assert bench.run(KEYS) == []


def test_dropping_takes_the_lease_and_what_is_older_than_a_week(bench: Any) -> None:
    code = """const ages = { mine: 0, fresh: 0, week: 7, older: 7.001 };
    for (const [lease, days] of Object.entries(ages)) {
      localStorage.setItem(`rankloop:draft:${lease}`, JSON.stringify({ slots: [], at: Date.now() - days * arg }));
    }
    localStorage.setItem('rankloop:draft:undated', '{}');
    localStorage.setItem('somebody-else', '{}');
    dropDrafts('mine');"""
    bench.run(DRAFTS + code, DAY)
    assert bench.run(KEYS) == ["rankloop:draft:fresh", "rankloop:draft:week", "somebody-else"]


def test_a_storage_that_refuses_costs_nothing_but_the_draft(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    refuse = (
        "for (const name of ['getItem', 'setItem']) Storage.prototype[name] = () => { throw new Error('full'); };"
    )
    code = refuse + "keepDraft(board); dropDrafts('lease-1'); return draftOf('lease-1')"
    assert bench.run(DRAFTS + code) is None


def test_a_broken_draft_is_none(bench: Any) -> None:
    code = "localStorage.setItem('rankloop:draft:x', '{'); dropDrafts('y'); return draftOf('x')"
    assert bench.run(DRAFTS + code) is None
