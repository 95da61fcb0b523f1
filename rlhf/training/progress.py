"""How long work says how far it is, and what it measured at each step."""

from collections.abc import Callable

OnProgress = Callable[[int, int, str], None]
"""Called with done, total and what is being done."""


OnLog = Callable[[int, dict[str, float]], None]
"""Called with a step and its metrics."""


def silent(done: int, total: int, note: str) -> None:
    """An OnProgress that says nothing."""


def no_log(step: int, metrics: dict[str, float]) -> None:
    """An OnLog that keeps nothing."""
