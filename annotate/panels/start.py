"""The forms that start a job: one a kind of work, of which the chosen one is shown."""

from markupsafe import Markup
from sqlite_utils import Database

from annotate.forms import FORMS, Field, fields, preset
from annotate.panels.parts import empty
from annotate.starting import hindrance
from rlhf.settings import KINDS, Settings
from rlhf.settings.bounds import choices, named, optional, plain
from store import models

POLICIES = "policies"
"""The id of the list of policies that an entry for one offers."""
NOT_GIVEN = "not given"
"""What a choice says that may be left open."""

# Radio buttons and no <details>: what is chosen outlives the panel's being drawn anew, as what is typed does.
_PANEL = Markup("""<div class="kinds" role="group" aria-label="Kind of job">{forms}</div>
<datalist id="{policies}">{names}</datalist>""")
_TAB = Markup('<label><input type="radio" name="kind" value="{kind}"{checked}><span>{title}</span></label>')
_FORM = Markup("""<form data-form="{kind}" novalidate autocomplete="off"><p class="summary">{summary}</p>
{entries}<div class="go"><button type="submit" aria-label="Start {title}"{disabled}>Start</button>
<p class="why" role="status">{why}</p></div>
<p class="refused" role="alert"></p></form>""")
_ENTRY = Markup("""<div class="dial {shape}"><label for="{id}"><b>{label}</b> <small>{bounds}</small></label>{control}
<p id="{id}-help" title="{help}">{help}</p></div>""")
_TEXT = Markup('<input type="text" id="{id}" name="{name}" value="{value}" aria-describedby="{id}-help"{more}>')
_TICK = Markup('<input type="checkbox" id="{id}" name="{name}" aria-describedby="{id}-help"{checked}>')
_CHOICE = Markup('<select id="{id}" name="{name}" aria-describedby="{id}-help">{options}</select>')
_OPTION = Markup('<option value="{value}"{selected}>{told}</option>')

_PLACEHOLDERS = {"file": "path on the server’s machine", "policy": "its name"}


def start_forms(db: Database, settings: Settings | None) -> Markup:
    """The forms with the settings of the workspace in them, and beside each button why it cannot be pressed now.

    Without settings, since workspace.toml cannot be used, there are none.
    """
    if settings is None:
        return empty("The forms come back when workspace.toml is mended.")
    forms = Markup("").join(
        _TAB.format(kind=kind, title=KINDS[kind].title, checked=_flag("checked", on=not place))
        + _form(kind, settings, hindrance(db, kind))
        for place, kind in enumerate(FORMS)
    )
    names = Markup("").join(_OPTION.format(value=m.name, selected="", told="") for m in models.every(db, "policy"))
    return _PANEL.format(forms=forms, policies=POLICIES, names=names)


def _form(kind: str, settings: Settings, why: str) -> Markup:
    known = KINDS[kind]
    entries = Markup("").join(_entry(kind, field, preset(kind, field, settings)) for field in fields(kind))
    return _FORM.format(
        kind=kind,
        title=known.title,
        summary=f"{known.summary[0].upper()}{known.summary[1:]}.",
        entries=entries,
        disabled=_flag("disabled", on=bool(why)),
        why=why,
    )


def _entry(kind: str, field: Field, value: object) -> Markup:
    hint, place = field.dial.hint, {"id": f"{kind}-{field.name}", "name": field.name}
    if plain(hint) is bool:
        shape, control = "short", _TICK.format(checked=_flag("checked", on=bool(value)), **place)
    elif options := choices(hint):
        shape, control = "short", _CHOICE.format(options=_options(options, value, optional(hint)), **place)
    elif plain(hint) in (int, float):
        shape, control = "short", _TEXT.format(value=_written(value), more=Markup(' inputmode="decimal"'), **place)
    else:
        shape, control = "long", _TEXT.format(value=_written(value), more=_offered(hint), **place)
    return _ENTRY.format(
        shape=shape,
        id=place["id"],
        label=field.label,
        bounds=field.dial.bounds,
        control=control,
        help=field.dial.help.replace("'", "’").replace("`", ""),
    )


def _options(values: tuple[str, ...], chosen: object, may_be_open: bool) -> Markup:
    every = [("", NOT_GIVEN)] * may_be_open + [(value, value) for value in values]
    return Markup("").join(
        _OPTION.format(value=value, told=told, selected=_flag("selected", on=value == (chosen or "")))
        for value, told in every
    )


def _offered(hint: object) -> Markup:
    """What an entry of text says of itself while it is empty; a policy is offered from the list of them."""
    what = named(hint)
    listed = Markup(' list="{}"').format(POLICIES) if what == "policy" and plain(hint) is str else Markup("")
    return listed + Markup(' placeholder="{}" spellcheck="false"').format(_PLACEHOLDERS.get(what or "", ""))


def _written(value: object) -> str:
    """A setting as a person would type it."""
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def _flag(name: str, *, on: bool) -> Markup:
    """An attribute that has no value, or nothing."""
    return Markup(" {}").format(name) if on else Markup("")
