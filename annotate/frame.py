"""The header of both pages: links to the pages that the person may open, their name, and the way to sign out."""

import gradio as gr
from markupsafe import Markup

from annotate import look
from annotate.security import ROLES, require
from store.records import Annotator
from store.workspace import Workspace

_NAMES = {"/annotate": "Rank", "/research": "Research"}

_HEADER = Markup("""<header class="site"><div class="mark">{mark}<span>Rankloop</span></div><nav>{links}</nav>
<div class="who"><b>{name}</b><form method="post" action="/logout"><button>Sign out</button></form>
</div></header>""")


def site_header(workspace: Workspace, area: str) -> gr.HTML:
    """The header of page `area` (a key of ROLES), for the Blocks being built; filled in when a person opens it."""

    def header(request: gr.Request) -> Markup:
        return _header(require(workspace, request.request, area), area)

    shown = gr.HTML(apply_default_css=False, elem_id="site")
    if context := gr.context.Context.root_block:
        context.load(header, None, shown, queue=False, show_progress="hidden", api_visibility="private")
    return shown


def _header(annotator: Annotator, here: str) -> Markup:
    links = Markup("").join(
        Markup('<a href="{}"{}>{}</a>').format(area, " aria-current=page" if area == here else "", name)
        for area, name in _NAMES.items()
        if annotator.role in ROLES[area]
    )
    return _HEADER.format(mark=look.MARK, links=links, name=annotator.name)
