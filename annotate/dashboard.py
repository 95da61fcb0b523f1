"""The research page, a desk with tabs: how the loop goes, how far to trust it, and the buttons that turn it."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Literal
from urllib.parse import parse_qsl

import gradio as gr
from markupsafe import Markup
from sqlite_utils import Database

from annotate import scripts
from annotate.downloads import links
from annotate.frame import NOTHING, QUIET, site_header
from annotate.panels.asking import form
from annotate.panels.browse import browse
from annotate.panels.evaluation import evaluation
from annotate.panels.inbox import inbox
from annotate.panels.jobs import curves, job_list, notice
from annotate.panels.lineage import lineage
from annotate.panels.log import log
from annotate.panels.loop import counts, turns
from annotate.panels.people import annotators
from annotate.panels.proposals import proposals
from annotate.panels.quick import BUTTONS, quick
from annotate.panels.start import start_forms
from annotate.panels.versions import versions
from annotate.security import require
from annotate.trouble import EVIDENCE, refused
from rlhf.settings import Settings, settings_of
from store.errors import BadInput, Unforeseen
from store.records import Json
from store.words import in_words
from store.workspace import Workspace

AREA = "/research"
REPORT = Markup('<p class="note"><a href="../report">Report</a>: all of this on one page</p>')

Pace = Literal["watched", "overview"]
"""What a person watches while it goes on, and what changes only when a ranking or a job has ended."""

PACES: dict[Pace, float] = {"watched": 1.0, "overview": 5.0}
"""Seconds from one drawing to the next. The buttons go with what is watched: a job's end is what frees them.

The browser keeps the clock (annotate/look/desk.js) and says what it shows, so that a page in the background and the
tabs that nobody sees cost nothing.
"""

Tab = Literal["loop", "versions", "people", "prompts", "jobs"]
TABS: dict[Tab, str] = {
    "loop": "Loop",
    "versions": "Versions",
    "people": "People",
    "prompts": "Prompts",
    "jobs": "Jobs",
}
"""The tabs in their order, with their words. The address of the page names the one that is shown: /research#/jobs."""

_TAB = Markup('<a role="tab" id="tab-{name}" href="#/{name}" aria-controls="on-{name}" data-tab="{name}">{title}</a>')
_DESK = Markup("""<nav class="tabs" role="tablist" aria-label="Desk" data-paces="{paces}">{tabs}</nav>
<div id="said" role="alert" hidden><p></p><button type="button" aria-label="Close">×</button></div>""")


@dataclass(frozen=True)
class Panel:
    """A part of the page that the server draws anew from the store at its pace, while its place is shown.

    `name` is its element's id, `place` the tab in which it stands, or "top" or "beside" for what stands with every
    tab, and `script` the module that listens to the buttons inside it, if there are any.
    """

    name: str
    render: Callable[[Database], Markup]
    pace: Pace
    place: Tab | Literal["top", "beside"]
    script: str = ""


PANELS = (
    Panel("counts", counts, "overview", "top"),
    Panel("rounds", turns, "overview", "loop"),
    Panel("curves", curves, "watched", "loop"),
    Panel("versions", versions, "overview", "versions", "look/versions.js"),
    Panel("evaluation", evaluation, "overview", "versions"),
    Panel("lineage", lineage, "overview", "versions"),
    Panel("inbox", inbox, "overview", "people"),
    Panel("annotators", annotators, "overview", "people"),
    Panel("proposals", proposals, "overview", "prompts", "look/proposals.js"),
    Panel("jobs", job_list, "watched", "jobs", "look/research.js"),
    Panel("quick", quick, "watched", "beside", "look/quick.js"),
    Panel("notice", partial(notice, buttons=BUTTONS), "watched", "beside"),
)
"""In the order in which they stand below one another."""


def page(workspace: Workspace) -> gr.Blocks:
    """The page as Gradio blocks."""
    handle = _Handlers(workspace)
    made: gr.Blocks
    with gr.Blocks(title="Research · Rankloop", analytics_enabled=False, fill_width=True) as made:
        site_header(workspace, AREA)
        shown = _placed("top")
        tabs = _element("desk", "look/desk.js", _desk())
        with gr.Row(elem_id="research"):
            with gr.Column(scale=3, min_width=320, elem_classes="results"):
                for tab in TABS:
                    with gr.Column(elem_id=f"on-{tab}", elem_classes="tab"):
                        shown |= _placed(tab)
                        if tab == "prompts":
                            found = _element("browse", "look/browse.js")
                            _element("downloads", "", links())
                        if tab == "jobs":
                            logs = _element("log")
                            forms, asking = _asked_for()
            with gr.Column(scale=1, min_width=250, elem_classes="work"):
                _element("report", "", REPORT)
                shown |= _placed("beside")
        every = [*(shown[panel.name] for panel in PANELS), logs, forms, found]  # the order of what _draw gives
        # An event each, since one that is asked for again before its answer is left out, but for submit: that is
        # another tab, or something was done, and is never left out.
        for asked_by in (tabs.input, tabs.select):
            asked_by(handle.draw, None, every, api_name="draw", **QUIET)
        tabs.submit(handle.draw, None, every, api_name="draw", trigger_mode="multiple", **QUIET)
        # Drawn once: what is typed into a form does not outlive that it is drawn anew.
        made.load(handle.form, None, asking, api_name="asking", **QUIET)
    return made


def _desk() -> Markup:
    tabs = Markup("").join(_TAB.format(name=name, title=title) for name, title in TABS.items())
    return _DESK.format(tabs=tabs, paces=json.dumps(PACES))


def _placed(place: str) -> dict[str, gr.HTML]:
    """The elements of the panels of one place, made where the page is being built, by name."""
    return {panel.name: _element(panel.name, panel.script) for panel in PANELS if panel.place == place}


def _element(name: str, script: str = "", shown: Markup = NOTHING) -> gr.HTML:
    listening = scripts.start(script) if script else None
    return gr.HTML(shown, apply_default_css=False, elem_id=name, js_on_load=listening)


def _asked_for() -> tuple[gr.HTML, gr.HTML]:
    """The forms that ask for a job: one a kind of work, and one for a prompt that is put to versions."""
    gr.HTML(Markup('<h2 class="start">Start a job</h2>'), apply_default_css=False)
    forms = _element("start", "look/start.js")
    gr.HTML(Markup('<h2 class="start">Ask a version</h2>'), apply_default_css=False)
    return forms, _element("asking", "look/asking.js")


class _Handlers:
    """What the page asks of the server. Each handler checks anew who asks: roles end while a page is open."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def draw(self, event: gr.EventData, request: gr.Request) -> list[object]:
        """Draw the panels that are shown, of the pace that is due, or of both where none is named."""
        sent: Json = event._data if isinstance(event._data, dict) else {}
        due = [pace for pace in PACES if sent.get("pace") in (pace, None)]
        shown = sent.get("shown")
        return self._for(request, lambda db: [*self._draw(db, due, tab_of(shown)), _found(db, due, shown)])

    def form(self, request: gr.Request) -> list[object]:
        """The handler that draws the form for a prompt."""
        return self._for(request, lambda db: [form(db)])

    def _draw(self, db: Database, due: Collection[Pace], tab: Tab) -> list[object]:
        """The panels that are due as HTML, and nothing for the others and those in other tabs; then logs, forms."""
        seen = ("top", "beside", tab)
        drawn: list[object] = [
            panel.render(db) if panel.place in seen and panel.pace in due else gr.skip() for panel in PANELS
        ]
        if tab == "jobs" and "watched" in due:
            return [*drawn, log(db, self.workspace.runs), start_forms(db, self._settings())]
        return [*drawn, gr.skip(), gr.skip()]

    def _settings(self) -> Settings | None:
        """The settings of the workspace; None where workspace.toml cannot be used, which the page says at its top."""
        try:
            return settings_of(self.workspace)
        except BadInput:
            return None

    def _for(self, request: gr.Request, draw: Callable[[Database], list[object]]) -> list[object]:
        try:
            require(self.workspace, request.request, AREA)
            with self.workspace.store() as db:
                return draw(db)
        except Exception as error:
            told = in_words(error, EVIDENCE)
            refused(request.request, told)
            raise gr.Error(str(told), print_exception=isinstance(told, Unforeseen)) from error


def _found(db: Database, due: Collection[Pace], shown: object) -> object:
    """The prompts that the address asks for; drawn when they are asked for, since a search is not for each second."""
    if tab_of(shown) != "prompts" or len(due) < len(PACES):
        return gr.skip()
    return browse(db, dict(parse_qsl(str(shown).partition("?")[2], errors="ignore")))


def tab_of(shown: object) -> Tab:
    """The tab that the end of an address names, as in "#/jobs"; the first one where it names none."""
    named = shown.removeprefix("#/").partition("?")[0] if isinstance(shown, str) else ""
    return next((tab for tab in TABS if tab == named), "loop")
