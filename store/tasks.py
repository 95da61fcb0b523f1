"""Tasks: which responses are to be ranked together, and who has them on the page at the moment.

Whoever is to rank a task holds a lease on it for a while: nobody else gets it, and a task whose lease ran out is free
again. Tasks of the same responses are twins: they are there so that several people rank them. The tasks of a prompt
that was taken out are kept as they are, and given to nobody.
"""

import heapq
import json
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence

from sqlite_utils import Database

from store.db import Row, insert, sql_list, writing
from store.errors import BadInput, LeaseLost, NotFound
from store.records import Task, TaskReason

LEASE_SECONDS = 1800.0
"""How long a task is kept for somebody who has left; the page renews the lease of whoever is still reading."""
LEASE_BYTES = 16
"""Random bytes of a lease, which is the secret to submit a ranking: 128 bits cannot be guessed."""

CHECKS: tuple[TaskReason, ...] = ("gold", "repeat")
"""The reasons of tasks that check one person: they go to nobody else."""
MOST_RESPONSES = 26
"""On the page responses go by letters: a task with more could be shown to nobody."""
OWN: TaskReason = "own"
"""The reason of a task in which a person put an answer of their own above those that they had seen: it was done when
it was made, and is shown to nobody."""
AGAIN: tuple[TaskReason, ...] = ("uniform", "risk")
"""The reasons of tasks whose responses are ranked already, and wait until nothing is left that nobody has ranked."""

TWIN_DONE = """SELECT 1 FROM rankings r WHERE r.annotator = :annotator AND r.prompt_id = t.prompt_id
    AND NOT EXISTS (SELECT 1 FROM task_responses its WHERE its.task_id = t.id AND its.response_id NOT IN
                    (SELECT response_id FROM task_responses WHERE task_id = r.task_id))"""
"""SQL for EXISTS: has `:annotator` had all responses of task `t` together in one task before?

A task with only some of them, say an old response beside a new one, is not the same work, and may be given.
"""
AWAY = """SELECT 1 FROM prompts p INDEXED BY prompts_removed WHERE p.id = t.prompt_id AND p.removed IS NOT NULL
    UNION ALL SELECT 1 FROM prompts p INDEXED BY prompts_held WHERE p.id = t.prompt_id AND p.held IS NOT NULL"""
"""SQL for EXISTS: is the prompt of task `t` kept from people, as the view `taken_out` says it? It is asked for each
task that is walked past, so that an index has to answer it. What can end again has to end with a change of the
prompt's row, or has to delete `places` (store/queue_tables.py) as that does."""
_STRIDE = 50
"""A place is noted anew when it is this many tasks further on: walking past them takes less than writing it."""


def add(db: Database, tasks: Iterable[Task]) -> list[int]:
    """Store tasks, open to everybody; returns their ids. Several of the same responses go to as many people.

    Raises BadInput, with nothing stored, where one that people are to rank has fewer than 2 responses or more than
    `MOST_RESPONSES`.
    """
    ids = []
    with writing(db):
        for task in tasks:
            _check_size(task)
            task_id = insert(db, "tasks", {"prompt_id": task.prompt_id, "reason": task.reason})
            db.conn.executemany(
                "INSERT INTO task_responses (task_id, position, response_id) VALUES (?, ?, ?)",
                [(task_id, position, response) for position, response in enumerate(task.response_ids)],
            )
            ids.append(task_id)
    return ids


def get(db: Database, task_id: int) -> Task:
    """One task; raises NotFound."""
    for row in db.query("SELECT * FROM tasks WHERE id = ?", [task_id]):
        return _task(db, row)
    raise NotFound(f"There is no task {task_id}.")


def held_by(db: Database, annotator: str) -> Task | None:
    """The task that this person holds now; None where they hold none or the lease has run out."""
    rows = db.query(
        "SELECT * FROM tasks t WHERE state = 'leased' AND annotator = ? AND leased_until > ?"
        f" AND NOT EXISTS ({AWAY}) ORDER BY id LIMIT 1",
        [annotator, time.time()],
    )
    return next((_task(db, row) for row in rows), None)


def resume(db: Database, annotator: str, seconds: float = LEASE_SECONDS) -> Task | None:
    """The task that this person was given and has not ranked, with its lease renewed; None where there is none.

    A lease that ran out is renewed too, unless somebody else has taken the task since.
    """
    with writing(db):
        row = db.execute(
            "UPDATE tasks SET leased_until = ?, guideline_id = (SELECT max(id) FROM guidelines) WHERE id ="
            " (SELECT id FROM tasks t WHERE state = 'leased' AND annotator = ?"
            f" AND NOT EXISTS ({AWAY}) ORDER BY id LIMIT 1) RETURNING id",
            [time.time() + seconds, annotator],
        ).fetchone()
        return get(db, row[0]) if row else None


def of_lease(db: Database, lease: str, annotator: str) -> Task | None:
    """The task that this person was given with this lease, ranked by now or not; None if it was never theirs."""
    rows = db.query("SELECT * FROM tasks WHERE lease = ? AND annotator = ?", [lease, annotator])
    return next((_task(db, row) for row in rows), None)


def free_for(db: Database, annotator: str, limit: int = 1) -> list[int]:
    """Ids of up to `limit` tasks that this person may take: open ones, and those whose lease ran out.

    What nobody has ranked comes before what is to be ranked again, and the oldest first. Responses that the person
    has ranked, skipped or flagged in a twin of a task do not come again, and of each prompt there is one task at
    most, since two may be twins.
    """
    found: dict[int, int] = {}
    if limit < 1:
        return []
    for _, task_id, prompt_id in heapq.merge(_never_given(db, annotator), _come_back(db, annotator)):
        found.setdefault(prompt_id, task_id)
        if len(found) == limit:
            break
    return list(found.values())


def _never_given(db: Database, annotator: str) -> Iterator[tuple[int, int, int]]:
    """Open tasks that nobody was given and this person may take: whether it is to be ranked again, id, prompt.

    In that order, read one by one from the person's place on. In a transaction the place moves on to the first.
    """
    for again in (0, 1):
        asked = {"annotator": annotator, "again": again}
        noted = db.execute("SELECT task_id FROM places WHERE annotator = :annotator AND again = :again", asked)
        (place,) = noted.fetchone() or (0,)
        # In the very words of the index.
        which = f"t.shown_order = '[]' AND (t.reason IN {sql_list(AGAIN)}) = :again AND t.id > :place ORDER BY t.id"
        rows = _may_take(db, "tasks_never_given", f"t.state = 'open' AND {which}", asked | {"place": place})
        first = next(rows, None)
        if db.conn.in_transaction:
            _note_place(db, asked, place, first)
        if first:
            yield first
            yield from rows


def _note_place(db: Database, asked: Row, place: int, first: tuple[int, int, int] | None) -> None:
    """Note that nothing before the `first` task that a person may take is for them; None is that nothing is at all.

    In the transaction in which it was found: a prompt that was put back deletes the place, and must come after it.
    """
    passed = first[1] - 1 if first else db.execute("SELECT coalesce(max(id), 0) FROM tasks").fetchone()[0]
    if passed - place >= _STRIDE:
        db.execute("REPLACE INTO places VALUES (:annotator, :again, :passed)", asked | {"passed": passed})


def _come_back(db: Database, annotator: str) -> list[tuple[int, int, int]]:
    """Tasks that somebody was given before and this person may take: skipped ones, and those whose lease ran out."""
    asked = {"annotator": annotator, "now": time.time()}
    skipped = _may_take(db, "tasks_given_back", "t.state = 'open' AND t.shown_order != '[]'", asked)
    late = _may_take(db, "tasks_by_end_of_lease", "t.state = 'leased' AND t.leased_until <= :now", asked)
    return sorted((*skipped, *late))


def _may_take(db: Database, index: str, which: str, asked: Row) -> Iterator[tuple[int, int, int]]:
    """Of the tasks `t` of SQL's `which`, found by an index, those that `:annotator` may take.

    Of each: whether it is to be ranked again, id, prompt. The index is named because SQLite, which knows no numbers
    of rows, would take the one of all that are open.
    """
    yield from db.execute(
        f"""SELECT t.reason IN {sql_list(AGAIN)}, t.id, t.prompt_id FROM tasks t INDEXED BY {index}
            WHERE t.reason NOT IN {sql_list(CHECKS)} AND NOT EXISTS ({AWAY}) AND NOT EXISTS ({TWIN_DONE})
            AND {which}""",
        asked,
    )


def lease(
    db: Database, task_id: int, annotator: str, shown_order: Sequence[int], seconds: float = LEASE_SECONDS
) -> Task:
    """Give a free task to a person for so many seconds.

    `shown_order` lists the task's response ids in the order in which the page will show them. Raises NotFound;
    LeaseLost if somebody else holds the task, it is done, its prompt was taken out, or this person has had its
    responses in a twin.
    """
    with writing(db):
        task = get(db, task_id)
        if db.execute(f"SELECT 1 FROM tasks t WHERE t.id = ? AND EXISTS ({AWAY})", [task_id]).fetchone():
            raise LeaseLost(f"The prompt of task {task_id} was taken out: ask for the next one.")
        free = task.state == "open" or (task.state == "leased" and (task.leased_until or 0) <= time.time())
        if not free:
            raise LeaseLost(f"Task {task_id} is taken: ask for the next one.")
        # Asked again under the lock: since the list of free tasks was read, the person may have ranked a twin in
        # another tab. A repeat is a twin of their own on purpose.
        asked = {"annotator": annotator, "id": task_id}
        twin = f"SELECT 1 FROM tasks t WHERE t.id = :id AND t.reason != 'repeat' AND EXISTS ({TWIN_DONE})"
        if db.execute(twin, asked).fetchone():
            raise LeaseLost(f"{annotator} has had the responses of task {task_id}: ask for the next one.")
        db.execute(
            "UPDATE tasks SET state = 'leased', annotator = ?, shown_order = ?, leased_until = ?, lease = ?,"
            " handed = ?, guideline_id = (SELECT max(id) FROM guidelines) WHERE id = ?",
            [
                annotator,
                json.dumps(list(shown_order)),
                time.time() + seconds,
                secrets.token_urlsafe(LEASE_BYTES),
                time.time(),
                task_id,
            ],
        )
        return get(db, task_id)


def renew(db: Database, task_id: int, lease: str, seconds: float = LEASE_SECONDS) -> None:
    """Make a lease last so many seconds from now; raises LeaseLost if the task is done or somebody else has it."""
    with writing(db):
        changed = db.execute(
            "UPDATE tasks SET leased_until = ? WHERE id = ? AND lease = ? AND state = 'leased'",
            [time.time() + seconds, task_id, lease],
        ).rowcount
    if not changed:
        raise LeaseLost(f"Task {task_id} is no longer yours: ask for the next one.")


def count_open(db: Database) -> int:
    """How many tasks wait for a ranking, those on somebody's page included and those that check a person left out."""
    return db["tasks"].count_where(
        f"state != 'done' AND reason NOT IN {sql_list(CHECKS)} AND prompt_id NOT IN taken_out"
    )


def of_reason(db: Database, reason: TaskReason) -> set[int]:
    """Ids of all tasks that are there for this reason."""
    return {row[0] for row in db.execute("SELECT id FROM tasks WHERE reason = ?", [reason])}


def prompts_to_rank_again(db: Database) -> list[int]:
    """The prompt of each task that waits and whose responses are ranked already; one prompt may come twice."""
    waiting = db.execute(
        f"SELECT prompt_id FROM tasks WHERE reason IN {sql_list(AGAIN)} AND state != 'done'"
        " AND prompt_id NOT IN taken_out ORDER BY id"
    )
    return [row[0] for row in waiting]


def per_prompt(db: Database) -> dict[int, int]:
    """How many tasks each prompt has, done ones included; a prompt without any is not in it."""
    return dict(db.execute("SELECT prompt_id, count(*) FROM tasks GROUP BY prompt_id").fetchall())


def _check_size(task: Task) -> None:
    size = len(task.response_ids)
    if task.reason != OWN and not 2 <= size <= MOST_RESPONSES:
        raise BadInput(
            f"The task of prompt {task.prompt_id} has {size} responses and people rank 2 to {MOST_RESPONSES}: "
            "set `responses` of [sampling] to as many."
        )


def _task(db: Database, row: Row) -> Task:
    responses = db.execute("SELECT response_id FROM task_responses WHERE task_id = ? ORDER BY position", [row["id"]])
    return Task(
        prompt_id=row["prompt_id"],
        response_ids=tuple(r[0] for r in responses),
        reason=row["reason"],
        state=row["state"],
        annotator=row["annotator"],
        shown_order=tuple(json.loads(row["shown_order"])),
        leased_until=row["leased_until"],
        lease=row["lease"],
        id=row["id"],
    )
