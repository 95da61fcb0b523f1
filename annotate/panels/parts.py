"""What every panel is made of."""

from datetime import UTC, datetime
from html import escape
from typing import Any

from annotate.charts import figure

FACTS_SHOWN = 8


def section(title: str, body: str) -> str:
    """One panel with its heading; both are HTML already."""
    return f'<section class="panel"><h2>{title}</h2>{body}</section>'


def table(head: str, rows: str) -> str:
    """A table that scrolls by itself where the screen is narrow."""
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


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
