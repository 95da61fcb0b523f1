"""Practice tasks on the Rank page, which look like any other and end with the known order beside the person's own."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from sqlite_utils import Database

from annotate.letters import in_letters
from store import practice, tasks
from store.errors import BadInput, LeaseLost
from store.practice import Practice
from store.records import Task

LEASE = "practice-"
"""How the lease of a practice task begins; the number of the known answer follows. No real lease begins so."""


def is_practice(lease: str) -> bool:
    """Whether a lease is that of a practice task."""
    return lease.startswith(LEASE)


def as_task(db: Database, annotator: str, due: Practice) -> Task:
    """The task of a known answer in an order of this person's own, the same whenever they load the page."""
    known = tasks.get(db, due.known.task_id)
    order = sorted(known.response_ids)
    random.Random(f"{annotator} {due.known.id}").shuffle(order)
    return replace(known, shown_order=tuple(order), lease=f"{LEASE}{due.known.id}")


def answer(db: Database, annotator: str, lease: str, levels: Sequence[int], count: int) -> tuple[Practice, str]:
    """Keep what a person said of the practice task that is due; returns it and what to tell them.

    Raises LeaseLost where another one is due, or none; BadInput where a response has no level.
    """
    due = practice.due(db, annotator, count)
    if due is None or lease != f"{LEASE}{due.known.id}":
        raise LeaseLost("This practice is over: ask for the next task.")
    shown = as_task(db, annotator, due).shown_order
    if len(levels) != len(shown):
        raise BadInput(f"{len(levels)} of {len(shown)} responses have a rank: rank each of them.")
    said = dict(zip(shown, levels, strict=True))
    practice.store(db, annotator, due.known.prompt_id, said)
    return due, _feedback(due, said, shown)


def _feedback(due: Practice, said: dict[int, int], shown: Sequence[int]) -> str:
    known = due.known.levels
    ordered = [(a, b) if known[a] < known[b] else (b, a) for a, b in combinations(shown, 2) if known[a] != known[b]]
    right = sum(said[better] < said[worse] for better, worse in ordered)
    whole = f"all {right} pairs" if right == len(ordered) else f"{right} of {len(ordered)} pairs"
    why = f" Why: {due.known.comment}" if due.known.comment else ""
    return f"You put {whole} in the known order, which is {in_letters(known, shown)}.{why}"
