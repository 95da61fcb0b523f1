"""Leases: one task, one person, for a while; and twins go to different people."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from sqlite_utils import Database

from store import annotators, models, prompts, rankings, responses, tasks, voices
from store.db import sql_list
from store.errors import BadInput, LeaseLost, NotFound
from store.records import Model, Ranking, Response, Task
from store.workspace import Workspace

Make = Callable[..., list[int]]


def lease(db: Database, task_id: int, person: str, seconds: float = 60) -> Task:
    return tasks.lease(db, task_id, person, tasks.get(db, task_id).response_ids, seconds)


def rank(db: Database, held: Task, kind: rankings.RankingKind = "ranked") -> Ranking:
    levels = {response: level for level, response in enumerate(held.response_ids, start=1)}
    return rankings.submit(db, str(held.lease), str(held.annotator), levels, kind=kind)


@pytest.mark.parametrize("size", [0, 1, 27, 40])
def test_a_task_that_nobody_could_rank_is_not_made(db: Database, make_tasks: Make, size: int) -> None:
    make_tasks(db)
    before = tasks.count_open(db)
    sizes = (2, 26, size)
    model = models.add(db, Model("another", "policy", "tiny"))
    made = responses.add(db, [Response(1, model, f"answer {i}", i, {}, "stop") for i in range(40)])
    with pytest.raises(BadInput, match=f"has {size} responses and people rank 2 to 26"):
        tasks.add(db, [Task(1, tuple(made[:n])) for n in sizes])
    assert tasks.count_open(db) == before
    tasks.add(db, [Task(1, tuple(made[:n])) for n in sizes[:2]])
    assert tasks.count_open(db) == before + 2


def test_a_leased_task_is_nobody_elses(db: Database, make_tasks: Make) -> None:
    first, second = make_tasks(db, count=2)
    held = lease(db, first, "ada")
    assert (held.state, held.annotator, tasks.held_by(db, "ada")) == ("leased", "ada", held)
    with pytest.raises(LeaseLost, match="taken"):
        lease(db, first, "bo")
    assert tasks.free_for(db, "bo", 9) == [second]
    assert tasks.of_lease(db, str(held.lease), "bo") is None


def test_an_expired_lease_returns_the_task(db: Database, make_tasks: Make) -> None:
    (task,) = make_tasks(db)
    late = lease(db, task, "ada", seconds=-1)
    assert tasks.held_by(db, "ada") is None
    assert tasks.free_for(db, "bo") == [task]
    taken = lease(db, task, "bo")
    assert taken.lease != late.lease
    with pytest.raises(LeaseLost, match="no longer yours"):
        rank(db, late)
    with pytest.raises(LeaseLost):
        tasks.renew(db, task, str(late.lease))
    assert tasks.resume(db, "ada") is None
    rank(db, taken)
    assert [r.annotator for r in rankings.current(db)] == ["bo"]


def test_an_expired_lease_that_nobody_took_still_counts(db: Database, make_tasks: Make) -> None:
    (task,) = make_tasks(db)
    late = lease(db, task, "ada", seconds=-1)
    again = tasks.resume(db, "ada")
    assert again is not None
    assert again.lease == late.lease
    rank(db, late)
    assert tasks.get(db, task).state == "done"


def test_renewing_keeps_a_lease(db: Database, make_tasks: Make) -> None:
    (task,) = make_tasks(db)
    held = lease(db, task, "ada", seconds=-1)
    tasks.renew(db, task, str(held.lease), seconds=60)
    assert tasks.free_for(db, "bo") == []
    rank(db, held)
    with pytest.raises(LeaseLost):
        tasks.renew(db, task, str(held.lease))


def test_a_done_task_is_not_leased_again(db: Database, make_tasks: Make) -> None:
    (task,) = make_tasks(db)
    rank(db, lease(db, task, "ada"))
    assert tasks.free_for(db, "bo") == []
    with pytest.raises(LeaseLost):
        lease(db, task, "bo")
    assert tasks.count_open(db) == 0
    with pytest.raises(NotFound):
        lease(db, 99, "bo")


@pytest.mark.parametrize("kind", ["ranked", "skipped", "flagged"])
def test_a_twin_is_never_given_to_one_person_twice(
    db: Database, make_tasks: Make, kind: rankings.RankingKind
) -> None:
    first, second = make_tasks(db, twins=2)
    said = rank(db, lease(db, first, "ada"), kind)
    if kind == "flagged":
        assert tasks.free_for(db, "bo", 9) == [], "held back until somebody decides"
        voices.decide(db, [said.id], "put back", "rosa")
    assert tasks.free_for(db, "ada", 9) == []
    for twin in (first, second):
        with pytest.raises(LeaseLost):
            lease(db, twin, "ada")
    # One task of a prompt at a time, so that whoever takes the whole list takes no twins.
    assert tasks.free_for(db, "bo", 9) == [first if kind == "skipped" else second]


def test_a_list_of_free_tasks_holds_no_twins(db: Database, make_tasks: Make) -> None:
    ids = make_tasks(db, count=4, twins=3)
    assert tasks.free_for(db, "ada", 9) == ids[::3]
    assert tasks.free_for(db, "ada", 2) == ids[:4:3]
    assert tasks.free_for(db, "ada", 0) == []


def test_a_skipped_task_goes_to_the_others_and_never_back(db: Database, make_tasks: Make) -> None:
    (task,) = make_tasks(db)
    for person in ("ada", "bo"):
        assert tasks.free_for(db, person) == [task]
        rank(db, lease(db, task, person), "skipped")
        assert tasks.free_for(db, person) == []
        assert tasks.get(db, task).state == "open"
    rank(db, lease(db, task, "cy"))
    assert [r.annotator for r in rankings.current(db)] == ["cy"]


def test_two_people_never_hold_one_task(workspace: Workspace, make_tasks: Make) -> None:
    people = [f"person {i}" for i in range(8)]
    with workspace.store() as db:
        make_tasks(db, count=6, twins=2)
        for name in people:
            annotators.ensure(db, name)
    start, held, errors = threading.Barrier(len(people)), [], []

    def take(name: str) -> None:
        try:
            with workspace.store() as mine:
                start.wait()
                while free := tasks.free_for(mine, name):
                    try:
                        task = lease(mine, free[0], name)
                    except LeaseLost:
                        continue
                    held.append((name, task))
                    rank(mine, task)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=take, args=(name,)) for name in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted(task.id for _, task in held) == list(range(1, 13))
    assert max(Counter((name, task.response_ids) for name, task in held).values()) == 1
    assert len({task.lease for _, task in held}) == 12


def test_an_old_response_beside_a_fresh_one_may_be_ranked_again_by_the_same_person(db: Database) -> None:
    """Versions are compared by mixing responses that were ranked before with new ones."""
    model = models.add(db, Model("mixed", "policy", "tiny"))
    prompt = prompts.add(db, [prompts.make([{"role": "user", "content": "a mixed prompt"}], source="test")])[0]
    a, b, c = responses.add(db, [Response(prompt, model, text, 0, {}, "stop") for text in "abc"])
    annotators.ensure(db, "mixed-ada")
    first, mixed, subset = tasks.add(db, [Task(prompt, (a, b)), Task(prompt, (a, c)), Task(prompt, (a, b))])
    lease = tasks.lease(db, first, "mixed-ada", [a, b])
    rankings.submit(db, str(lease.lease), "mixed-ada", {a: 1, b: 2})
    free = tasks.free_for(db, "mixed-ada", 100)
    assert mixed in free
    assert first not in free
    assert subset not in free


@pytest.mark.parametrize("reasons", [(), ("gold",), ("gold", "repeat"), ("it's", "'", "gold")])
def test_words_become_a_list_of_sql(db: Database, reasons: tuple[str, ...]) -> None:
    """A list of one or of none, and a word with a quote in it, are lists of SQL like any other."""
    for word in ("gold", "repeat", "it's", "'", ""):
        found = db.execute(f"SELECT ? IN {sql_list(reasons)}", [word]).fetchone()[0]
        assert bool(found) == (word in reasons)


def test_one_kind_of_check_alone_is_told_from_the_others(
    db: Database, make_tasks: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tasks.get(db, make_tasks(db)[0])
    tasks.add(db, [Task(known.prompt_id, known.response_ids, reason) for reason in ("gold", "repeat", "risk")])
    assert tasks.count_open(db) == 2  # the fresh one and the one at risk
    monkeypatch.setattr(tasks, "CHECKS", ("gold",))
    assert tasks.count_open(db) == 3
    monkeypatch.setattr(tasks, "AGAIN", ("risk",))
    assert tasks.prompts_to_rank_again(db) == [known.prompt_id]
    assert len(tasks.free_for(db, "ada", 9)) == 1
