"""Responses that name a model, found among those that wait to be ranked."""

from collections.abc import Callable

import pytest
from sqlite_utils import Database

from store import naming, prompts, responses, tasks

Make = Callable[..., list[int]]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("As ChatGPT, I cannot.", "ChatGPT"),
        ("I am claude.", "claude"),
        ("I am MODEL-0!", "MODEL-0"),  # the version of this workspace
        ("A llama-like animal.", None),
        ("The model-01 train.", None),
        ("Geminis are stars.", None),
        ("I am a helpful assistant.", None),
    ],
)
def test_a_name_is_found_as_a_word_of_its_own(db: Database, make_tasks: Make, text: str, name: str | None) -> None:
    (task,) = make_tasks(db)
    second = tasks.get(db, task).response_ids[1]
    with db.conn:
        db.execute("UPDATE responses SET text = ? WHERE id = ?", [text, second])
    found = naming.in_open_tasks(db)
    assert [(each.response_id, each.name) for each in found] == ([(second, name)] if name else [])


def test_only_what_waits_is_looked_at_and_not_without_end(db: Database, make_tasks: Make) -> None:
    made = make_tasks(db, count=naming.MOST + 3)
    with db.conn:
        db.execute("UPDATE responses SET text = 'I am Qwen.' WHERE id % 3 = 1")
    assert len(naming.in_open_tasks(db)) == naming.MOST
    first, second = (tasks.get(db, task) for task in made[:2])
    prompts.remove(db, [first.prompt_id])
    with db.conn:
        db.execute("UPDATE tasks SET state = 'done', annotator = 'ada', lease = 'x' WHERE id = ?", [second.id])
    found = {each.prompt_id for each in naming.in_open_tasks(db)}
    assert {first.prompt_id, second.prompt_id}.isdisjoint(found)
    assert len(responses.every(db)) == 3 * len(made)
