"""Settings over settings: workspace.toml over the defaults, flags over both; what does not fit is refused by name."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_type_hints

from store.errors import BadInput

Config = TypeVar("Config")


def overlay(config: Config, values: Mapping[str, Any], where: str = "") -> Config:
    """A copy of a configuration dataclass with some values replaced, nested tables included.

    Raises BadInput for a key that does not exist (with the nearest one) and for a value of another type.
    """
    hints = get_type_hints(type(config))
    changes: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{where}{key}"
        if key not in hints:
            near = difflib.get_close_matches(key, hints, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(hints)}."
            raise BadInput(f"There is no setting {name}: {hint}")
        current = getattr(config, key)
        if dataclasses.is_dataclass(current):
            if not isinstance(value, Mapping):
                raise BadInput(f"{name} is a table of settings, not {value!r}: write [{name}] above its keys.")
            changes[key] = overlay(current, value, f"{name}.")
        else:
            changes[key] = _checked(name, hints[key], value)
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]


def _checked(name: str, kind: Any, value: Any) -> Any:
    if choices := get_args(kind):
        if value not in choices:
            raise BadInput(f"{name} is {value!r}: choose one of {', '.join(map(repr, choices))}.")
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadInput(f"{name} is {value!r}: it must be of type {kind.__name__}.")
    return value
