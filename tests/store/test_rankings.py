"""What people said: stored once, never changed, superseded by a changed mind."""

from collections.abc import Callable

import pytest
from sqlite_utils import Database

from store import annotators, rankings, tasks
from store.errors import BadInput, LeaseLost, NotFound
from store.records import Task

Make = Callable[..., list[int]]


@pytest.fixture
def held(db: Database, make_tasks: Make) -> Task:
    (task,) = make_tasks(db)
    return tasks.lease(db, task, "ada", tasks.get(db, task).response_ids)


def levels(task: Task, *values: int) -> dict[int, int]:
    return dict(zip(task.response_ids, values, strict=True))


def test_one_lease_stores_one_ranking(db: Database, held: Task) -> None:
    first = rankings.submit(db, str(held.lease), "ada", levels(held, 2, 1, 1), seconds=3.5, comment="Grüße 🎉")
    assert (first.levels, first.seconds, first.comment) == (levels(held, 2, 1, 1), 3.5, "Grüße 🎉")
    for again in (levels(held, 2, 1, 1), levels(held, 1, 2, 3), {}):
        assert rankings.submit(db, str(held.lease), "ada", again) == first
    assert rankings.count(db) == 1
    with pytest.raises(LeaseLost):
        rankings.submit(db, str(held.lease), "bo", levels(held, 1, 2, 3))
    with pytest.raises(LeaseLost):
        rankings.submit(db, "a guess", "ada", levels(held, 1, 2, 3))


@pytest.mark.parametrize("values", [(0, 1, 2), (1, 2, 4), (2, 2, 2), (1, 1, 3), (-1, 1, 2)])
def test_levels_with_gaps_are_refused_and_the_task_stays(db: Database, held: Task, values: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="without gaps"):
        rankings.submit(db, str(held.lease), "ada", levels(held, *values))
    with pytest.raises(BadInput, match="each of them"):
        rankings.submit(db, str(held.lease), "ada", {held.response_ids[0]: 1})
    assert tasks.held_by(db, "ada") == held
    assert db["rankings"].count == 0


def test_revising_supersedes_and_keeps_the_old_row(db: Database, held: Task) -> None:
    first = rankings.submit(db, str(held.lease), "ada", levels(held, 1, 2, 3))
    second = rankings.revise(db, first.id, "ada", levels(held, 3, 2, 1))
    third = rankings.revise(db, second.id, "ada", levels(held, 1, 1, 1), "neither")
    assert [second.supersedes, third.supersedes] == [first.id, second.id]
    assert rankings.current(db) == [third]
    assert rankings.of_annotator(db, "ada") == [third]
    assert rankings.get(db, first.id) == first
    assert (db["rankings"].count, rankings.count(db), rankings.done_by(db, "ada")) == (3, 1, 1)
    with pytest.raises(LeaseLost, match="already"):
        rankings.revise(db, first.id, "ada", levels(held, 1, 2, 3))
    with pytest.raises(LeaseLost, match="ada's"):
        rankings.revise(db, third.id, "bo", levels(held, 1, 2, 3))
    with pytest.raises(NotFound):
        rankings.revise(db, 99, "ada", levels(held, 1, 2, 3))


def test_skips_and_flags_are_kept_and_do_not_count(db: Database, make_tasks: Make) -> None:
    for task_id, kind in zip(make_tasks(db, count=2), ("skipped", "flagged"), strict=True):
        task = tasks.lease(db, task_id, "ada", tasks.get(db, task_id).response_ids)
        stored = rankings.submit(db, str(task.lease), "ada", levels(task, 1, 2, 3), kind=kind)
        assert (stored.kind, stored.levels) == (kind, {})
    assert rankings.current(db) == []
    assert rankings.count(db) == 0
    assert rankings.done_by(db, "ada") == 1  # the flag
    assert [r.kind for r in rankings.of_annotator(db, "ada")] == ["flagged", "skipped"]


def test_a_skip_cannot_be_revised_when_somebody_else_has_its_task(db: Database, held: Task) -> None:
    """Its task went back to the others: a ranking in the skip's place would count beside the next person's."""
    skip = rankings.submit(db, str(held.lease), "ada", {}, kind="skipped")
    tasks.lease(db, held.id, "bo", held.response_ids)
    with pytest.raises(LeaseLost, match="You skipped this, and somebody else has it"):
        rankings.revise(db, skip.id, "ada", levels(held, 1, 2, 3))
    assert rankings.of_annotator(db, "ada") == [skip]
    assert tasks.get(db, held.id).annotator == "bo"


def test_counting_since_and_up_to(db: Database, make_tasks: Make) -> None:
    stored = []
    for task_id in make_tasks(db, count=3):
        task = tasks.lease(db, task_id, "bo", tasks.get(db, task_id).response_ids)
        stored.append(rankings.submit(db, str(task.lease), "bo", levels(task, 1, 2, 2)))
    assert [rankings.count(db, since=r.id) for r in stored] == [2, 1, 0]
    assert rankings.current(db, up_to=stored[1].id) == stored[:2]


def test_people_and_simulated_annotators_are_told_apart(db: Database, make_tasks: Make) -> None:
    names = ["ada", "simulated:ada", "Not simulated: bo"]
    for task_id, name in zip(make_tasks(db, count=3), names, strict=True):
        annotators.ensure(db, name)
        task = tasks.lease(db, task_id, name, tasks.get(db, task_id).response_ids)
        rankings.submit(db, str(task.lease), name, levels(task, 1, 2, 3))
    assert rankings.people_and_simulated(db) == (2, 1)
    assert [annotators.get(db, name).simulated for name in names] == [False, True, False]
