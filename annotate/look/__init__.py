"""The looks of all pages: the style sheets and scripts in the files beside this one, and the site's sign."""

from pathlib import Path

from markupsafe import Markup

_HERE = Path(__file__).parent


def read(*names: str) -> str:
    """The text of the named files of this folder, one after the other."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


MARK = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">'
    '<rect width="24" height="24" rx="6" fill="#2f5d50"/>'
    '<path d="M6 7h12M6 12h8M6 17h4" stroke="#fff" stroke-width="2.4" stroke-linecap="round"/></svg>'
)
"""The site's sign as SVG: it stands before the name Rankloop, and is the icon in the browser's tab."""
