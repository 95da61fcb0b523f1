"""Checks: tasks that show how far one annotator can be relied upon.

There are two kinds. A gold task asks for a known answer: a ranking that a researcher has marked as the right one
for its prompt. A repeat shows a person a task that they have ranked already, to see whether they rank it alike.
"""

from sqlite_utils import Database

from store import rankings, tasks
from store.db import sql_list, writing
from store.errors import BadInput
from store.records import Ranking, Task


def mark_gold(db: Database, ranking_id: int) -> None:
    """Mark a ranking as the known answer to its prompt; the one marked before, if any, is no longer.

    Raises NotFound where there is no such ranking, BadInput for one that puts nothing above anything (nobody could
    rank against it) or that its annotator has changed since.
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
    """Take the mark of a known answer from a prompt; its ranking stays. Nothing happens where there was none."""
    with writing(db):
        db.execute("DELETE FROM gold WHERE prompt_id = ?", [prompt_id])


def gold(db: Database) -> list[Ranking]:
    """The rankings that are marked as known answers, one a prompt, in order of the prompts' ids.

    A prompt that was taken out has none until it is put back.
    """
    ids = db.execute("SELECT ranking_id FROM gold WHERE prompt_id NOT IN taken_out ORDER BY prompt_id").fetchall()
    return [rankings.get(db, ranking_id) for (ranking_id,) in ids]


def count_gold(db: Database) -> int:
    """How many prompts have a known answer, without those that were taken out."""
    return db["gold"].count_where("prompt_id NOT IN taken_out")


def is_gold(db: Database, ranking_id: int) -> bool:
    """Whether a ranking is marked as the known answer to its prompt."""
    return bool(db["gold"].count_where("ranking_id = ?", [ranking_id]))


def gold_task(db: Database, annotator: str) -> Task | None:
    """A new task that asks this person for a known answer; None when they have ranked every such prompt.

    Of several, it is the one that fewest people were asked. Nobody is asked about a prompt that they have ranked or
    practised on, so neither for their own answer nor twice. The task is not in the store yet: the caller adds it.
    """
    # By how often each was asked and not by chance, so that all known answers meet about as many people.
    row = db.execute(
        """SELECT r.task_id FROM gold g JOIN rankings r ON r.id = g.ranking_id
           WHERE g.prompt_id NOT IN taken_out
           AND g.prompt_id NOT IN (SELECT prompt_id FROM practised WHERE annotator = :annotator)
           AND NOT EXISTS (SELECT 1 FROM rankings mine
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
    """A new task that shows this person once more what they ranked before; None where nothing is old enough.

    It is the oldest that was not repeated yet and that lies at least `ago` of their rankings back, so that it is
    judged anew and not remembered. The task is not in the store yet: the caller adds it.
    """
    never = (*tasks.CHECKS, tasks.OWN)
    # With `ago` rankings or fewer the last subquery is NULL, and no id is at most NULL: nothing is repeated yet.
    row = db.execute(
        f"""SELECT r.task_id FROM current_rankings r JOIN tasks t ON t.id = r.task_id
           WHERE r.annotator = :annotator AND r.kind = 'ranked' AND t.reason NOT IN {sql_list(never)}
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
