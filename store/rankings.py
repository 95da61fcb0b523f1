"""Rankings: which responses people put above which. Rows are only ever added.

A ranking stands until the same person revises it: the new row supersedes the old one, which stays in the file.
"""

import json
import secrets
import time

from sqlite_utils import Database

from store import guidelines, tasks
from store.db import Row, insert, writing
from store.errors import BadInput, LeaseLost, NotFound
from store.first_tables import CLOCK
from store.records import SIMULATED, Ranking, RankingKind, Task

RECENT = 20
"""How many of one person's latest rankings are given, where the caller does not say."""


def submit(
    db: Database,
    lease: str,
    annotator: str,
    levels: dict[int, int],
    *,
    kind: RankingKind = "ranked",
    seconds: float | None = None,
    comment: str = "",
) -> Ranking:
    """Store a ranking and close its task; it is on disk when this returns.

    `levels` maps each response's id to its level: 1 is best, equal levels are a tie. The same lease submitted twice
    returns the ranking already stored. A skipped task goes back to the others, unless it was made to check this
    person; a flag holds the prompt back until somebody decides.
    Raises LeaseLost if the lease is unknown, somebody else's, or was taken over; BadInput if `levels` does not
    rank just the task's responses from 1 (best) without gaps.
    """
    with writing(db):
        # A page whose answer was lost on the way sends it again: that must not become a second ranking.
        if stored := _of_lease(db, lease):
            if stored.annotator != annotator:
                raise LeaseLost("This task was ranked by somebody else: ask for the next one.")
            return stored
        row = next(db.query("SELECT * FROM tasks WHERE lease = ? AND annotator = ?", [lease, annotator]), None)
        if row is None:
            raise LeaseLost("This task is no longer yours (the lease ran out): ask for the next one.")
        task = tasks.get(db, row["id"])
        if kind == "ranked":
            _check(levels, task.response_ids)
        ranking_id = _insert(
            db,
            Ranking(
                task_id=task.id,
                prompt_id=task.prompt_id,
                annotator=annotator,
                levels=levels if kind == "ranked" else {},
                kind=kind,
                seconds=seconds,
                lasted=max(time.time() - row["handed"], 0.0) if row["handed"] else None,
                comment=comment,
                guideline_id=row["guideline_id"],
            ),
            lease,
            task.shown_order,
        )
        if kind == "flagged":
            hold(db, task.prompt_id)
        if kind == "skipped" and task.reason not in tasks.CHECKS:
            db.execute(
                "UPDATE tasks SET state = 'open', annotator = NULL, lease = NULL, leased_until = NULL WHERE id = ?",
                [row["id"]],
            )
        else:
            db.execute("UPDATE tasks SET state = 'done' WHERE id = ?", [row["id"]])
        return get(db, ranking_id)


def revise(db: Database, ranking_id: int, annotator: str, levels: dict[int, int], comment: str = "") -> Ranking:
    """Store what a person thinks now: a new ranking that supersedes their earlier one `ranking_id`.

    A flag is taken back so, and no longer holds its prompt back; a skip too, as long as nobody else has its task.
    Raises NotFound; LeaseLost if the ranking is somebody else's, was revised already, or is a skip whose task
    somebody else has by now; BadInput for `levels` that do not rank just the task's responses from 1 without gaps.
    """
    with writing(db):
        old = get(db, ranking_id)
        if old.annotator != annotator:
            raise LeaseLost(f"Ranking {ranking_id} is {old.annotator}'s: revise your own.")
        if db["rankings"].count_where("supersedes = ?", [ranking_id]):
            raise LeaseLost(f"Ranking {ranking_id} was revised already: revise the newer one.")
        task = tasks.get(db, old.task_id)
        _check(levels, task.response_ids)
        if old.kind == "skipped" and not _take_again(db, task, annotator):
            raise LeaseLost("You skipped this, and somebody else has it by now: rank the next.")
        new = Ranking(
            task_id=old.task_id,
            prompt_id=old.prompt_id,
            annotator=annotator,
            levels=levels,
            comment=comment,
            supersedes=ranking_id,
            guideline_id=guidelines.newest_id(db),
        )
        new_id = _insert(db, new, None, shown_order(db, ranking_id))
        if old.kind == "flagged":
            hold(db, old.prompt_id)
        # Whoever marked the old one as the known answer trusts its annotator to know better now.
        db.execute("UPDATE gold SET ranking_id = ? WHERE ranking_id = ?", [new_id, ranking_id])
        return get(db, new_id)


def hold(db: Database, prompt_id: int) -> None:
    """Hold a prompt back as long as a flag of it stands undecided; inside the caller's transaction."""
    db.execute(
        f"""UPDATE prompts SET held = CASE WHEN EXISTS (
                SELECT 1 FROM rankings r WHERE r.prompt_id = :id AND r.kind = 'flagged'
                AND NOT EXISTS (SELECT 1 FROM rankings newer WHERE newer.supersedes = r.id)
                AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.ranking_id = r.id)
            ) THEN coalesce(held, {CLOCK}) END WHERE id = :id""",
        {"id": prompt_id},
    )


def shown_order(db: Database, ranking_id: int) -> tuple[int, ...]:
    """The ids of the responses in the order in which whoever made this ranking saw them."""
    (told,) = db.execute("SELECT shown_order FROM rankings WHERE id = ?", [ranking_id]).fetchone()
    return tuple(json.loads(told))


def can_change(db: Database, ranking: Ranking) -> bool:
    """Whether a standing answer can be given anew: a skip only while its task is free, or still this person's."""
    return ranking.kind != "skipped" or _free_again(tasks.get(db, ranking.task_id), ranking.annotator)


def get(db: Database, ranking_id: int) -> Ranking:
    """One ranking, superseded or not; raises NotFound."""
    for row in db.query("SELECT * FROM rankings WHERE id = ?", [ranking_id]):
        return _ranking(row)
    raise NotFound(f"There is no ranking {ranking_id}.")


def current(db: Database, *, up_to: int | None = None) -> list[Ranking]:
    """The rankings that count, in order of arrival: the newest of each chain of revisions, without skips and flags.

    Those of prompts that were taken out do not count. `up_to` leaves out those with a greater id.
    """
    rows = db.query(
        "SELECT * FROM current_rankings WHERE kind = 'ranked' AND (:up_to IS NULL OR id <= :up_to) ORDER BY id",
        {"up_to": up_to},
    )
    return [_ranking(row) for row in rows]


def page(db: Database, after: int, limit: int) -> list[Ranking]:
    """At most `limit` of the rankings that count whose id comes `after` one, by their ids."""
    rows = db.query(
        "SELECT * FROM current_rankings WHERE kind = 'ranked' AND id > ? ORDER BY id LIMIT ?", [after, limit]
    )
    return [_ranking(row) for row in rows]


def of_prompt(db: Database, prompt_id: int) -> tuple[list[Ranking], frozenset[int]]:
    """The standing rankings of one prompt, in order of arrival, without skips and flags; and which of their tasks are
    those in which a person put an answer of their own first."""
    # By its tasks, which an index finds, and newer ones row by row: the view would look through all rankings.
    rows = list(
        db.query(
            "SELECT r.*, t.reason FROM tasks t JOIN rankings r ON r.task_id = t.id WHERE t.prompt_id = ?"
            " AND r.kind = 'ranked' AND NOT EXISTS (SELECT 1 FROM rankings newer WHERE newer.supersedes = r.id)"
            " AND r.id NOT IN out_rankings"
            " ORDER BY r.id",
            [prompt_id],
        )
    )
    return [_ranking(row) for row in rows], frozenset(row["task_id"] for row in rows if row["reason"] == tasks.OWN)


def of_annotator(db: Database, annotator: str, limit: int = RECENT) -> list[Ranking]:
    """One person's latest standing rankings, newest first; skips, flags and prompts that were taken out included."""
    rows = db.query("SELECT * FROM newest_rankings WHERE annotator = ? ORDER BY id DESC LIMIT ?", [annotator, limit])
    return [_ranking(row) for row in rows]


def count(db: Database, *, since: int = 0) -> int:
    """How many standing rankings, without skips and flags, arrived after the ranking with id `since`."""
    return db["current_rankings"].count_where("kind = 'ranked' AND id > ?", [since])


def newest(db: Database) -> int:
    """The id of the latest ranking, revisions included; 0 where nothing was ranked."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM rankings").fetchone()[0])


def done_by(db: Database, annotator: str, *, since: str = "") -> int:
    """How many tasks one person has ranked or flagged since a time (ISO 8601, UTC); a revision is no further task."""
    # By indexes that hold nothing else: asked with every page, of a person with thousands.
    counted = db.execute(
        "SELECT (SELECT count(*) FROM rankings INDEXED BY rankings_done"
        " WHERE annotator = :annotator AND kind != 'skipped' AND supersedes IS NULL AND created >= :since)"
        # What took a skip back is no revision of a task that was done.
        " + (SELECT count(*) FROM rankings r INDEXED BY rankings_anew"
        " WHERE r.annotator = :annotator AND r.supersedes IS NOT NULL AND r.created >= :since"
        " AND EXISTS (SELECT 1 FROM rankings old WHERE old.id = r.supersedes AND old.kind = 'skipped'))",
        {"annotator": annotator, "since": since},
    )
    return int(counted.fetchone()[0])


def per_prompt(db: Database) -> dict[int, int]:
    """How many standing rankings each prompt has, taken out or not; a prompt without any is not in it."""
    counted = "SELECT prompt_id, count(*) FROM newest_rankings WHERE kind = 'ranked' GROUP BY prompt_id"
    return dict(db.execute(counted).fetchall())


def people_and_simulated(db: Database) -> tuple[int, int]:
    """How many standing rankings are by people, and how many by simulated annotators."""
    row = db.execute(
        "SELECT coalesce(sum(annotator NOT LIKE ?), 0), coalesce(sum(annotator LIKE ?), 0)"
        " FROM current_rankings WHERE kind = 'ranked'",
        [SIMULATED + "%", SIMULATED + "%"],
    ).fetchone()
    return row[0], row[1]


def _free_again(task: Task, annotator: str) -> bool:
    late = task.state == "leased" and (task.leased_until or 0) <= time.time()
    return task.state == "open" or late or task.annotator == annotator


def _take_again(db: Database, task: Task, annotator: str) -> bool:
    """Close a task that a person skipped as done by them; whether that could be."""
    if not _free_again(task, annotator):
        return False
    # What is done has a lease in the file, which nobody was given here: this ranking is no answer to one.
    db.execute(
        "UPDATE tasks SET state = 'done', annotator = ?, lease = coalesce(lease, ?) WHERE id = ?",
        [annotator, f"again-{secrets.token_urlsafe(tasks.LEASE_BYTES)}", task.id],
    )
    return True


def _check(levels: dict[int, int], response_ids: tuple[int, ...]) -> None:
    if set(levels) != set(response_ids):
        raise BadInput(
            f"The ranking names {len(levels)} responses and the task has {len(response_ids)}: rank each of them."
        )
    used = sorted(set(levels.values()))
    if used != list(range(1, len(used) + 1)):
        raise BadInput(f"Levels must run from 1 (best) without gaps, not {used}.")


def _insert(db: Database, ranking: Ranking, lease: str | None, shown_order: tuple[int, ...]) -> int:
    levels = {str(response): level for response, level in sorted(ranking.levels.items())}
    return insert(
        db,
        "rankings",
        {
            "task_id": ranking.task_id,
            "prompt_id": ranking.prompt_id,
            "annotator": ranking.annotator,
            "levels": json.dumps(levels),
            "kind": ranking.kind,
            "seconds": ranking.seconds,
            "lasted": ranking.lasted,
            "guideline_id": ranking.guideline_id,
            "comment": ranking.comment,
            "supersedes": ranking.supersedes,
            "lease": lease,
            "shown_order": json.dumps(list(shown_order)),
        },
    )


def _of_lease(db: Database, lease: str) -> Ranking | None:
    return next((_ranking(row) for row in db.query("SELECT * FROM rankings WHERE lease = ?", [lease])), None)


def _ranking(row: Row) -> Ranking:
    return Ranking(
        task_id=row["task_id"],
        prompt_id=row["prompt_id"],
        annotator=row["annotator"],
        levels={int(response): level for response, level in json.loads(row["levels"]).items()},
        kind=row["kind"],
        seconds=row["seconds"],
        lasted=row["lasted"],
        guideline_id=row["guideline_id"],
        comment=row["comment"],
        supersedes=row["supersedes"],
        id=row["id"],
        created=row["created"],
    )
