"""Which task a person gets next, what the page may know of it, and what becomes of the answer."""

import os
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from sqlite_utils import Database

from annotate import practice as lessons
from annotate.markup import render
from store import answers, checks, practice, prompts, rankings, responses, tasks
from store.db import writing
from store.errors import BadInput, LeaseLost
from store.practice import Practice
from store.records import Json, Message, Ranking, RankingKind, Task

REMAINING_COUNTED = 500
"""The page says "500+" beyond this, so that a long queue costs no long count."""
RECOUNTED_AFTER = 15.0
"""Seconds for which a person's "500+" is believed: nobody ranks hundreds meanwhile, and counting costs more than all
the rest of an answer. What is less is counted each time."""
_long_until: dict[tuple[object, ...], float] = {}
"""Until when (by a clock that nobody sets) a queue is known to be that long, by the store's file and the name."""

GOLD_SHARE = 0.05
"""Share of a person's tasks that ask for a known answer, as long as there are some that they have not ranked."""
REPEAT_SHARE = 0.02
"""Share of a person's tasks that show one of their own earlier tasks once more."""
REPEAT_AGO = 20
"""How many rankings a person makes before a task of theirs is shown again, so that they do not remember it."""

MOST_COMMENT = 4000
"""Characters of a comment that are kept."""
LOOK_BACK = 200
"""How many of their own rankings a person can go back through."""


@dataclass(frozen=True)
class Progress:
    """Tasks that one person has done today and in all, and may still take (`more`: more than were counted)."""

    today: int
    total: int
    remaining: int
    more: bool


def next_task(db: Database, annotator: str) -> Task | None:
    """The task that the person holds, else the next free one, leased now; None when there is nothing to rank.

    Now and then it is one that checks the person, which looks like any other.
    """
    # One transaction: between finding a free task and leasing it nobody else can take it, and two tabs of one
    # person get the same task instead of one each.
    with writing(db):
        if held := tasks.resume(db, annotator):
            return held
        free = _unpractised(db, annotator)
        check = _check(db, annotator) if free else None
        for task_id in tasks.add(db, [check]) if check else free:
            order = list(tasks.get(db, task_id).response_ids)
            random.shuffle(order)
            return tasks.lease(db, task_id, annotator, order)
    return None


def _unpractised(db: Database, annotator: str) -> list[int]:
    """The next free task, if there is one, whose known answer the person was not shown in practice."""
    seen = practice.done(db, annotator)
    free = tasks.free_for(db, annotator, 1 + len(seen))  # one a prompt
    return [task_id for task_id in free if not seen or tasks.get(db, task_id).prompt_id not in seen][:1]


def _check(db: Database, annotator: str) -> Task | None:
    """Now and then a task that checks the person, else None; drawn by chance, so that nobody can foresee it."""
    drawn = random.random()
    if drawn < GOLD_SHARE:
        return checks.gold_task(db, annotator)
    if drawn < GOLD_SHARE + REPEAT_SHARE:
        return checks.repeat_task(db, annotator, REPEAT_AGO)
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
    """Store a ranking whose `levels` follow the order shown; it is on disk when this returns.

    Raises LeaseLost if the lease is not this person's, BadInput if a response has no level.
    """
    task = tasks.of_lease(db, lease, annotator)
    # Without a task the store still knows a lease that was answered before, and says whose it is.
    by_response = _by_response(task, levels) if task else {}
    return _store(db, annotator, lease, by_response, "ranked", seconds, comment)


def skip(db: Database, annotator: str, lease: str, *, seconds: float | None = None, comment: str = "") -> Ranking:
    """Give the task back to the others, with the reason as comment; raises LeaseLost."""
    return _store(db, annotator, lease, {}, "skipped", seconds, comment)


def flag(db: Database, annotator: str, lease: str, *, seconds: float | None = None, comment: str = "") -> Ranking:
    """Close the task as one that cannot be ranked (harmful, broken, all bad); raises LeaseLost."""
    return _store(db, annotator, lease, {}, "flagged", seconds, comment)


def as_sent(
    db: Database, ranking: Ranking, kind: RankingKind, lease: str, levels: Sequence[int], comment: str
) -> bool:
    """Whether what is stored under a lease is what was sent with it now.

    Who got no answer may change the order and send it again, and the two may overtake each other on the way: which
    was meant last cannot be told, so the first stands, and the person is to hear that.
    """
    task = tasks.of_lease(db, lease, ranking.annotator)
    sent = _by_response(task, levels) if task and kind == "ranked" else {}
    return (ranking.kind, ranking.levels, ranking.comment) == (kind, sent, _kept(comment))


def write(db: Database, annotator: str, lease: str, text: str) -> Ranking:
    """Store an answer of the person's own to the prompt before them, above the responses that they see there.

    Raises as `store.answers.write` does.
    """
    return answers.write(db, lease, annotator, text)


def revise(db: Database, annotator: str, ranking_id: int, levels: Sequence[int], *, comment: str = "") -> Ranking:
    """Store what a person thinks now of a task that they ranked before; sent twice, it is stored once.

    Raises LeaseLost where the ranking is not theirs or was revised already, BadInput if a response has no level.
    """
    old = rankings.get(db, ranking_id)
    if old.annotator != annotator:
        raise LeaseLost("That ranking is not yours: go back to your own.")
    by_response = _by_response(_as_shown(db, old), levels)
    kept = _kept(comment)
    for standing in rankings.of_annotator(db, annotator, LOOK_BACK):
        if standing.supersedes == ranking_id and (standing.levels, standing.comment) == (by_response, kept):
            return standing
    return rankings.revise(db, ranking_id, annotator, by_response, kept)


def counts_later(db: Database, ranking: Ranking) -> str:
    """What a person is told of a ranking that is stored and does not count, since its prompt was taken out or flagged
    while they had it before them; empty where it counts, and where they skipped or flagged."""
    prompt = prompts.get(db, ranking.prompt_id)
    if ranking.kind != "ranked" or prompt.counts:
        return ""
    what = "taken out meanwhile" if prompt.removed else "flagged"
    return f"Saved. This prompt was {what}: what you said counts if it is put back."


def progress(db: Database, annotator: str) -> Progress:
    """How many tasks the person has done and may still do."""
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    remaining = _remaining(db, annotator)
    return Progress(
        rankings.done_by(db, annotator, since=midnight.strftime("%Y-%m-%dT%H:%M:%S")),
        rankings.done_by(db, annotator),
        min(remaining, REMAINING_COUNTED),
        remaining >= REMAINING_COUNTED,
    )


def _remaining(db: Database, annotator: str) -> int:
    """How many tasks a person may still take, the one that they hold included; `REMAINING_COUNTED` is or more."""
    (file,) = (row[2] for row in db.execute("PRAGMA database_list").fetchall() if row[1] == "main")
    status, now = os.stat(file), time.monotonic()
    key = (status.st_dev, status.st_ino, file, annotator)
    if now < _long_until.get(key, 0.0):
        return REMAINING_COUNTED
    counted = len(tasks.free_for(db, annotator, REMAINING_COUNTED)) + bool(tasks.held_by(db, annotator))
    if counted >= REMAINING_COUNTED:
        _long_until[key] = now + RECOUNTED_AFTER
    return counted


def view(db: Database, annotator: str, practise: int = 0) -> Json:
    """All that the board is sent: texts in the order shown, never the name of a model or the id of a response.

    Whoever has ranked nothing yet gets the first `practise` known answers to practise on before.
    """
    if due := practice.due(db, annotator, practise):
        return view_practice(db, annotator, due)
    task = next_task(db, annotator)
    if task is None:
        return _view(db, annotator, None)
    wrote = answers.written(db, annotator, task) is not None
    return _view(db, annotator, _shown(db, task) | {"wrote": wrote})


def view_practice(db: Database, annotator: str, due: Practice, feedback: str = "") -> Json:
    """A practice task; with what to tell the person of it, once they have ranked it."""
    told = {"number": due.number, "of": due.of, "feedback": feedback}
    return _view(db, annotator, _shown(db, lessons.as_task(db, annotator, due)) | {"practice": told})


def view_previous(db: Database, annotator: str, before: int = 0) -> Json | None:
    """The person's latest answer, or the last one before ranking `before`, to be revised; None if there is none.

    A skip or a flag has no order yet (every slot is None): to give it one takes it back.
    """
    for ranking in rankings.of_annotator(db, annotator, LOOK_BACK):
        if (before and ranking.id >= before) or not can_revise(db, ranking):
            continue
        task = _as_shown(db, ranking)
        ranked = ranking.kind == "ranked"
        earlier = {
            "lease": f"revision-{ranking.id}",
            "revises": ranking.id,
            "slots": [ranking.levels[response_id] - 1 if ranked else None for response_id in task.shown_order],
            "comment": ranking.comment if ranked else "",  # why it was skipped is no comment on an order
            "was": ranking.kind,
        }
        return _view(db, annotator, _shown(db, task) | earlier)
    return None


def can_revise(db: Database, ranking: Ranking) -> bool:
    """Whether the page can show a person's standing answer to be changed."""
    if prompts.get(db, ranking.prompt_id).removed or not rankings.can_change(db, ranking):
        return False
    return tasks.get(db, ranking.task_id).reason != tasks.OWN  # on the page there is nothing of it to change


def _as_shown(db: Database, ranking: Ranking) -> Task:
    """The task of an answer, in the order in which its author saw it: after a skip others may have seen another."""
    return replace(tasks.get(db, ranking.task_id), shown_order=rankings.shown_order(db, ranking.id))


def texts(db: Database, task: Task) -> tuple[tuple[Message, ...], list[str]]:
    """The prompt of a task that somebody holds, and its responses in the order shown, as they were written."""
    by_id = {response.id: response.text for response in responses.of_task(db, task.id)}
    return prompts.get(db, task.prompt_id).messages, [by_id[response_id] for response_id in task.shown_order]


def _view(db: Database, annotator: str, task: Json | None) -> Json:
    return {"annotator": annotator, "task": task, "progress": asdict(progress(db, annotator))}


def _shown(db: Database, task: Task) -> Json:
    turns, written = texts(db, task)
    return {
        "lease": task.lease,
        "prompt": [
            {"role": turn["role"], "html": render(turn["content"]), "written": turn["content"]} for turn in turns
        ],
        "responses": [render(text) for text in written],
        "written": written,
    }


def _by_response(task: Task, levels: Sequence[int]) -> dict[int, int]:
    if len(levels) != len(task.shown_order):
        raise BadInput(f"{len(levels)} of {len(task.shown_order)} responses have a rank: rank each of them.")
    return dict(zip(task.shown_order, levels, strict=True))


def _kept(comment: str) -> str:
    """A comment as it is stored; half of a character, which a browser may cut at its limit, cannot be."""
    return comment.strip()[:MOST_COMMENT].encode("utf-8", "replace").decode()


def _store(
    db: Database,
    annotator: str,
    lease: str,
    levels: dict[int, int],
    kind: RankingKind,
    seconds: float | None,
    comment: str,
) -> Ranking:
    kept = _kept(comment)
    return rankings.submit(db, lease, annotator, levels, kind=kind, seconds=seconds, comment=kept)
