"""How long work says how far it is, and what it measured at each step."""

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with done, total and what is being done."""


Log = Callable[[int, dict[str, float]], None]
"""Called with a step and its metrics."""


def silent(done: int, total: int, note: str) -> None:
    """A Progress that says nothing."""


def no_log(step: int, metrics: dict[str, float]) -> None:
    """A Log that keeps nothing."""
