"""The annotators' page: the board, and what happens to each answer."""

import logging
from contextlib import suppress

import gradio as gr
from markupsafe import Markup
from sqlite_utils import Database

from annotate import guidelines, practice, queue
from annotate.board import ranking_board
from annotate.frame import QUIET, sent_id, site_header
from annotate.own import own_figures
from annotate.security import ROLES, Forbidden, require
from annotate.trouble import EVIDENCE, handed_on, refused
from rlhf.settings import AnnotateConfig, settings_of
from rlhf.settings.overlay import short
from store import checks
from store.errors import BadInput, LeaseLost, PlatformError, Unforeseen
from store.records import Annotator, Json, Ranking, RankingKind
from store.words import in_words
from store.workspace import Workspace

log = logging.getLogger(__name__)

AREA = "/annotate"
GUIDELINE = (
    "Rank the responses from best to worst for the person who asked. Being useful on what was asked outweighs"
    " manners. Equal responses share a rank."
)
GOLD = {
    "name": "gold",
    "label": "Gold: this order is the known answer",
    "title": "Others will be given this task now and then, to see how far they can be relied upon.",
}
"""The tick box that marks a known answer. It is sent only to people who may mark one, so that nobody else's page says
that known answers exist."""
ALREADY = "Ranked already, here or in another tab, and differently. That stands: press Previous (P) to change it."
OWN_FIGURES_EVERY = 300.0
"""Seconds after which a person's own figures are drawn again; they change with a rating only."""


def page(workspace: Workspace) -> gr.Blocks:
    """The page as Gradio blocks."""
    config = Config(workspace)

    def load(request: gr.Request) -> Json:
        with handed_on(request.request):
            annotator = require(workspace, request.request, AREA)
            with workspace.store() as db:
                settings = config()
                return _complete(settings, db, annotator, queue.view(db, annotator.name, settings.practice), None)

    def own(request: gr.Request) -> Markup:
        with handed_on(request.request):
            annotator = require(workspace, request.request, AREA)
            with workspace.store() as db:
                return own_figures(db, annotator.name)

    def answer(event: gr.EventData, request: gr.Request) -> Json:
        with handed_on(request.request):
            try:
                annotator = require(workspace, request.request, AREA)
            except Forbidden as error:
                refused(request.request, error)
                raise gr.Error(str(error), print_exception=False) from error
            sent = event._data if isinstance(event._data, dict) else {}
            with workspace.store() as db:
                return answer_to(config(), db, annotator, sent)

    made: gr.Blocks
    with gr.Blocks(title="Rank · Rankloop", analytics_enabled=False, fill_width=True) as made:
        site_header(workspace, AREA)
        board = ranking_board()
        figures = gr.HTML(apply_default_css=False, elem_id="own")
        # queue=False: Gradio's queue holds 14 rankings a second, a plain request ten times as many.
        made.load(load, None, board, queue=False, show_progress="hidden", api_visibility="private")
        board.submit(
            answer,
            None,
            board,
            queue=False,
            show_progress="hidden",
            trigger_mode="multiple",
            api_visibility="private",
        )
        made.load(own, None, figures, **QUIET)
        gr.Timer(OWN_FIGURES_EVERY).tick(own, None, figures, **QUIET)
    return made


def answer_to(config: AnnotateConfig, db: Database, person: Annotator, sent: Json) -> Json:
    """Do what the board asks, and give what it is to show next; a ranking is on disk when this returns."""
    told = _act(config, db, person, sent)
    try:
        return _complete(config, db, person, _following(config, db, person, sent, told), told)
    except Exception as error:
        return _without_task(config, person, told, error)


class Config:
    """[annotate] of workspace.toml. Where that cannot be used the last good one stays: people go on ranking."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.last = workspace, AnnotateConfig()

    def __call__(self) -> AnnotateConfig:
        """As the file is now. What is wrong with it the research page says: whose page this is cannot mend it."""
        with suppress(BadInput, OSError):
            self.last = settings_of(self.workspace).annotate
        return self.last


def _complete(config: AnnotateConfig, db: Database, person: Annotator, view: Json, told: Json | None) -> Json:
    complete = view | {"guideline": config.guideline or GUIDELINE, "answer": told}
    complete["guidelines"] = guidelines.shown(db)
    complete["break_after"] = config.break_after
    # An earlier ranking, which says nothing of `wrote`, is looked at again to be changed: nothing is written there.
    complete["write"] = config.better_answers and (view["task"] or {}).get("wrote") is False
    if _may_mark(person):
        earlier = (view["task"] or {}).get("revises", 0)
        complete["mark"] = GOLD | {"checked": bool(earlier) and checks.is_gold(db, earlier)}
    return complete


def _following(config: AnnotateConfig, db: Database, person: Annotator, sent: Json, told: Json) -> Json:
    """What the page shows after this action: the earlier ranking that was asked for, the practice task that was just
    ranked, with what there is to say of it, or the next task."""
    if practised := told.pop("practised", None):
        return queue.view_practice(db, person.name, *practised)
    if sent.get("action") == "previous":
        if earlier := queue.view_previous(db, person.name, sent_id(sent.get("ranking"))):
            return earlier
        told["message"] = "There is nothing of yours before this."
    return queue.view(db, person.name, config.practice)


def _without_task(config: AnnotateConfig, person: Annotator, told: Json, error: Exception) -> Json:
    """The answer where a ranking may be stored and no task can be given after it, such as on a disk that is full.

    `trouble` says why, in words; the page asks for the next task again, and sends no ranking a second time. Raises
    the error where it is one of the program and nothing was stored.
    """
    words = in_words(error, EVIDENCE)
    if isinstance(words, Unforeseen):
        if not told["stored"]:
            raise error
        log.error("no task could be given after a ranking", exc_info=error)
    view = {"annotator": person.name, "task": None, "progress": None, "trouble": str(words)}
    return view | {"guideline": config.guideline or GUIDELINE, "answer": told}


def _may_mark(person: Annotator) -> bool:
    return person.role in ROLES["/research"]


def _act(config: AnnotateConfig, db: Database, person: Annotator, sent: Json) -> Json:
    """Do what the page asks; it is on disk when this returns. An error becomes a message on the page, which keeps the
    person's choices."""
    told = {"nonce": _written(sent.get("nonce")), "stored": False, "message": ""}
    if sent.get("action") in ("next", "previous"):
        return told
    writes = sent.get("action") == "write"
    try:
        if practice.is_practice(lease := _text(sent, "lease")):
            if sent.get("action") != "rank":
                raise BadInput("This is practice, and only to be ranked.")
            levels = _levels(sent)
            return told | {"practised": practice.answer(db, person.name, lease, levels, config.practice)}
        if writes and not config.better_answers:
            raise BadInput("Writing answers was switched off: reload the page.")
        ranking = _store(db, person.name, sent)
    except LeaseLost as error:
        return told | {"message": f"Not saved. {error}"}
    except PlatformError as error:
        return told | {"message": f"Not saved. {error} Your choices are kept."}
    if _stands(db, ranking, sent):
        return told | {"stored": True, "already": True, "message": ALREADY}
    # The task stays on the page after an answer of the person's own, with all that they chose.
    kept: Json = {"written": True} if writes else {}
    return told | {"stored": True, "message": _besides(db, person, ranking, sent)} | kept


def _stands(db: Database, ranking: Ranking, sent: Json) -> bool:
    """Whether what is stored is not what was sent now: another tab, or the same one before, was first."""
    kinds: dict[object, RankingKind] = {"rank": "ranked", "skip": "skipped", "flag": "flagged"}
    kind = kinds.get(sent.get("action"))
    if kind is None:
        return False
    levels = _levels(sent) if kind == "ranked" else []
    with suppress(Exception):  # the ranking is stored, whatever prevents a look at it
        return not queue.as_sent(db, ranking, kind, _text(sent, "lease"), levels, _text(sent, "comment"))
    return False


def _besides(db: Database, person: Annotator, ranking: Ranking, sent: Json) -> str:
    """What to say of a ranking beside that it is stored; an error here must not hide that."""
    try:
        return _mark(db, person, ranking, sent) or queue.counts_later(db, ranking)
    except Exception as error:
        return f"Saved. {in_words(error, EVIDENCE)}"


def _mark(db: Database, person: Annotator, ranking: Ranking, sent: Json) -> str:
    """Mark a stored ranking as the known answer, or take the mark away, as the person ticked.

    Returns in words what prevents it, and an empty text where nothing does.
    """
    wanted = sent.get(GOLD["name"])
    if type(wanted) is not bool or sent.get("action") not in ("rank", "revise"):
        return ""
    if not _may_mark(person):
        return "Saved. Only a researcher can mark it." if wanted else ""
    try:
        if wanted:
            checks.mark_gold(db, ranking.id)
        elif checks.is_gold(db, ranking.id):  # a changed ranking takes over what the old one was
            checks.unmark_gold(db, ranking.prompt_id)
    except BadInput as error:
        with suppress(Exception):  # the ranking is stored, whatever becomes of an older mark
            if checks.is_gold(db, ranking.id):
                checks.unmark_gold(db, ranking.prompt_id)
        return f"Saved, but not as gold. {error}"
    except Exception as error:
        return f"Saved, but not as gold. {in_words(error, EVIDENCE)}"
    return ""


def _store(db: Database, annotator: str, sent: Json) -> Ranking:
    lease, comment = _text(sent, "lease"), _text(sent, "comment")
    seconds = sent.get("seconds")
    took = float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 86400 else None
    match sent.get("action"):
        case "rank":
            return queue.submit(db, annotator, lease, _levels(sent), seconds=took, comment=comment)
        case "revise":
            return queue.revise(db, annotator, sent_id(sent.get("ranking")), _levels(sent), comment=comment)
        case "skip":
            return queue.skip(db, annotator, lease, seconds=took, comment=comment)
        case "flag":
            return queue.flag(db, annotator, lease, seconds=took, comment=comment)
        case "write":
            return queue.write(db, annotator, lease, _text(sent, "text"))
        case other:
            raise BadInput(f"There is no action {short(other)}: reload the page.")


def _text(sent: Json, name: str) -> str:
    value = sent.get(name) or ""
    if not isinstance(value, str):
        raise BadInput(f"The {name} is no text: reload the page.")
    return _written(value)


def _written(value: object) -> str:
    """Text as it can be stored and sent back; half of a character, which a browser may cut at its limit, cannot."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _levels(sent: Json) -> list[int]:
    levels = sent.get("levels")
    if not isinstance(levels, list) or not all(type(level) is int for level in levels):
        raise BadInput("The ranks are not whole numbers: reload the page.")
    return levels
