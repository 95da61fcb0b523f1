"""The annotators' page: the board, and what happens to each answer."""

from typing import Any

import gradio as gr
from sqlite_utils import Database

from annotate import queue
from annotate.board import ranking_board
from annotate.frame import site_header
from annotate.security import Forbidden, require
from store.errors import BadInput, LeaseLost, PlatformError
from store.workspace import Workspace

AREA = "/annotate"
GUIDELINE = (
    "Rank the responses from best to worst for the person who asked. Being useful on what was asked outweighs"
    " manners. Equal responses share a rank."
)


def page(workspace: Workspace) -> gr.Blocks:
    """The page as Gradio blocks."""

    def load(request: gr.Request) -> dict[str, Any]:
        annotator = require(workspace, request.request, AREA)
        with workspace.store() as db:
            return _complete(workspace, queue.view(db, annotator.name), None)

    def answer(event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        try:
            annotator = require(workspace, request.request, AREA)
        except Forbidden as error:
            raise gr.Error(str(error), print_exception=False) from error
        with workspace.store() as db:
            sent = event._data if isinstance(event._data, dict) else {}
            told = _act(db, annotator.name, sent)
            if sent.get("action") == "previous":
                if earlier := queue.view_previous(db, annotator.name, _whole(sent.get("ranking"))):
                    return _complete(workspace, earlier, told)
                told["message"] = "There is nothing of yours before this."
            return _complete(workspace, queue.view(db, annotator.name), told)

    with gr.Blocks(title="Rank · Rankloop", analytics_enabled=False, fill_width=True) as blocks:
        site_header(workspace, AREA)
        board = ranking_board()
        # queue=False: Gradio's queue holds 14 rankings a second, a plain request ten times as many.
        blocks.load(load, None, board, queue=False, show_progress="hidden", api_visibility="private")
        board.submit(
            answer,
            None,
            board,
            queue=False,
            show_progress="hidden",
            trigger_mode="multiple",
            api_visibility="private",
        )
    return blocks


def _complete(workspace: Workspace, view: dict[str, Any], told: dict[str, Any] | None) -> dict[str, Any]:
    guideline = workspace.settings().get("annotate", {}).get("guideline") or GUIDELINE
    return view | {"guideline": str(guideline), "answer": told}


def _act(db: Database, annotator: str, sent: dict[str, Any]) -> dict[str, Any]:
    """Do what the page asks; on disk when this returns. What goes wrong is told on the page, choices kept."""
    told = {"nonce": str(sent.get("nonce", "")), "stored": False, "message": ""}
    if sent.get("action") in ("next", "previous"):
        return told
    try:
        _store(db, annotator, sent)
    except LeaseLost as error:
        return told | {"message": f"Not saved. {error}"}
    except PlatformError as error:
        return told | {"message": f"Not saved. {error} Your choices are kept."}
    return told | {"stored": True}


def _store(db: Database, annotator: str, sent: dict[str, Any]) -> None:
    lease, comment = str(sent.get("lease", "")), str(sent.get("comment", ""))
    seconds = sent.get("seconds")
    took = float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 86400 else None
    match sent.get("action"):
        case "rank":
            queue.submit(db, annotator, lease, _levels(sent), seconds=took, comment=comment)
        case "revise":
            queue.revise(db, annotator, _whole(sent.get("ranking")), _levels(sent), comment=comment)
        case "skip":
            queue.skip(db, annotator, lease, seconds=took, comment=comment)
        case "flag":
            queue.flag(db, annotator, lease, seconds=took, comment=comment)
        case other:
            raise BadInput(f"There is no action {other!r}: reload the page.")


def _levels(sent: dict[str, Any]) -> list[int]:
    levels = sent.get("levels")
    if not isinstance(levels, list) or not all(type(level) is int for level in levels):
        raise BadInput("The ranks are not whole numbers: reload the page.")
    return levels


def _whole(value: object) -> int:
    return value if type(value) is int else 0
