"""What happens by itself as time goes by."""

from typing import Any

import pytest

pytestmark = pytest.mark.e2e

CLOCK = """const { startClock } = await import('/board/clock.js');
window.renewals = [];
window.fetch = async (address, sent) => { renewals.push([address, sent.method, JSON.parse(sent.body)]); };
startClock(board);"""
MINUTE = 60


def wait(bench: Any, seconds: int, *, active: bool = False) -> None:
    """Let time go by, with a sign of the person every half minute or none at all."""
    for begin in range(0, seconds, MINUTE // 2):
        if active:
            bench.run("document.dispatchEvent(new Event('wheel'))")
        bench.page.clock.run_for(1000 * min(MINUTE // 2, seconds - begin))


def seconds(bench: Any) -> int:
    return int(bench.run("return board.state.seconds"))


def test_seconds_count_while_the_person_does_something(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    bench.run(CLOCK)
    wait(bench, 3 * MINUTE, active=True)
    assert seconds(bench) == 180
    # The last sign was after 150 s: a minute later the person is taken to be elsewhere.
    wait(bench, 10 * MINUTE)
    assert seconds(bench) == 209


def test_seconds_do_not_count_while_another_window_is_looked_at(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    bench.run(CLOCK + "document.hasFocus = () => false")
    wait(bench, MINUTE, active=True)
    assert seconds(bench) == 0


def test_the_lease_is_renewed_every_five_minutes_of_work(bench: Any, view: Any) -> None:
    bench.lay(view(2))
    bench.run(CLOCK)
    wait(bench, 5 * MINUTE - 1, active=True)
    assert bench.run("return renewals") == []
    wait(bench, 5 * MINUTE + 1, active=True)
    assert bench.run("return renewals") == [["../api/renew", "POST", {"lease": "lease-1"}]] * 2


@pytest.mark.parametrize("active", [True, False])
def test_what_is_not_worked_on_is_not_renewed(bench: Any, view: Any, active: bool) -> None:
    earlier: dict[str, Any] = {"lease": "revision-7", "revises": 7, "slots": [0, 1]} if active else {}
    bench.lay(view(2, **earlier))
    bench.run(CLOCK)
    wait(bench, 11 * MINUTE, active=active)
    assert bench.run("return renewals") == []


def test_during_a_rest_new_tasks_are_looked_for(bench: Any, view: Any) -> None:
    bench.lay(view(0))
    bench.run(CLOCK)
    wait(bench, 19)
    assert bench.sent() == []
    wait(bench, 1)
    assert [sent["action"] for sent in bench.sent()] == ["next"]


def test_it_ends_when_the_board_has_left_the_page(bench: Any, view: Any) -> None:
    bench.lay(view(0))
    bench.run(CLOCK + "board.element.remove()")
    wait(bench, 2 * MINUTE, active=True)
    assert bench.sent() == []
    assert bench.run("return board.left.signal.aborted")
