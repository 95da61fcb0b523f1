"""The research page: how the loop goes, and the two buttons that turn it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from sqlite_utils import Database

from annotate.frame import site_header
from annotate.panels import loop, work
from annotate.security import Forbidden, require
from store import jobs
from store.db import writing
from store.errors import PlatformError, Refused
from store.workspace import Workspace

AREA = "/research"
BUTTONS = {"reward": "Retrain reward model", "round": "Run PPO round"}
_SCRIPT = Path(__file__).parent / "look" / "research.js"

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
                curves = _panel("curves")
                lineage = _panel("lineage")
            with gr.Column(scale=1, min_width=320, elem_classes="work"):
                gr.HTML("<h2>Train</h2>", apply_default_css=False)
                buttons = {kind: gr.Button(label, elem_id=f"do-{kind}") for kind, label in BUTTONS.items()}
                notice = _panel("notice")
                listed = _panel("jobs", _SCRIPT.read_text(encoding="utf-8"))
        work = [listed, notice, curves, *buttons.values()]
        overview = [counts, rounds, lineage]
        blocks.load(handle.work, None, work, **_QUIET)
        blocks.load(handle.overview, None, overview, **_QUIET)
        gr.Timer(1).tick(handle.work, None, work, **_QUIET)
        gr.Timer(5).tick(handle.overview, None, overview, **_QUIET)
        for kind, button in buttons.items():
            button.click(handle.enqueue(kind), None, work, **_QUIET)
        listed.submit(handle.cancel, None, work, **_QUIET)
    return blocks


def _panel(name: str, script: str | None = None) -> gr.HTML:
    return gr.HTML(apply_default_css=False, elem_id=name, js_on_load=script)


class _Handlers:
    """What the page asks of the server; each asks again who it is that asks."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def work(self, request: gr.Request) -> list[Any]:
        """Jobs, notice, curves, and whether each button may be pressed."""
        return self._for(request, _work)

    def overview(self, request: gr.Request) -> list[Any]:
        """What changes more slowly."""
        return self._for(request, lambda db: [loop.counts(db), loop.rounds(db), loop.lineage(db)])

    def enqueue(self, kind: str) -> Callable[[gr.Request], list[Any]]:
        """The handler of one button."""

        def asked(request: gr.Request) -> list[Any]:
            return self._for(request, lambda db: _enqueue(db, kind))

        return asked

    def cancel(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Stop the job whose button was pressed."""
        sent = event._data if isinstance(event._data, dict) else {}

        def asked(db: Database) -> list[Any]:
            jobs.cancel(db, int(sent.get("job", 0)))
            return _work(db)

        return self._for(request, asked)

    def _for(self, request: gr.Request, act: Callable[[Database], list[Any]]) -> list[Any]:
        try:
            require(self.workspace, request.request, AREA)
            with self.workspace.store() as db:
                return act(db)
        except Forbidden as error:
            raise gr.Error(str(error), print_exception=False) from error
        except PlatformError as error:
            raise gr.Error(str(error), print_exception=False) from error


def _enqueue(db: Database, kind: str) -> list[Any]:
    with writing(db):
        for job in jobs.active(db):
            if job.kind == kind:
                raise Refused(f"Job {job.id} is {job.state} already: wait for it, or cancel it.")
        jobs.enqueue(db, kind, {})
    return _work(db)


def _work(db: Database) -> list[Any]:
    busy = {job.kind for job in jobs.active(db)}
    return [
        work.job_list(db),
        work.notice(db),
        work.curves(db),
        *(gr.Button(interactive=kind not in busy) for kind in BUTTONS),
    ]
