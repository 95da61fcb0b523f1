"""Checks: tasks that tell how far one annotator can be relied upon.

Gold is a ranking that counts as the known answer to its prompt. A repeat is a person's own task once more.
"""

from sqlite_utils import Database

from store import rankings, tasks
from store.db import writing
from store.errors import BadInput
from store.records import Ranking, Task


def mark_gold(db: Database, ranking_id: int) -> None:
    """Take a standing ranking for the known answer to its prompt, in place of an earlier one.

    Raises NotFound; BadInput for a ranking that orders nothing, or that was changed since.
    """
    with writing(db):
        ranking = rankings.get(db, ranking_id)
        if ranking.kind != "ranked" or len(set(ranking.levels.values())) < 2:
            raise BadInput(f"Ranking {ranking_id} puts nothing above anything: choose one that orders its responses.")
        if db["rankings"].count_where("supersedes = ?", [ranking_id]):
            raise BadInput(f"Ranking {ranking_id} was changed since: take the newer one.")
        db.execute(
            "INSERT OR REPLACE INTO gold (prompt_id, ranking_id) VALUES (?, ?)", [ranking.prompt_id, ranking_id]
        )


def unmark_gold(db: Database, prompt_id: int) -> None:
    """The prompt has no known answer any more."""
    with writing(db):
        db.execute("DELETE FROM gold WHERE prompt_id = ?", [prompt_id])


def gold(db: Database) -> list[Ranking]:
    """The known answers, in order of prompt."""
    ids = db.execute("SELECT ranking_id FROM gold ORDER BY prompt_id").fetchall()
    return [rankings.get(db, ranking_id) for (ranking_id,) in ids]


def count_gold(db: Database) -> int:
    """How many prompts have a known answer."""
    return db["gold"].count


def is_gold(db: Database, ranking_id: int) -> bool:
    """Whether a ranking counts as the known answer to its prompt."""
    return bool(db["gold"].count_where("ranking_id = ?", [ranking_id]))


def gold_task(db: Database, annotator: str) -> Task | None:
    """A task that asks this person for a known answer, not stored yet; None when they have had them all.

    The one that fewest people were asked. Nobody is asked for their own answer, or twice.
    """
    row = db.execute(
        """SELECT r.task_id FROM gold g JOIN rankings r ON r.id = g.ranking_id
           WHERE NOT EXISTS (SELECT 1 FROM rankings mine
                             WHERE mine.prompt_id = g.prompt_id AND mine.annotator = :annotator)
           ORDER BY (SELECT count(*) FROM tasks t WHERE t.prompt_id = g.prompt_id AND t.reason = 'gold'), g.prompt_id
           LIMIT 1""",
        {"annotator": annotator},
    ).fetchone()
    if row is None:
        return None
    known = tasks.get(db, row[0])
    return Task(prompt_id=known.prompt_id, response_ids=known.response_ids, reason="gold")


def repeat_task(db: Database, annotator: str, ago: int) -> Task | None:
    """The oldest task that this person ranked, to be ranked once more, not stored yet; None where there is none.

    Only what lies `ago` of their rankings back, so that it is judged anew and not remembered, and nothing twice.
    """
    row = db.execute(
        f"""SELECT r.task_id FROM current_rankings r JOIN tasks t ON t.id = r.task_id
           WHERE r.annotator = :annotator AND r.kind = 'ranked' AND t.reason NOT IN {tasks.CHECKS}
           AND NOT EXISTS (SELECT 1 FROM tasks again JOIN rankings asked ON asked.task_id = again.id
                           WHERE again.reason = 'repeat' AND again.prompt_id = r.prompt_id
                           AND asked.annotator = :annotator)
           AND r.id <= (SELECT id FROM rankings WHERE annotator = :annotator ORDER BY id DESC LIMIT 1 OFFSET :ago)
           ORDER BY r.id LIMIT 1""",
        {"annotator": annotator, "ago": ago},
    ).fetchone()
    if row is None:
        return None
    known = tasks.get(db, row[0])
    return Task(prompt_id=known.prompt_id, response_ids=known.response_ids, reason="repeat")
