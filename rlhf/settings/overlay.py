"""Settings over settings: workspace.toml over the defaults, flags over both; what does not fit is refused by name."""

import dataclasses
import difflib
from collections.abc import Hashable, Mapping
from functools import cache
from typing import TypeVar, get_type_hints

from rlhf.settings.bounds import plain, refusal
from store.errors import BadInput

Config = TypeVar("Config")

_SHOWN = 80
"""Characters of a refused value that are shown: a wrong paste may be a page long."""


def overlay(config: Config, values: Mapping[str, object], where: str = "") -> Config:
    """A copy of a configuration dataclass with some values replaced, nested tables included.

    Raises BadInput for a key that does not exist (with the nearest one), for a value of another type and for one
    outside the bounds that stand beside the field.
    """
    hints = _hints(type(config))  # type: ignore[arg-type]
    changes: dict[str, object] = {}
    for key, value in values.items():
        name = f"{where}{key}"
        if key not in hints:
            near = difflib.get_close_matches(key, hints, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(hints)}."
            raise BadInput(f"There is no setting {name}: {hint}")
        current = getattr(config, key)
        if dataclasses.is_dataclass(current):
            if not isinstance(value, Mapping):
                raise BadInput(f"{name} is a table of settings, not {short(value)}: write [{name}] above its keys.")
            changes[key] = overlay(current, value, f"{name}.")
        else:
            changes[key] = checked(name, hints[key], value)
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]


@cache
def _hints(table: Hashable) -> dict[str, object]:
    return get_type_hints(table, include_extras=True)


def checked(name: str, hint: object, value: object) -> object:
    """The value, a whole number as a float where the setting is one; raises BadInput where it does not fit."""
    if reason := refusal(hint, value):
        raise BadInput(f"{name} is {short(value)}: {reason}.")
    return float(value) if plain(hint) is float and isinstance(value, int) else value


def short(value: object) -> str:
    """A refused value as a message shows it."""
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
