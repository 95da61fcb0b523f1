"""Single values of a row: texts, numbers, times, and JSON that a table holds as text."""

import json
import math
from datetime import UTC, datetime
from typing import Any

from store.errors import BadInput
from store.formats.row import Item

EPOCH_MS = 1e11
"""A time above this is in milliseconds since 1970, for in seconds it would lie in the year 5138."""


def text(item: Item, key: str) -> str:
    """A text; raises BadInput for anything else."""
    value = item.get(key)
    if not isinstance(value, str):
        raise BadInput(f"`{key}` is {kind(value)} where text should be")
    return value


def name(item: Item, *keys: str) -> str:
    """Who wrote or ranked something: the first of these columns that says it; "" where none does."""
    for key in keys:
        value = item.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value)
    return ""


def number(item: Item, key: str) -> float:
    """A finite number, which a table may hold as text; raises BadInput."""
    value = item.get(key)
    try:
        found = float(value) if isinstance(value, str | int | float) else math.nan
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise BadInput(f"`{key}` is {value!r:.40}, not a number")
    return found


def seconds(item: Item, key: str) -> float | None:
    """A duration in seconds; None where there is none."""
    return None if item.get(key) in (None, "") else max(0.0, number(item, key))


def time(item: Item, *keys: str) -> str:
    """A time as the store writes it (ISO 8601, UTC, milliseconds); "" where none of these columns has one.

    Raises BadInput for what cannot be read as one.
    """
    for key in keys:
        value = item.get(key)
        if value in (None, ""):
            continue
        try:
            if isinstance(value, datetime):
                found = value
            elif isinstance(value, int | float):
                found = datetime.fromtimestamp(value / 1000 if value > EPOCH_MS else value, UTC)
            else:
                found = datetime.fromisoformat(str(value))
            found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise BadInput(f"`{key}` is {value!r:.40}, not a time such as 2026-01-31T12:00:00Z") from error
        return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return ""


def parsed(value: Any) -> Any:
    """A list or an object that a table holds as JSON in a text; any other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def listed(item: Item, key: str) -> list[Item]:
    """A list of objects; raises BadInput."""
    value = parsed(item.get(key))
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BadInput(f"`{key}` is no list of objects")
    return value


def split(item: Item) -> str | None:
    """The split that a row names; raises BadInput for one that is neither train nor eval."""
    said = item.get("split") or None
    if said not in (None, "train", "eval"):
        raise BadInput(f"split is {said!r}, not train or eval")
    return said


def kind(value: object) -> str:
    """A value's type in a few words."""
    return "missing" if value is None else f"a {type(value).__name__}"
