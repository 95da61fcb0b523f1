"""Results to JSON and back: one function each way."""

import dataclasses
import math
import types
from collections.abc import Hashable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints

from store.errors import BadInput
from store.records import Json

Result = TypeVar("Result")


def as_json(value: object) -> Json:
    """A result as JSON's own types: records become objects, tuples lists, NaN and infinity null."""
    told = _as_json(value)
    return cast(Json, told) if isinstance(told, dict) else {}


def _as_json(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _as_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _as_json(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(held) for held in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read(kind: type[Result], values: Mapping[str, object]) -> Result:
    """The record that `as_json` wrote; keys of other versions are passed over, what a version did not have is its
    default. Raises BadInput where something is missing that has none."""
    given: dict[str, object] = {}
    for name, hint in _hints(kind).items():  # type: ignore[arg-type]
        if name in values:
            given[name] = _read(hint, values[name])
    try:
        return kind(**given)
    except TypeError as error:
        raise BadInput(f"A stored {kind.__name__} cannot be read ({error}): make it anew with --again.") from error


@cache
def _hints(kind: Hashable) -> dict[str, object]:
    return get_type_hints(kind)


def _read(hint: object, value: object) -> object:
    if get_origin(hint) in (Union, types.UnionType):
        return None if value is None else _read(next(p for p in get_args(hint) if p is not type(None)), value)
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(_read(get_args(hint)[0], held) for held in value)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return read(hint, value)
    return value
