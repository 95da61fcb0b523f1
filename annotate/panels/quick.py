"""The buttons that ask for the usual jobs with the settings of the workspace, and what keeps each from working."""

from markupsafe import Markup
from sqlite_utils import Database

from annotate.starting import already, hindrance
from rlhf.settings import KINDS

BUTTONS = {name: kind.button for name, kind in KINDS.items() if kind.button}
"""Each kind of work that has such a button, with the words on it."""

_BUTTON = Markup("""<button type="button" id="do-{kind}" data-press="{kind}" aria-describedby="why-{kind}"{rests}>\
{label}</button><p class="why" id="why-{kind}">{why}</p>""")


def quick(db: Database) -> Markup:
    """The buttons; below one that cannot be pressed stands why, but for its own job, which the notice names."""
    return Markup("").join(_button(db, kind, label) for kind, label in BUTTONS.items())


def _button(db: Database, kind: str, label: str) -> Markup:
    why = hindrance(db, kind)
    return _BUTTON.format(
        kind=kind,
        label=label,
        rests=Markup(" disabled") if why else "",
        why="" if already(db, kind) else why,
    )
