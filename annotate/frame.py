"""The header of the pages: links to the pages that the person may open, their name, and the way to sign out."""

import gradio as gr
from markupsafe import Markup

from annotate import look
from annotate.security import ROLES, require
from annotate.trouble import handed_on
from rlhf.settings import settings_of
from rlhf.settings.bounds import LARGEST
from store.errors import BadInput
from store.records import Annotator, Json
from store.workspace import Workspace

# On every tick and after every click; a part of a page that has not changed costs the browser nothing.
QUIET: Json = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""How a page's events are told to Gradio: no queue, no spinner, no entry in its API page."""

_NAMES = {
    "/annotate": "Rank",
    "/mine": "My answers",
    "/guidelines": "Guidelines",
    "/research": "Research",
    "/inbox": "Inbox",
    "/admin": "People",
}

_HEADER = Markup("""<header class="site"><div class="mark">{mark}<span>Rankloop</span></div><nav>{links}</nav>
<div class="who"><b>{name}</b><a href="../account/"{account}>Account</a><form method="post" action="../logout">
<button>Sign out</button></form></div></header>{problem}""")

NOTHING = Markup("")
"""No HTML."""
_HERE = Markup(" aria-current=page")


def sent_id(value: object) -> int:
    """The id that a page sent; 0, which nothing has, where that is none or beyond what the store holds."""
    return value if type(value) is int and abs(value) < LARGEST else 0


def sent_number(text: str) -> int:
    """The id that a form sent; 0, which nothing has, where that is none or beyond what the store holds."""
    return sent_id(int(text)) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def site_header(workspace: Workspace, area: str) -> gr.HTML:
    """The header of page `area` (a key of ROLES), for the Blocks being built; filled in when a person opens it."""

    def header(request: gr.Request) -> Markup:
        with handed_on(request.request):
            annotator = require(workspace, request.request, area)
            return header_of(annotator, area, _problem(workspace) if area == "/research" else Markup(""))

    shown = gr.HTML(apply_default_css=False, elem_id="site")
    if context := gr.context.Context.root_block:
        context.load(header, None, shown, **QUIET)
    return shown


def header_of(annotator: Annotator, here: str, problem: Markup = NOTHING) -> Markup:
    """The header as HTML, for a page at `here/`: its links lead one level up, whatever a proxy puts before that."""
    links = Markup("").join(
        Markup('<a href="..{}"{}>{}</a>').format(area, _HERE if area == here else "", name)
        for area, name in _NAMES.items()
        if annotator.role in ROLES[area]
    )
    account = _HERE if here == "/account" else ""
    return _HEADER.format(mark=look.MARK, links=links, name=annotator.name, account=account, problem=problem)


def _problem(workspace: Workspace) -> Markup:
    """What is wrong in workspace.toml, for those who can mend it; annotators go on under the last good settings."""
    try:
        settings_of(workspace)
    except BadInput as error:
        told = f"workspace.toml: {error} No job can start until it is mended."
        return Markup('<p class="problem" role="alert">{}</p>').format(told)
    return Markup("")
