"""A settings table told in words: each dial with its type, its bounds and the docstring that stands under it.

Read by the command line's `--help`, by the forms of the pages and by whoever documents a setting: it is said once.
"""

import ast
import dataclasses
import inspect
import textwrap
from dataclasses import dataclass
from functools import cache
from typing import get_type_hints

from rlhf.settings.bounds import Hint, describe


@dataclass(frozen=True)
class Dial:
    """One setting: `hint` is its type with bounds, `bounds` those in words, `help` the docstring under the field."""

    name: str
    hint: Hint
    bounds: str
    help: str


@cache
def dials(table: type) -> tuple[Dial, ...]:
    """The settings of a dataclass in their order, inherited ones first."""
    hints = get_type_hints(table, include_extras=True)
    said: dict[str, str] = {}
    for owner in reversed(table.__mro__):
        if dataclasses.is_dataclass(owner):
            said |= _docstrings(owner)
    return tuple(
        Dial(f.name, hints[f.name], describe(hints[f.name]), said.get(f.name, "")) for f in dataclasses.fields(table)
    )


def _docstrings(table: type) -> dict[str, str]:
    """The string under each annotated field of a class body."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(table))).body
    assert isinstance(body, ast.ClassDef)
    said = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            text = after.value.value if isinstance(after.value, ast.Constant) else ""
            said[field.target.id] = " ".join(str(text).split())
    return said
