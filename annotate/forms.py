"""The forms that start a job: which dials each kind of work offers, what stands in them, and what a person filled in.

A form is made of what rlhf/settings says of a kind: its options, its settings tables, and their docstrings.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import get_origin

from rlhf.settings import KINDS, Settings, overlay
from rlhf.settings.bounds import optional, plain
from rlhf.settings.dials import Dial, dials
from rlhf.settings.overlay import checked, short
from store.errors import BadInput
from store.records import Json

FORMS = tuple(name for name, kind in KINDS.items() if kind.form)
"""The kinds of work that have a form."""


@dataclass(frozen=True)
class Field:
    """One entry of a form: a dial of the settings table `table`, or of the kind's own options where that is empty.

    `name` is what the page sends it under, and how the kind's row in `KINDS` names it.
    """

    name: str
    dial: Dial
    table: str = ""

    @property
    def label(self) -> str:
        """The name as a person reads it; `from_` stands for a word that Python keeps for itself."""
        return self.name.rstrip("_").replace("_", " ")


@cache
def fields(kind: str) -> tuple[Field, ...]:
    """The entries of a kind's form, in their order."""
    every = _every_field(kind)
    return tuple(every[name] for name in KINDS[kind].form)


def preset(kind: str, field: Field, settings: Settings) -> object:
    """What stands in an entry before anybody changes it: the workspace's setting, or the option's default."""
    owner = getattr(settings, field.table) if field.table else KINDS[kind].options
    return getattr(owner, field.dial.name)


def params_of(kind: str, sent: object, settings: Settings) -> Json:
    """The parameters of the job that a filled-in form asks for; `sent` is an object of texts and ticks by name.

    What was not sent is as it is preset. Raises BadInput for a name that the form does not have, and for a value that
    does not fit, in the words of the command line; also for settings that cannot go together.
    """
    given: Mapping[object, object] = sent if isinstance(sent, dict) else {}
    known = {field.name: field for field in fields(kind)}
    for name in given:
        if name not in known:
            raise BadInput(f"The form has no {short(name)}: reload the page.")
    params: Json = {}
    tables: dict[str, Json] = {}
    for name, field in known.items():
        held = preset(kind, field, settings)
        value = _value(field, given[name]) if name in given else held
        (tables.setdefault(field.table, {}) if field.table else params)[field.dial.name] = value
    overlay(settings, tables)  # whether they can go together, with those that the form does not show
    return {**params, "settings": tables}


def _every_field(kind: str) -> dict[str, Field]:
    """All options and dials of a kind by the names that its flags have, without their dashes."""
    known = KINDS[kind]
    found = [Field(dial.name, dial) for dial in dials(known.options) if dial.name not in known.by_hand]
    for table in (*known.tables, *known.parts):
        prefix = f"{table}." if table in known.parts else ""
        config: type = type(getattr(Settings(), table))
        found += [Field(f"{prefix}{dial.name}", dial, table) for dial in dials(config)]
    return {field.name: field for field in found}


def _value(field: Field, sent: object) -> object:
    """What was filled in, in the type of the dial and within its bounds."""
    hint = field.dial.hint
    value: object = sent.strip() if isinstance(sent, str) else sent
    if isinstance(value, str):
        if get_origin(hint) is tuple:
            value = tuple(value.replace(",", " ").split())
        elif not value and optional(hint):
            value = None
        elif (kind := plain(hint)) in (int, float):
            with suppress(ValueError):  # `checked` says what it must be
                value = kind(value)
    return checked(field.label, hint, value)
