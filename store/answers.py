"""Answers that people write themselves, when they rank those of models: each stands above what its author had seen.

Such an answer is a response of the person. It stands with the responses of the task in which they wrote it in a task
of its own, done as it is made, whose ranking puts it above all of them; of those it says nothing, and so they are
tied below. What is read of that ranking is only the first place (rlhf/stages/ranking_table.py).
"""

from sqlite_utils import Database

from store import rankings, responses, tasks
from store.db import writing
from store.errors import BadInput, LeaseLost
from store.records import Ranking, Response, Task

LONGEST = 20_000
"""Characters of an answer that a person writes."""


def write(db: Database, lease: str, annotator: str, text: str) -> Ranking:
    """Store a person's own answer to the prompt of the task that they hold, and the ranking that puts it first.

    It is all on disk when this returns, or nothing is. Sent twice, it is stored once. Raises LeaseLost where the
    task was never this person's or is somebody else's by now; BadInput for a text that is empty, too long, has a NUL
    in it or says what a response says already, and for a second answer from the same task.
    """
    wrote = _checked(text)
    with writing(db):
        seen = tasks.of_lease(db, lease, annotator)
        if seen is None:
            raise LeaseLost("This task is no longer yours (the lease ran out): ask for the next one.")
        if stored := written(db, annotator, seen):
            if stored.text != wrote:
                raise BadInput("You have written an answer to this prompt already, and it is stored.")
            return _ranking_of(db, stored)
        if any(wrote == response.text.strip() for response in responses.of_task(db, seen.id)):
            raise BadInput("Your answer is one of the responses word for word: rank that one first.")
        # Nobody samples a person: the column tells instead which task they had before them.
        told = {"task": seen.id}
        own = Response(
            prompt_id=seen.prompt_id,
            model_id=None,
            annotator=annotator,
            text=wrote,
            seed=0,
            sampling=told,
            finish_reason="imported",
        )
        (own_id,) = responses.add(db, [own])
        shown = (own_id, *seen.shown_order)
        (task_id,) = tasks.add(db, [Task(prompt_id=seen.prompt_id, response_ids=shown, reason=tasks.OWN)])
        held = tasks.lease(db, task_id, annotator, shown)
        levels = {own_id: 1} | dict.fromkeys(seen.shown_order, 2)
        return rankings.submit(db, str(held.lease), annotator, levels)


def written(db: Database, annotator: str, task: Task) -> Response | None:
    """What this person wrote themselves with the task before them; None where they wrote nothing."""
    wrote = responses.by_person(db, annotator, task.prompt_id)
    return next((response for response in wrote if response.sampling.get("task") == task.id), None)


def _checked(text: str) -> str:
    wrote = text.strip()
    if not wrote:
        raise BadInput("The answer is empty: write something.")
    if "\0" in wrote:
        raise BadInput("The answer has a NUL character in it, which is no text: take it out.")
    if len(wrote) > LONGEST:
        raise BadInput(f"The answer has {len(wrote)} characters and may have {LONGEST}: shorten it.")
    return wrote


def _ranking_of(db: Database, own: Response) -> Ranking:
    """The ranking that put it first."""
    row = db.execute(
        "SELECT r.id FROM rankings r JOIN task_responses t ON t.task_id = r.task_id JOIN tasks k ON k.id = r.task_id"
        " WHERE t.response_id = ? AND k.reason = ?",
        [own.id, tasks.OWN],
    ).fetchone()
    return rankings.get(db, row[0])
