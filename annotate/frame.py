"""The line at the top of both pages: where one is, who one is, the way out."""

from html import escape

import gradio as gr

from annotate import look
from annotate.security import ROLES, require
from store.records import Annotator
from store.workspace import Workspace

_NAMES = {"/annotate": "Rank", "/research": "Research"}


def site_header(workspace: Workspace, area: str) -> gr.HTML:
    """The header inside the Blocks being built, filled in when the page loads."""

    def header(request: gr.Request) -> str:
        return _header(require(workspace, request.request, area), area)

    shown = gr.HTML(apply_default_css=False, elem_id="site")
    if context := gr.context.Context.root_block:
        context.load(header, None, shown, queue=False, show_progress="hidden", api_visibility="private")
    return shown


def _header(annotator: Annotator, here: str) -> str:
    links = "".join(
        f'<a href="{area}"{" aria-current=page" if area == here else ""}>{name}</a>'
        for area, name in _NAMES.items()
        if annotator.role in ROLES[area]
    )
    return f"""<header class="site"><div class="mark">{look.MARK}<span>Rankloop</span></div><nav>{links}</nav>
<div class="who"><b>{escape(annotator.name)}</b><form method="post" action="/logout"><button>Sign out</button></form>
</div></header>"""
