"""The research page: how the loop goes, how far to trust it, and the buttons that turn it."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from sqlite_utils import Database

from annotate import scripts
from annotate.frame import site_header
from annotate.panels import loop, work
from annotate.panels.people import annotators
from annotate.panels.versions import versions
from annotate.security import require
from annotate.verdicts import evidence
from store import jobs, models, scores
from store.db import writing
from store.errors import PlatformError, Refused
from store.records import Annotator
from store.workspace import Workspace

AREA = "/research"
BUTTONS = {"reward": "Retrain reward model", "round": "Run PPO round", "rate": "Rate the rankings"}

# On every tick and after every click; a panel that has not changed costs the browser nothing.
_QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def page(workspace: Workspace) -> gr.Blocks:
    """The page as Gradio blocks."""
    handle = _Handlers(workspace)
    with gr.Blocks(title="Research · Rankloop", analytics_enabled=False, fill_width=True) as blocks:
        site_header(workspace, AREA)
        counts = _panel("counts")
        with gr.Row(elem_id="research"):
            with gr.Column(scale=2, min_width=320, elem_classes="results"):
                rounds = _panel("rounds")
                ranked = _panel("versions", "look/versions.js")
                curves = _panel("curves")
                trust = _panel("annotators")
                lineage = _panel("lineage")
            with gr.Column(scale=1, min_width=320, elem_classes="work"):
                gr.HTML("<h2>Train</h2>", apply_default_css=False)
                buttons = {kind: gr.Button(label, elem_id=f"do-{kind}") for kind, label in BUTTONS.items()}
                notice = _panel("notice")
                listed = _panel("jobs", "look/research.js")
        working = [listed, notice, curves, *buttons.values()]
        overview = [counts, rounds, ranked, trust, lineage]
        blocks.load(handle.work, None, working, **_QUIET)
        blocks.load(handle.overview, None, overview, **_QUIET)
        gr.Timer(1).tick(handle.work, None, working, **_QUIET)
        gr.Timer(5).tick(handle.overview, None, overview, **_QUIET)
        for kind, button in buttons.items():
            button.click(handle.enqueue(kind), None, working, **_QUIET)
        listed.submit(handle.cancel, None, working, **_QUIET)
        ranked.submit(handle.promote, None, overview, **_QUIET)
    return blocks


def _panel(name: str, script: str = "") -> gr.HTML:
    return gr.HTML(apply_default_css=False, elem_id=name, js_on_load=scripts.start(script) if script else None)


class _Handlers:
    """What the page asks of the server; each asks again who it is that asks."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def work(self, request: gr.Request) -> list[Any]:
        """Jobs, notice, curves, and whether each button may be pressed."""
        return self._for(request, lambda db, _: _work(db))

    def overview(self, request: gr.Request) -> list[Any]:
        """What changes more slowly."""
        return self._for(request, lambda db, _: _overview(db))

    def enqueue(self, kind: str) -> Callable[[gr.Request], list[Any]]:
        """The handler of one button."""

        def asked(request: gr.Request) -> list[Any]:
            return self._for(request, lambda db, _: _enqueue(db, kind))

        return asked

    def cancel(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Stop the job whose button was pressed."""

        def asked(db: Database, _: Annotator) -> list[Any]:
            jobs.cancel(db, _sent(event, "job"))
            return _work(db)

        return self._for(request, asked)

    def promote(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Make the version whose button was pressed the default generator, in the name of the person."""

        def asked(db: Database, person: Annotator) -> list[Any]:
            _promote(db, _sent(event, "model"), person.name)
            return _overview(db)

        return self._for(request, asked)

    def _for(self, request: gr.Request, act: Callable[[Database, Annotator], list[Any]]) -> list[Any]:
        try:
            person = require(self.workspace, request.request, AREA)
            with self.workspace.store() as db:
                return act(db, person)
        except PlatformError as error:
            raise gr.Error(str(error), print_exception=False) from error


def _sent(event: gr.EventData, name: str) -> int:
    """The id that the page names; 0, which nothing has, where it names none."""
    data = event._data if isinstance(event._data, dict) else {}
    value = data.get(name)
    return value if type(value) is int else 0


def _promote(db: Database, model_id: int, by: str) -> None:
    with writing(db):
        version, generator = models.get(db, model_id), models.generator(db)
        if generator and generator.id == version.id:
            return  # pressed twice
        rests_on = evidence(scores.latest(db), version.name, generator.name if generator else None)
        models.promote(db, version.id, by, rests_on)


def _enqueue(db: Database, kind: str) -> list[Any]:
    with writing(db):
        for job in jobs.active(db):
            if job.kind == kind:
                raise Refused(f"Job {job.id} is {job.state} already: wait for it, or cancel it.")
        jobs.enqueue(db, kind, {})
    return _work(db)


def _overview(db: Database) -> list[Any]:
    return [loop.counts(db), loop.turns(db), versions(db), annotators(db), loop.lineage(db)]


def _work(db: Database) -> list[Any]:
    busy = {job.kind for job in jobs.active(db)}
    return [
        work.job_list(db),
        work.notice(db, BUTTONS),
        work.curves(db),
        *(gr.Button(interactive=kind not in busy) for kind in BUTTONS),
    ]
