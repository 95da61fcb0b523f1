"""Simulated annotators rank the open tasks, as people would on the page."""

from dataclasses import dataclass

import numpy as np

from rlhf.stages.context import Context
from rlhf.tiny.annotator import annotators
from store import annotators as accounts
from store import prompts, rankings, responses, tasks
from store.db import writing

COMMIT_EVERY = 100
"""About how many rankings are stored in one transaction: each commit waits for the disk."""


@dataclass(frozen=True)
class Simulated:
    """How many rankings were made, by how many simulated annotators."""

    rankings: int
    annotators: int


def simulate(ctx: Context, *, count: int = 8, limit: int = 0, seed: int = 0) -> Simulated:
    """`count` simulated annotators rank open tasks (at most `limit`; 0 is all), each through a lease of their own.

    Their names start with `simulated:`. Nobody ranks the same responses twice.
    """
    staff = annotators(count, seed)
    rng = np.random.default_rng(seed)
    done = 0
    with ctx.store() as db:
        for person in staff:
            accounts.ensure(db, person.name)
        total = min(limit or tasks.count_open(db), tasks.count_open(db))
        idle: set[str] = set()
        while done < total and len(idle) < len(staff):
            with writing(db):
                for person in rng.permutation(np.array(staff, dtype=object))[:COMMIT_EVERY]:
                    free = tasks.free_for(db, person.name, limit=max(1, COMMIT_EVERY // count))
                    if not free:
                        idle.add(person.name)
                    for task_id in free[: total - done]:
                        shown = responses.of_task(db, task_id)
                        order = rng.permutation(len(shown))
                        lease = tasks.lease(db, task_id, person.name, [shown[i].id for i in order])
                        chat = prompts.get(db, lease.prompt_id)
                        levels = person.rank(chat.text, [shown[i].text for i in order], seed=seed + task_id)
                        ranked = {shown[i].id: level for i, level in zip(order, levels, strict=True)}
                        rankings.submit(db, str(lease.lease), person.name, ranked, seconds=None)
                        done += 1
            ctx.progress(done, total, "simulated annotators rank")
    return Simulated(done, len(staff))
