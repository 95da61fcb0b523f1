"""A person's own answer: theirs by name, above all that they had seen, stored once, and whole or not at all."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database

from store import answers, checks, prompts, rankings, responses, tasks
from store.errors import BadInput, LeaseLost
from store.records import Task

Make = Callable[..., list[int]]
TOUCHED = ("responses", "tasks", "task_responses", "rankings")


def held(db: Database, task_id: int, person: str) -> Task:
    return tasks.lease(db, task_id, person, tasks.get(db, task_id).response_ids[::-1])


def content(db: Database) -> dict[str, list[dict[str, Any]]]:
    return {table: list(db.query(f"SELECT * FROM {table} ORDER BY 1, 2")) for table in TOUCHED}


def test_it_is_the_persons_and_stands_above_what_they_had_seen(db: Database, make_tasks: Make) -> None:
    (task_id,) = make_tasks(db)
    seen = held(db, task_id, "ada")
    ranking = answers.write(db, str(seen.lease), "ada", "  Grüße, so:\n1. Tea  ")
    (own,) = [r for r in responses.every(db) if r.id not in seen.response_ids]
    assert (own.text, own.annotator, own.model_id) == ("Grüße, so:\n1. Tea", "ada", None)
    assert (own.prompt_id, own.finished, own.token_ids) == (seen.prompt_id, True, None)
    assert ranking.levels == {own.id: 1, **dict.fromkeys(seen.response_ids, 2)}
    assert (ranking.annotator, ranking.kind, ranking.seconds) == ("ada", "ranked", None)
    stands = tasks.get(db, ranking.task_id)
    assert (stands.reason, stands.state, set(stands.response_ids)) == ("own", "done", {own.id, *seen.response_ids})
    assert tasks.get(db, task_id) == seen  # which is still to be ranked
    assert rankings.submit(db, str(seen.lease), "ada", dict.fromkeys(seen.response_ids, 1)).task_id == task_id


def test_sent_twice_it_is_stored_once_and_another_text_is_refused(db: Database, make_tasks: Make) -> None:
    first, second = make_tasks(db, 2)
    seen = held(db, first, "ada")
    once = answers.write(db, str(seen.lease), "ada", "Tea")
    before = content(db)
    assert answers.write(db, str(seen.lease), "ada", " Tea\n") == once
    with pytest.raises(BadInput, match="already"):
        answers.write(db, str(seen.lease), "ada", "Coffee")
    assert content(db) == before
    rankings.submit(db, str(seen.lease), "ada", dict.fromkeys(seen.response_ids, 1))
    assert answers.write(db, str(seen.lease), "ada", "Tea") == once  # whose answer was lost on the way
    other = held(db, second, "ada")
    assert answers.write(db, str(other.lease), "ada", "Tea").id != once.id


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("Te\0a", "NUL"),
        ("a" * 20_001, "20001 characters and may have 20000"),
        (" Answer 1 ", "word for word"),
    ],
)
def test_what_is_no_answer_is_refused_in_words(db: Database, make_tasks: Make, text: str, words: str) -> None:
    (task_id,) = make_tasks(db)
    seen = held(db, task_id, "ada")
    before = content(db)
    with pytest.raises(BadInput, match=words):
        answers.write(db, str(seen.lease), "ada", text)
    assert content(db) == before
    answers.write(db, str(seen.lease), "ada", "a" * 20_000)


def test_only_whoever_holds_the_task_writes(db: Database, make_tasks: Make) -> None:
    (task_id,) = make_tasks(db)
    seen = held(db, task_id, "ada")
    with db.conn:
        db.execute("UPDATE tasks SET leased_until = 1")
    before = content(db)
    for person, lease in (("bo", seen.lease), ("ada", "guessed"), ("ada", "")):
        with pytest.raises(LeaseLost, match="no longer yours"):
            answers.write(db, str(lease), person, "Tea")
    assert content(db) == before
    taken = held(db, task_id, "bo")
    with pytest.raises(LeaseLost, match="no longer yours"):
        answers.write(db, str(seen.lease), "ada", "Tea")
    answers.write(db, str(taken.lease), "bo", "Tea")


def test_it_is_all_there_or_nothing_is(db: Database, make_tasks: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    (task_id,) = make_tasks(db)
    seen = held(db, task_id, "ada")
    before = content(db)

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rankings, "submit", cut)
    with pytest.raises(KeyboardInterrupt):
        answers.write(db, str(seen.lease), "ada", "Tea")
    assert content(db) == before


def test_of_a_prompt_that_was_taken_out_nothing_is_stored(db: Database, make_tasks: Make) -> None:
    (task_id,) = make_tasks(db)
    seen = held(db, task_id, "ada")
    prompts.remove(db, [seen.prompt_id])
    before = content(db)
    with pytest.raises(LeaseLost, match="taken out"):
        answers.write(db, str(seen.lease), "ada", "Tea")
    assert content(db) == before


def test_nobody_is_given_the_task_of_an_own_answer(db: Database, make_tasks: Make) -> None:
    """Neither others, nor its author again to see whether they stay the same."""
    ids = make_tasks(db, 6)
    for task_id in ids:
        seen = held(db, task_id, "ada")
        answers.write(db, str(seen.lease), "ada", "Tea")
    assert tasks.free_for(db, "bo", 99) == []
    assert tasks.count_open(db) == len(ids)  # those that ada holds
    assert checks.repeat_task(db, "ada", 2) is None
    for task_id in ids:
        seen = tasks.get(db, task_id)
        rankings.submit(db, str(seen.lease), "ada", dict.fromkeys(seen.response_ids, 1))
    again = checks.repeat_task(db, "ada", 2)
    assert again is not None
    assert set(again.response_ids) == set(tasks.get(db, ids[0]).response_ids)
