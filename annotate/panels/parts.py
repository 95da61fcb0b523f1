"""What the panels are built of: pieces of HTML, and numbers and times in words.

HTML is a `markupsafe.Markup` and text a `str`. A template is a literal `Markup("<b>{}</b>")`, whose `format` escapes
every text that it is given and no Markup; so text is never escaped by hand, and none can be forgotten.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from markupsafe import Markup

from annotate.charts import number

FACTS_SHOWN = 8
"""As many as fit on a few lines beside a job or a model; the others are in the store."""

MOST_FACT = 60
"""Characters of one of them: a path or a message cannot fill the panel."""


def section(title: str, body: Markup) -> Markup:
    """A panel with its heading."""
    return Markup('<section class="panel"><h2>{}</h2>{}</section>').format(title, body)


def table(head: Markup, rows: Markup, name: str = "") -> Markup:
    """A table that scrolls by itself where the screen is narrow; `name` is the class by which its style is set."""
    return Markup('<div class="scroll {}"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>').format(
        name, head, rows
    )


def heads(*names: str) -> Markup:
    """The head of a table whose columns have these names."""
    return Markup("<th>{}</th>").format(Markup("</th><th>").join(names))


def cells(*values: str) -> Markup:
    """The cells of one row of a table."""
    return Markup("<td>{}</td>").format(Markup("</td><td>").join(values))


def empty(text: str) -> Markup:
    """What stands where there is nothing to show yet."""
    return Markup('<p class="empty">{}</p>').format(text)


def note(text: str) -> Markup:
    """A sentence in small type that explains what stands above it."""
    return Markup('<p class="note">{}</p>').format(text)


def facts(values: Mapping[str, object]) -> Markup:
    """The first few numbers and texts of a dictionary, each with its name."""
    told = [(name, value) for name, value in values.items() if isinstance(value, int | float | str) and value != ""]
    return Markup(" ").join(
        Markup("<span>{} <b>{}</b></span>").format(name.replace("_", " "), number(value)[:MOST_FACT])
        for name, value in told[:FACTS_SHOWN]
    )


def count(how_many: int, noun: str) -> str:
    """1 prompt, 2 prompts."""
    return f"{number(how_many)} {noun}{'s' * (how_many != 1)}"


def percent(share: float) -> str:
    """A share in percent, with a decimal where rounding would hide on which side of one half it lies."""
    return f"{share:.1%}" if 0.49 < share < 0.51 and share != 0.5 else f"{share:.0%}"


def decimal(value: float | None, digits: int = 2) -> str:
    """A measure with a fixed number of decimals; a dash where it is not known."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def clip(text: str, most: int) -> str:
    """The first `most` characters of a text, and "…" where more were cut off."""
    return text if len(text) <= most else text[:most].rstrip() + "…"


def age(created: str) -> float:
    """Seconds since a record was made; `created` is its time in ISO 8601."""
    return (datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds()


def ago(created: str) -> str:
    """How long ago a record was made, in the largest unit that fits: "3 hours ago"."""
    seconds = age(created)
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            n = int(seconds // size)
            return f"{n} {name}{'s' * (n > 1)} ago"
    return "just now"


def about(seconds: float) -> str:
    """A time that is only estimated, in the unit that fits it: "about 3 minutes"."""
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 1.5 * size:
            return f"about {seconds / size:.0f} {name}s"
    return "about a minute" if seconds >= 45 else "less than a minute"
