"""The research page: how the loop goes, how far to trust it, and the buttons that turn it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import gradio as gr
from markupsafe import Markup
from sqlite_utils import Database

from annotate import scripts
from annotate.frame import QUIET, sent_id, site_header
from annotate.panels.asking import asked, form
from annotate.panels.evaluation import evaluation
from annotate.panels.inbox import inbox
from annotate.panels.jobs import curves, job_list, notice
from annotate.panels.lineage import lineage
from annotate.panels.loop import counts, turns
from annotate.panels.people import annotators
from annotate.panels.proposals import decide, proposals
from annotate.panels.start import start_forms
from annotate.panels.versions import versions
from annotate.security import require
from annotate.starting import press
from annotate.trouble import EVIDENCE, refused
from annotate.verdicts import evidence
from rlhf.settings import KINDS, Settings, settings_of
from store import jobs, models, scores
from store.db import writing
from store.errors import BadInput, Unforeseen
from store.records import Annotator, Json
from store.words import in_words
from store.workspace import Workspace

AREA = "/research"
BUTTONS = {name: kind.button for name, kind in KINDS.items() if kind.button}
"""Each kind of work that a person may ask for here, with the words on its button."""

Pace = Literal["watched", "overview"]
"""What a person watches while it goes on, and what changes only when a ranking or a job has ended."""

PACES: dict[Pace, float] = {"watched": 1.0, "overview": 5.0}
"""Seconds from one drawing to the next. The buttons go with what is watched: a job's end is what frees them."""


@dataclass(frozen=True)
class Panel:
    """A part of the page that the server draws anew from the store at its pace, and after the clicks that change it.

    `name` is its element's id, `place` the column in which it stands, and `script` the module that listens to
    the buttons inside it, if there are any.
    """

    name: str
    render: Callable[[Database], Markup]
    pace: Pace
    place: Literal["top", "results", "actions"]
    script: str = ""


PANELS = (
    Panel("counts", counts, "overview", "top"),
    Panel("rounds", turns, "overview", "results"),
    Panel("versions", versions, "overview", "results", "look/versions.js"),
    Panel("proposals", proposals, "overview", "results", "look/proposals.js"),
    Panel("inbox", inbox, "overview", "results"),
    Panel("evaluation", evaluation, "overview", "results"),
    Panel("curves", curves, "watched", "results"),
    Panel("annotators", annotators, "overview", "results"),
    Panel("lineage", lineage, "overview", "results"),
    Panel("notice", partial(notice, buttons=BUTTONS), "watched", "actions"),
    Panel("jobs", job_list, "watched", "actions", "look/research.js"),
)
"""In the order in which they stand below one another."""


def page(workspace: Workspace) -> gr.Blocks:
    """The page as Gradio blocks."""
    handle = _Handlers(workspace)
    made: gr.Blocks
    with gr.Blocks(title="Research · Rankloop", analytics_enabled=False, fill_width=True) as made:
        site_header(workspace, AREA)
        shown = _placed("top")
        with gr.Row(elem_id="research"):
            with gr.Column(scale=2, min_width=320, elem_classes="results"):
                shown |= _placed("results")
            with gr.Column(scale=1, min_width=320, elem_classes="work"):
                gr.HTML(
                    Markup('<p class="note"><a href="../report">Report</a>: all of this on one page</p>'),
                    apply_default_css=False,
                )
                gr.HTML(Markup("<h2>Train</h2>"), apply_default_css=False)
                buttons = {kind: gr.Button(label, elem_id=f"do-{kind}") for kind, label in BUTTONS.items()}
                gr.HTML(Markup('<h2 class="start">Start a job</h2>'), apply_default_css=False)
                forms = gr.HTML(apply_default_css=False, elem_id="start", js_on_load=scripts.start("look/start.js"))
                shown |= _placed("actions")
                asking = gr.HTML(
                    apply_default_css=False, elem_id="asking", js_on_load=scripts.start("look/asking.js")
                )
        # The same order in which _draw puts what it draws.
        drawn: dict[Pace, list[gr.blocks.Block]] = {
            pace: [shown[panel.name] for panel in PANELS if panel.pace == pace] for pace in PACES
        }
        drawn["watched"] += [forms, *buttons.values()]
        for pace, seconds in PACES.items():
            draw = handle.draw(pace)
            made.load(draw, None, drawn[pace], api_name=pace, **QUIET)
            gr.Timer(seconds).tick(draw, None, drawn[pace], api_name=pace, **QUIET)
        for kind, button in buttons.items():
            button.click(handle.enqueue(kind), None, drawn["watched"], **QUIET)
        # Drawn once: what is typed into a form does not outlive that it is drawn anew.
        made.load(handle.form, None, asking, api_name="asking", **QUIET)
        asking.submit(handle.ask, None, drawn["watched"], **QUIET)
        shown["jobs"].submit(handle.cancel, None, drawn["watched"], **QUIET)
        shown["versions"].submit(handle.promote, None, drawn["overview"], **QUIET)
        shown["proposals"].submit(handle.decide, None, drawn["overview"], **QUIET)
    return made


def _placed(place: str) -> dict[str, gr.HTML]:
    """The elements of the panels of one place, made where the page is being built, by name."""
    return {panel.name: _element(panel) for panel in PANELS if panel.place == place}


def _element(panel: Panel) -> gr.HTML:
    listening = scripts.start(panel.script) if panel.script else None
    return gr.HTML(apply_default_css=False, elem_id=panel.name, js_on_load=listening)


class _Handlers:
    """What the page asks of the server. Each handler checks anew who asks: roles end while a page is open."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def draw(self, pace: Pace) -> Callable[[gr.Request], list[object]]:
        """The handler that draws the panels of one pace."""

        def asked(request: gr.Request) -> list[object]:
            return self._for(request, lambda db, _: self._draw(db, pace))

        return asked

    def enqueue(self, kind: str) -> Callable[[gr.Request], list[object]]:
        """The handler of the button that asks for a job of this kind."""

        def asked(request: gr.Request) -> list[object]:
            return self._for(request, lambda db, _: pressed(db))

        def pressed(db: Database) -> list[object]:
            press(self.workspace, db, kind)
            return self._draw(db, "watched")

        return asked

    def form(self, request: gr.Request) -> list[object]:
        """The handler that draws the form for a prompt."""
        return self._for(request, lambda db, _: [form(db)])

    def ask(self, event: gr.EventData, request: gr.Request) -> list[object]:
        """Ask for a job that puts a prompt to the versions that were chosen."""

        def asking(db: Database, _: Annotator) -> list[object]:
            press(self.workspace, db, "answer", asked(db, _data(event)))
            return self._draw(db, "watched")

        return self._for(request, asking)

    def cancel(self, event: gr.EventData, request: gr.Request) -> list[object]:
        """Stop the job whose button was pressed."""

        def asked(db: Database, _: Annotator) -> list[object]:
            jobs.cancel(db, _sent(event, "job"))
            return self._draw(db, "watched")

        return self._for(request, asked)

    def promote(self, event: gr.EventData, request: gr.Request) -> list[object]:
        """Make the version whose button was pressed the default generator, in the name of the person."""

        def asked(db: Database, person: Annotator) -> list[object]:
            _promote(db, _sent(event, "model"), person.name)
            return self._draw(db, "overview")

        return self._for(request, asked)

    def decide(self, event: gr.EventData, request: gr.Request) -> list[object]:
        """Accept or refuse the proposed prompts whose button was pressed."""

        def asked(db: Database, _: Annotator) -> list[object]:
            decide(db, _data(event))
            return self._draw(db, "overview")

        return self._for(request, asked)

    def _draw(self, db: Database, pace: Pace) -> list[object]:
        """The panels of one pace as HTML; with those that are watched, the forms and which buttons may be pressed."""
        drawn: list[object] = [panel.render(db) for panel in PANELS if panel.pace == pace]
        if pace == "watched":
            busy = {job.kind for job in jobs.active(db)}
            drawn.append(start_forms(db, self._settings()))
            drawn += [gr.Button(interactive=kind not in busy) for kind in BUTTONS]
        return drawn

    def _settings(self) -> Settings | None:
        """The settings of the workspace; None where workspace.toml cannot be used, which the page says at its top."""
        try:
            return settings_of(self.workspace)
        except BadInput:
            return None

    def _for(self, request: gr.Request, act: Callable[[Database, Annotator], list[object]]) -> list[object]:
        try:
            person = require(self.workspace, request.request, AREA)
            with self.workspace.store() as db:
                return act(db, person)
        except Exception as error:
            told = in_words(error, EVIDENCE)
            refused(request.request, told)
            raise gr.Error(str(told), print_exception=isinstance(told, Unforeseen)) from error


def _sent(event: gr.EventData, name: str) -> int:
    """The id that the page sent under `name`; 0, which nothing has, where it sent none."""
    return sent_id(_data(event).get(name))


def _data(event: gr.EventData) -> Json:
    """What the page sent with an event; nothing where that is no object."""
    return event._data if isinstance(event._data, dict) else {}


def _promote(db: Database, model_id: int, by: str) -> None:
    with writing(db):
        version, generator = models.get(db, model_id), models.generator(db)
        if generator and generator.id == version.id:
            return  # pressed twice
        rests_on = evidence(scores.latest(db), version.name, generator.name if generator else None)
        models.promote(db, version.id, by, rests_on)
