"""What every panel is made of."""

from datetime import UTC, datetime
from html import escape
from typing import Any

from annotate.charts import figure

FACTS_SHOWN = 8


def section(title: str, body: str) -> str:
    """One panel with its heading; both are HTML already."""
    return f'<section class="panel"><h2>{title}</h2>{body}</section>'


def table(head: str, rows: str, name: str = "") -> str:
    """A table that scrolls by itself where the screen is narrow."""
    return f'<div class="scroll {name}"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def empty(text: str) -> str:
    """What stands where there is nothing to show yet."""
    return f'<p class="empty">{text}</p>'


def facts(values: dict[str, Any]) -> str:
    """The first few plain values of a dictionary, as words and figures."""
    told = {name: value for name, value in values.items() if isinstance(value, int | float | str)}
    return " ".join(
        f"<span>{escape(name.replace('_', ' '))} <b>{figure(value)[:60]}</b></span>"
        for name, value in list(told.items())[:FACTS_SHOWN]
    )


def count(number: int, noun: str) -> str:
    """1 prompt, 2 prompts."""
    return f"{figure(number)} {noun}{'s' * (number != 1)}"


def percent(share: float) -> str:
    """A share in percent, with a decimal where rounding would hide on which side of one half it lies."""
    return f"{share:.1%}" if 0.49 < share < 0.51 and share != 0.5 else f"{share:.0%}"


def decimal(value: float | None, digits: int = 2) -> str:
    """A measure with a fixed number of decimals; a dash where it is not known."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def clip(text: str, most: int) -> str:
    """The beginning of a long text, escaped."""
    return escape(text if len(text) <= most else text[:most].rstrip() + "…")


def age(created: str) -> float:
    """Seconds since a record was made."""
    return (datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds()


def ago(created: str) -> str:
    """That in words."""
    seconds = age(created)
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            n = int(seconds // size)
            return f"{n} {name}{'s' * (n > 1)} ago"
    return "just now"
