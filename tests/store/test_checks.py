"""Known answers and repeats go to the right person, once, and to nobody else."""

from collections.abc import Callable

import pytest
from sqlite_utils import Database

from store import checks, rankings, tasks
from store.errors import BadInput
from store.records import Ranking, Task

Make = Callable[..., list[int]]


def rank(db: Database, task_id: int, person: str, levels: tuple[int, ...] = (1, 2, 3)) -> Ranking:
    shown = tasks.get(db, task_id).response_ids
    held = tasks.lease(db, task_id, person, shown)
    return rankings.submit(db, str(held.lease), person, dict(zip(shown, levels, strict=True)))


def asked(db: Database, task: Task | None) -> int:
    assert task is not None
    return tasks.add(db, [task])[0]


def test_a_known_answer_is_asked_of_each_other_person_once(db: Database, make_tasks: Make) -> None:
    first, second = make_tasks(db, count=2)
    for task in (first, second):
        checks.mark_gold(db, rank(db, task, "ada").id)
    assert checks.gold_task(db, "ada") is None
    prompts = []
    while (task := checks.gold_task(db, "bo")) is not None:
        prompts.append(task.prompt_id)
        assert (task.reason, task.id) == ("gold", 0)
        assert set(task.response_ids) == set(tasks.get(db, (first, second)[len(prompts) - 1]).response_ids)
        rank(db, asked(db, task), "bo", (3, 2, 1))
    assert sorted(prompts) == [tasks.get(db, task).prompt_id for task in (first, second)]
    # The next person gets first what fewest were asked; here all were asked once, so the oldest.
    assert asked(db, checks.gold_task(db, "cy")) > 0


def test_a_check_is_nobody_elses_and_no_open_work(db: Database, make_tasks: Make) -> None:
    (task,) = make_tasks(db)
    checks.mark_gold(db, rank(db, task, "ada").id)
    check = asked(db, checks.gold_task(db, "bo"))
    assert tasks.count_open(db) == 0
    assert tasks.free_for(db, "cy", 9) == []
    held = tasks.lease(db, check, "bo", tasks.get(db, check).response_ids)
    rankings.submit(db, str(held.lease), "bo", {}, kind="skipped")
    assert tasks.get(db, check).state == "done"
    assert checks.gold_task(db, "bo") is None


@pytest.mark.parametrize("kind", ["skipped", "flagged"])
def test_what_orders_nothing_is_no_known_answer(db: Database, make_tasks: Make, kind: rankings.RankingKind) -> None:
    first, second = make_tasks(db, count=2)
    with pytest.raises(BadInput, match="puts nothing above anything"):
        checks.mark_gold(db, rank(db, first, "ada", (1, 1, 1)).id)
    held = tasks.lease(db, second, "ada", tasks.get(db, second).response_ids)
    with pytest.raises(BadInput, match="puts nothing above anything"):
        checks.mark_gold(db, rankings.submit(db, str(held.lease), "ada", {}, kind=kind).id)
    assert checks.gold(db) == []


def test_a_changed_mind_changes_the_known_answer(db: Database, make_tasks: Make) -> None:
    (task,) = make_tasks(db)
    old = rank(db, task, "ada")
    checks.mark_gold(db, old.id)
    new = rankings.revise(db, old.id, "ada", dict(zip(old.levels, (3, 2, 1), strict=True)))
    assert checks.gold(db) == [new]
    with pytest.raises(BadInput, match="changed since"):
        checks.mark_gold(db, old.id)
    checks.unmark_gold(db, new.prompt_id)
    assert checks.gold(db) == []


def test_a_repeat_is_the_oldest_own_task_some_rankings_ago(db: Database, make_tasks: Make) -> None:
    ids = make_tasks(db, count=5)
    for number, task in enumerate(ids):
        assert checks.repeat_task(db, "ada", ago=3) is None or number > 3
        rank(db, task, "ada")
    rank(db, make_tasks(db)[0], "bo")
    repeat = checks.repeat_task(db, "ada", ago=3)
    assert repeat is not None
    assert (repeat.reason, repeat.response_ids) == ("repeat", tasks.get(db, ids[0]).response_ids)
    rank(db, asked(db, repeat), "ada", (2, 1, 1))
    # That was the sixth ranking: now the second and the third lie far enough back, the first is done for good.
    again = checks.repeat_task(db, "ada", ago=3)
    assert again is not None
    assert again.prompt_id == tasks.get(db, ids[1]).prompt_id
    assert len([r for r in rankings.current(db) if r.prompt_id == repeat.prompt_id]) == 2


def test_what_is_to_be_ranked_again_waits_for_what_nobody_has_ranked(db: Database, make_tasks: Make) -> None:
    (old,) = make_tasks(db)
    rank(db, old, "ada")
    known = tasks.get(db, old)
    uniform, risk = tasks.add(db, [Task(known.prompt_id, known.response_ids, r) for r in ("uniform", "risk")])
    (fresh,) = make_tasks(db)
    assert tasks.free_for(db, "bo", 9) == [fresh, uniform]  # one of a prompt at a time
    assert tasks.free_for(db, "ada", 9) == [fresh]
    assert tasks.prompts_to_rank_again(db) == [known.prompt_id, known.prompt_id]
    assert tasks.of_reason(db, "risk") == {risk}
    rank(db, uniform, "bo")
    assert tasks.prompts_to_rank_again(db) == [known.prompt_id]
