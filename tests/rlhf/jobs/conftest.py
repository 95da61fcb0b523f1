"""A workspace, and beats and pauses that a test has time for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rlhf.jobs import pulse, worker
from store.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, fresh: Callable[[Path], Workspace]) -> Workspace:
    return fresh(tmp_path / "w")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats and pauses that a test has time for."""
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(worker, "MOST_PAUSE", 0.1)
    monkeypatch.setattr(pulse, "MOST_PAUSE", 0.1)
