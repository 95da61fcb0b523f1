"""What a setting may be: bounds that stand in its type, read by the command line, by workspace.toml and by the pages.

A bound is an annotation (`Annotated[int, Ge(1)]`, of the package annotated-types), so that it stands beside the field
and no reader needs torch, tyro or pydantic to know it.
"""

import math
import types
from dataclasses import dataclass
from typing import Annotated, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

Hint = object
"""A type as `typing.get_type_hints(..., include_extras=True)` gives it."""

Count = Annotated[int, Ge(1)]
"""A whole number from 1."""
Some = Annotated[int, Ge(0)]
"""A whole number from 0."""
Seed = Annotated[int, Ge(0), Lt(2**31)]
"""A seed of a random generator; torch and numpy both take it."""
Share = Annotated[float, Ge(0.0), Le(1.0)]
"""A part of a whole."""
Positive = Annotated[float, Gt(0.0)]
"""A number above 0."""
NotNegative = Annotated[float, Ge(0.0)]
"""A number from 0."""
Port = Annotated[int, Ge(1), Lt(2**16)]
"""A TCP port."""


@dataclass(frozen=True)
class Names:
    """What a text names: a policy of the workspace, or a file; a page offers the one and checks the other."""

    what: Literal["policy", "file"]


PolicyName = Annotated[str, Names("policy")]
"""The name of a policy of the workspace."""
FileName = Annotated[str, Names("file")]
"""The path of a file."""

LARGEST = 10**18
"""Whole numbers from here on fit neither a column of the store nor an index of torch."""

_WORDS: dict[type, tuple[str, str]] = {
    Ge: ("at least", "ge"),
    Gt: ("above", "gt"),
    Le: ("at most", "le"),
    Lt: ("below", "lt"),
}


def plain(hint: Hint) -> type | None:
    """The type without bounds and without `| None`; None where it is a choice of values."""
    if optional(hint):
        return plain(_known(hint))
    if get_origin(hint) is Annotated:
        return plain(get_args(hint)[0])
    return hint if isinstance(hint, type) else None


def choices(hint: Hint) -> tuple[str, ...]:
    """The words of a choice, also of one that may be left open; none where it is no choice."""
    if optional(hint):
        return choices(_known(hint))
    return get_args(hint) if get_origin(hint) is Literal else ()


def describe(hint: Hint) -> str:
    """The bounds in words: `at least 0, at most 1`; of a list those of each item; empty where there are none."""
    if optional(hint):
        return describe(_known(hint))
    if get_origin(hint) is tuple:
        return describe(get_args(hint)[0])
    if get_origin(hint) is not Annotated:
        return ""
    return ", ".join(
        f"{_WORDS[type(bound)][0]} {getattr(bound, _WORDS[type(bound)][1]):.10g}"
        for bound in get_args(hint)[1:]
        if type(bound) in _WORDS
    )


def refusal(hint: Hint, value: object) -> str | None:
    """Why a value is not of a type or outside its bounds, as the end of a sentence; None where it is fine."""
    if optional(hint):
        return None if value is None else refusal(_known(hint), value)
    if get_origin(hint) is Literal:
        words = choices(hint)
        return None if value in words else f"choose one of {', '.join(map(repr, words))}"
    if get_origin(hint) is tuple:  # of any length, all of one type
        if not isinstance(value, list | tuple):
            return "it must be a list"
        return next(filter(None, (refusal(get_args(hint)[0], held) for held in value)), None)
    kind = plain(hint)
    assert kind is not None  # settings are choices, numbers, text or paths
    whole = kind is float and isinstance(value, int) and not isinstance(value, bool)
    if not whole and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        return f"it must be of type {kind.__name__}"
    if isinstance(value, float) and not math.isfinite(value):
        return "it must be a finite number"
    if isinstance(value, int) and abs(value) >= LARGEST:
        return "it must have less than 19 digits"
    if isinstance(value, str) and ("\0" in value or not _writable(value)):
        return "it must be text that can be written down, without NUL"
    if isinstance(value, int | float) and not all(_holds(bound, value) for bound in get_args(hint)[1:]):
        return f"it must be {describe(hint)}"
    return None


def named(hint: Hint) -> Literal["policy", "file"] | None:
    """What a text of this type names, or each text of a list; None where it names nothing that is known here."""
    if optional(hint):
        return named(_known(hint))
    if get_origin(hint) is tuple:
        return named(get_args(hint)[0])
    return next((mark.what for mark in get_args(hint)[1:] if isinstance(mark, Names)), None)


def optional(hint: Hint) -> bool:
    """Whether the type is `X | None`."""
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _known(hint: Hint) -> Hint:
    """X of `X | None`."""
    return next(part for part in get_args(hint) if part is not type(None))


def _writable(text: str) -> bool:
    """Whether text is Unicode; a byte of the command line that is none becomes half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _holds(bound: object, value: float) -> bool:
    match bound:
        case Ge(ge=least):
            return bool(value >= least)  # type: ignore[operator]
        case Gt(gt=least):
            return bool(value > least)  # type: ignore[operator]
        case Le(le=most):
            return bool(value <= most)  # type: ignore[operator]
        case Lt(lt=most):
            return bool(value < most)  # type: ignore[operator]
    return True
