"""Prompts with made-up responses, and tasks to rank them: for tests of the pages, and for drills."""

from sqlite_utils import Database

from store import models, prompts, responses, tasks
from store.records import Model, Response, Task


def add_tasks(db: Database, *, count: int, overlap: int, size: int = 4, text: str = "") -> list[int]:
    """`count` prompts with `size` responses each, and `overlap` twin tasks a prompt."""
    model_id = models.add(db, Model(f"hidden-model-{len(models.every(db))}", "policy", "tiny"))
    ids = []
    for number in range(count):
        turn = {"role": "user", "content": f"Question {model_id}.{number}"}
        (prompt_id,) = prompts.add(db, [prompts.make([turn], source="test", split="train")])
        answers = [Response(prompt_id, model_id, text or f"Answer {number}.{i}", i, {}, "stop") for i in range(size)]
        shown = tuple(responses.add(db, answers))
        ids += tasks.add(db, [Task(prompt_id, shown) for _ in range(overlap)])
    return ids
