"""Backups by the clock: when one is due, by whom, and what is told where it cannot be made."""

import threading
import time

import pytest

from rlhf.jobs import copies, worker
from rlhf.jobs.copies import Copies
from store import backup, workers
from store.workspace import Workspace
from tests.rlhf.jobs.watching import wait

HOUR = 3600.0


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The clock on the wall and our own, both moved by hand."""
    now = {"wall": 1_000_000_000.0, "own": 0.0}
    monkeypatch.setattr(time, "time", lambda: now["wall"])
    monkeypatch.setattr(copies.time, "monotonic", lambda: now["own"])
    return now


def ask(workspace: Workspace, hours: float, keep: int = 0) -> None:
    (workspace.folder / "workspace.toml").write_text(f"[backup]\nevery_hours = {hours}\nkeep = {keep}\n")


def made(workspace: Workspace) -> int:
    return len(list(workspace.backups.glob("rankloop-*")))


def test_one_is_made_each_time_it_is_due_and_the_oldest_go(workspace: Workspace, clocks: dict[str, float]) -> None:
    by_hand = Copies(workspace)
    assert by_hand.make_if_due() == ""
    assert made(workspace) == 0  # nobody asked for any
    ask(workspace, 2.0, keep=3)
    for minute in range(0, 12 * 60, 20):
        clocks["wall"] += 1200.0
        clocks["own"] += 1200.0
        assert by_hand.make_if_due() == ""
        assert made(workspace) == min(3, 1 + minute // 120), minute
    assert Copies(workspace).make_if_due() == ""  # a worker that is started again sees what is there
    assert made(workspace) == 3


def test_a_clock_that_is_set_back_makes_one_and_not_one_after_the_other(
    workspace: Workspace, clocks: dict[str, float]
) -> None:
    ask(workspace, 2.0)
    by_clock = Copies(workspace)
    by_clock.make_if_due()
    clocks["wall"] -= 1000 * HOUR
    for _ in range(100):
        clocks["own"] += 1.0
        by_clock.make_if_due()
    assert made(workspace) == 1
    clocks["own"] += copies.AGAIN_SECONDS
    by_clock.make_if_due()
    assert made(workspace) == 2


def test_what_cannot_be_made_is_told_and_tried_again(workspace: Workspace, clocks: dict[str, float]) -> None:
    ask(workspace, 2.0)
    workspace.backups.touch()  # where the folder should be
    by_clock = Copies(workspace)
    assert "no backup could be made" in by_clock.make_if_due()
    workspace.backups.unlink()
    clocks["own"] += copies.AGAIN_SECONDS - 1
    assert by_clock.make_if_due() == ""
    assert not workspace.backups.exists()
    clocks["own"] += 2
    assert by_clock.make_if_due() == ""
    assert made(workspace) == 1


def test_settings_that_cannot_be_used_end_no_worker(workspace: Workspace) -> None:
    (workspace.folder / "workspace.toml").write_text("[backup]\nevery_hours = -1\n")
    assert "backup.every_hours is -1" in Copies(workspace).make_if_due()


def test_the_worker_makes_them_while_it_is_idle(
    workspace: Workspace, soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(copies, "HOUR", 0.1)
    ask(workspace, 1.0, keep=2)

    class Enough(Exception):
        """Ends the worker."""

    def make_if_due(self: Copies) -> str:
        if threading.current_thread().name == "ends":
            raise Enough
        return due(self)

    due = Copies.make_if_due
    monkeypatch.setattr(Copies, "make_if_due", make_if_due)
    newest: list[float] = []

    def work() -> None:
        with pytest.raises(Enough):
            worker.work(workspace)

    thread = threading.Thread(target=work)
    thread.start()

    def several() -> bool:
        found = backup.newest(workspace)
        if found and found not in newest:
            newest.append(found)
        return len(newest) >= 3

    wait(several, 20)
    thread.name = "ends"
    thread.join()
    assert made(workspace) <= 3  # the kept ones, and one that may be in the making
    with workspace.store() as db:
        assert workers.living(db) == []
