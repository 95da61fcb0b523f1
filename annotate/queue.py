"""Which task a person gets next, what the page may know of it, and what becomes of the answer."""

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlite_utils import Database

from annotate.markup import render
from store import prompts, rankings, responses, tasks
from store.db import writing
from store.errors import BadInput
from store.records import Ranking, RankingKind, Task

REMAINING_COUNTED = 500
"""The page says "500+" beyond this, so that a long queue costs no long count."""

MOST_COMMENT = 4000


@dataclass(frozen=True)
class Progress:
    """How far one person is: tasks done today and ever, and tasks that they may still take."""

    today: int
    total: int
    remaining: int
    more: bool


def next_task(db: Database, annotator: str) -> Task | None:
    """The task that the person holds, else the oldest free one, leased now; None when there is nothing to rank."""
    # One transaction: between finding a free task and leasing it nobody else can take it, and two tabs of one
    # person get the same task instead of one each.
    with writing(db):
        if held := tasks.resume(db, annotator):
            return held
        for task_id in tasks.free_for(db, annotator):
            order = list(tasks.get(db, task_id).response_ids)
            random.shuffle(order)
            return tasks.lease(db, task_id, annotator, order)
    return None


def submit(
    db: Database,
    annotator: str,
    lease: str,
    levels: Sequence[int],
    *,
    seconds: float | None = None,
    comment: str = "",
) -> Ranking:
    """Store a ranking whose `levels` follow the order shown; on disk when this returns.

    Raises LeaseLost if the lease is not this person's, BadInput if a response has no level.
    """
    task = tasks.of_lease(db, lease, annotator)
    if task and len(levels) != len(task.shown_order):
        raise BadInput(f"{len(levels)} of {len(task.shown_order)} responses have a rank: rank each of them.")
    # Without a task the store still knows a lease that was answered before, and says whose it is.
    by_response = dict(zip(task.shown_order, levels, strict=True)) if task else {}
    return _store(db, annotator, lease, by_response, "ranked", seconds, comment)


def skip(db: Database, annotator: str, lease: str, *, seconds: float | None = None, comment: str = "") -> Ranking:
    """Give the task back to the others, with the reason as comment; raises LeaseLost."""
    return _store(db, annotator, lease, {}, "skipped", seconds, comment)


def flag(db: Database, annotator: str, lease: str, *, seconds: float | None = None, comment: str = "") -> Ranking:
    """Close the task as one that cannot be ranked (harmful, broken, all bad); raises LeaseLost."""
    return _store(db, annotator, lease, {}, "flagged", seconds, comment)


def progress(db: Database, annotator: str) -> Progress:
    """How far the person is."""
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    remaining = len(tasks.free_for(db, annotator, REMAINING_COUNTED)) + bool(tasks.held_by(db, annotator))
    return Progress(
        rankings.done_by(db, annotator, since=midnight.strftime("%Y-%m-%dT%H:%M:%S")),
        rankings.done_by(db, annotator),
        min(remaining, REMAINING_COUNTED),
        remaining >= REMAINING_COUNTED,
    )


def view(db: Database, annotator: str) -> dict[str, Any]:
    """All that the page is told: texts in the order shown, never a model's name or a response's id."""
    task = next_task(db, annotator)
    shown: dict[str, Any] = {"annotator": annotator, "task": None, "progress": asdict(progress(db, annotator))}
    if task:
        texts = {response.id: response.text for response in responses.of_task(db, task.id)}
        shown["task"] = {
            "lease": task.lease,
            "prompt": [
                {"role": turn["role"], "html": render(turn["content"])}
                for turn in prompts.get(db, task.prompt_id).messages
            ],
            "responses": [render(texts[response_id]) for response_id in task.shown_order],
        }
    return shown


def _store(
    db: Database,
    annotator: str,
    lease: str,
    levels: dict[int, int],
    kind: RankingKind,
    seconds: float | None,
    comment: str,
) -> Ranking:
    kept = comment.strip()[:MOST_COMMENT]
    return rankings.submit(db, lease, annotator, levels, kind=kind, seconds=seconds, comment=kept)
