"""The pages that need no script, for people who are signed in: a header, a message, and what stands below."""

from collections.abc import Iterable

from fastapi.responses import HTMLResponse
from markupsafe import Markup

from annotate import look
from annotate.frame import NOTHING, header_of
from store.records import Annotator

CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; frame-ancestors 'none'"
"""What such a page may load and where it may send: nothing but its own style, and its forms to this site."""

_STYLE = Markup(look.read("tokens.css", "site.css", "people.css", "voices.css"))  # noqa: S704 (style sheets of this package)
_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Rankloop</title><link rel="icon" href="../favicon.svg"><style>
{style}</style></head>
<body><div class="page">{header}<main><h1>{title}</h1>{message}{body}</main></div></body></html>""")


def page(person: Annotator, here: str, title: str, body: Markup, message: Markup = NOTHING) -> HTMLResponse:
    """A whole page at the address `here/`."""
    shown = _PAGE.format(title=title, style=_STYLE, header=header_of(person, here), message=message, body=body)
    return HTMLResponse(shown, headers={"Content-Security-Policy": CSP, "Referrer-Policy": "same-origin"})


def refusal(text: str) -> Markup:
    """A message that something was not done."""
    return Markup('<div class="error" role="alert">{}</div>').format(text)


def success(text: str, secret: str = "") -> Markup:
    """A message that something was done; `secret` is what is shown this once."""
    shown = Markup("<code>{}</code>").format(secret) if secret else ""
    return Markup('<div class="done" role="status">{}{}</div>').format(text, shown)


def table(head: Iterable[str], rows: Markup) -> Markup:
    """A table; a heading that starts with # stands above numbers."""
    cells = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(" class=number") if h[:1] == "#" else "", h.lstrip("#"))
        for h in head
    )
    return Markup("<table><tr>{}</tr>{}</table>").format(cells, rows)


def moment(stamp: str | None) -> str:
    """A time of the store to the minute, for people."""
    return stamp[:16].replace("T", " ") if stamp else "never"
