"""The part of the page /admin that is about tokens, by which programs act as somebody."""

from collections.abc import Iterable, Sequence
from typing import get_args

from markupsafe import Markup

from annotate.plain import moment, table
from store.errors import BadInput
from store.people import Person
from store.records import Scope
from store.tokens import Token

WHAT: dict[Scope, str] = {
    "read": "all that the research page shows",
    "rank": "take tasks and rank",
    "write": "add prompts",
    "train": "start and cancel jobs",
}
"""What a scope allows, in a few words."""

_SECTION = Markup("""<section><h2>Tokens</h2><p class="soft">A program that sends a token acts as its owner, within
the scopes of the token and the owner's role. It is shown once.
<a href="../api/v1/docs">What programs can do</a></p><form class="line" method="post" action="token">
<label>Owner<select name="name">{owners}</select></label><fieldset><legend>Scopes</legend>{scopes}</fieldset>
<button class="main">Make a token</button></form>{open}</section>""")
_SCOPE = Markup('<label class="tick"><input type="checkbox" name="scopes" value="{0}"> {0}: {1}</label>')
_OPEN = Markup("""<tr><td class="name">Token {t.id}</td><td data-label="Owner">{t.annotator}</td>
<td data-label="Scopes">{scopes}</td><td data-label="Last used">{used}</td><td data-label="Made">{made}</td>
<td data-label="By">{t.by}</td><td class="acting"><form method="post" action="revoke-token">
<input type="hidden" name="number" value="{t.id}"><button>Revoke</button></form></td></tr>""")


def section(people: Sequence[Person], tokens: Iterable[Token]) -> Markup:
    """The form that makes a token, and the tokens that are open."""
    rows = Markup("").join(
        _OPEN.format(t=token, scopes=", ".join(token.scopes), used=moment(token.used), made=moment(token.created))
        for token in tokens
    )
    head = ("Open tokens", "Owner", "Scopes", "Last used (UTC)", "Made (UTC)", "By", "")
    return _SECTION.format(
        owners=_joined(Markup("<option>{}</option>").format(p.name) for p in people if p.state != "disabled"),
        scopes=_joined(_SCOPE.format(scope, told) for scope, told in WHAT.items()),
        open=table(head, rows) if rows else Markup(""),
    )


def sent_scopes(sent: Iterable[str]) -> list[Scope]:
    """The scopes that were ticked; raises BadInput for what is none."""
    known: tuple[Scope, ...] = get_args(Scope)
    given = list(sent)
    if any(scope not in known for scope in given):
        raise BadInput(f"There is no scope of that name: choose of {', '.join(known)}.")
    return [scope for scope in known if scope in given]


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)
