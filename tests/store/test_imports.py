"""What was imported can be taken out and put back: nothing is deleted, and nothing of it counts meanwhile."""

import hashlib
import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database

from store import checks, imports, prompts, rankings, responses, summary, tasks
from store.errors import BadInput, LeaseLost, NotFound
from store.formats.row import Brought, Row
from store.records import Import, Prompt, Task

Make = Callable[..., list[int]]
KEPT = ("responses", "tasks", "task_responses", "rankings", "gold")


def asked(*texts: str) -> list[Prompt]:
    return [prompts.make([{"role": "user", "content": text}], source="test", split="train") for text in texts]


def file(*texts: str, name: str = "file.txt", skipped: int = 0) -> Import:
    content = "\n".join(texts).encode()
    return Import(name, hashlib.sha256(content).hexdigest(), "text", skipped=skipped)


def bring(db: Database, *texts: str) -> imports.Added:
    return imports.add(db, file(*texts), rows(*texts))


def rows(*texts: str) -> list[list[Brought]]:
    return [[(prompt, Row(prompt.messages), {})] for prompt in asked(*texts)]


def standing(db: Database) -> set[str]:
    return {prompt.text for prompt in prompts.every(db)}


def kept(db: Database) -> dict[str, list[dict[str, Any]]]:
    return {table: list(db.query(f"SELECT * FROM {table} ORDER BY 1, 2")) for table in KEPT}


@pytest.mark.parametrize("seed", range(6))
def test_a_prompt_stands_as_long_as_one_of_its_files_does(db: Database, seed: int) -> None:
    """Against the definition, over random files, removals and returns: out by itself, or all of its files out."""
    rng = random.Random(seed)
    names = [f"question {n}" for n in range(12)]
    prompts.add(db, asked(*names[:2]))  # before any import: no import takes them out
    numbers = {}
    files: dict[int, set[str]] = {}
    out: set[int] = set()
    alone: set[str] = set()
    for _ in range(60):
        texts = sorted(rng.sample(names, 4))
        one = rng.choice(sorted(files)) if files else 0
        action = rng.choice(["import", "imports", "prompts"])
        if action == "import" or not files:
            if not any(texts == sorted(files[n]) for n in out):
                files[bring(db, *texts).import_id] = set(texts)
        elif action == "imports":
            (imports.restore if one in out else imports.remove)(db, [one])
            out ^= {one}
        else:
            text = rng.choice(sorted({t for f in files.values() for t in f}))
            numbers = {p.text: p.id for p in (*prompts.every(db), *prompts.taken_out(db))}
            held = text in names[:2] or any(text in files[n] for n in files.keys() - out)
            if text in alone and held:
                prompts.restore(db, [numbers[text]])
                alone.remove(text)
            elif text not in alone and held:
                prompts.remove(db, [numbers[text]])
                alone.add(text)
        here = {*names[:2], *(t for n in files.keys() - out for t in files[n])} - alone
        assert standing(db) == here
        assert prompts.count(db) == len(here)
        assert {each.id for each in imports.every(db) if each.removed} == out
    assert out
    assert alone


def test_the_same_bytes_are_one_import_and_only_what_was_skipped_is_new(db: Database) -> None:
    first = imports.add(db, file("a", "b", "broken", name="old.txt", skipped=1), rows("a", "b"))
    assert (first.new, first.already_there, first.known) == (2, 0, False)
    again = imports.add(db, file("a", "b", "broken", name="renamed.txt", skipped=1), rows("a", "b"))
    assert (again.import_id, again.new, again.already_there, again.known) == (first.import_id, 0, 2, True)
    whole = imports.add(db, file("a", "b", "broken"), rows("a", "b", "broken"))
    assert (whole.import_id, whole.new) == (first.import_id, 1)
    (stored,) = imports.every(db)
    assert (stored.file, stored.added, stored.already_there, stored.skipped) == ("old.txt", 3, 0, 0)
    imports.remove(db, [stored.id])
    assert standing(db) == set()
    with pytest.raises(BadInput, match=r"file.txt is import 1, which was taken out .* imports restore 1"):
        bring(db, "a", "b", "broken")
    assert standing(db) == set()


def test_what_came_before_stays_and_what_a_mended_file_brings_is_back(db: Database) -> None:
    prompts.add(db, asked("old"))
    first = bring(db, "old", "good", "bad", "private")
    (private,) = [p.id for p in prompts.every(db) if p.text == "private"]
    prompts.remove(db, [private])
    imports.remove(db, [first.import_id])
    assert standing(db) == {"old"}
    mended = bring(db, "old", "good", "better", "private")
    assert (mended.new, mended.already_there, mended.put_back, mended.left_out) == (1, 3, 1, 1)
    assert standing(db) == {"old", "good", "better"}
    prompts.restore(db, [private])
    assert standing(db) == {"old", "good", "better", "private"}


def test_one_prompt_of_a_removed_import_comes_back_when_asked_for(db: Database) -> None:
    done = bring(db, "a", "b")
    (a, _) = prompts.every(db)
    imports.remove(db, [done.import_id])
    prompts.restore(db, [a.id])
    assert standing(db) == {"a"}
    prompts.remove(db, [a.id])
    imports.restore(db, [done.import_id])
    assert standing(db) == {"b"}, "it was taken out by itself"


def test_what_cannot_be_done_is_said_and_changes_nothing(db: Database) -> None:
    done = bring(db, "a", "b")
    a, b = (p.id for p in prompts.every(db))
    for noun, known, change in ((prompts, a, "Prompt"), (imports, done.import_id, "Import")):
        with pytest.raises(BadInput, match=f"{change} {known} is not taken out: nothing was changed"):
            noun.restore(db, [known])  # type: ignore[attr-defined]
        noun.remove(db, [known])  # type: ignore[attr-defined]
        with pytest.raises(BadInput, match=rf"{change} {known} was taken out already, on 20\d\d-\d\d-\d\d: nothing"):
            noun.remove(db, [known])  # type: ignore[attr-defined]
        for attempt in (noun.remove, noun.restore):  # type: ignore[attr-defined]
            with pytest.raises(NotFound, match=f"no {change.lower()} 99"):
                attempt(db, [99])
        noun.restore(db, [known])  # type: ignore[attr-defined]
    with pytest.raises(NotFound):
        prompts.remove(db, [b, 99])
    assert standing(db) == {"a", "b"}


def rank(db: Database, task: int, by: str, order: tuple[int, ...] = (1, 2, 3)) -> int:
    held = tasks.lease(db, task, by, tasks.get(db, task).response_ids)
    return rankings.submit(db, str(held.lease), by, dict(zip(held.response_ids, order, strict=True))).id


def test_nothing_of_a_removed_prompt_counts_and_all_of_it_returns(db: Database, make_tasks: Make) -> None:
    """Every figure against the same figure over the records of the prompts that are left."""
    ids = make_tasks(db, count=4, twins=3)
    asks = [tasks.get(db, task).prompt_id for task in ids]
    said = [rank(db, ids[0], "ada"), rank(db, ids[3], "bo"), rank(db, ids[6], "ada"), rank(db, ids[1], "cy")]
    rankings.revise(db, said[0], "ada", dict(zip(tasks.get(db, ids[0]).response_ids, (3, 2, 1), strict=True)))
    checks.mark_gold(db, said[3])
    tasks.add(
        db,
        [
            Task(asks[0], tasks.get(db, ids[0]).response_ids, "risk"),
            Task(asks[3], tasks.get(db, ids[3]).response_ids, "uniform"),
        ],
    )

    def figures() -> dict[str, Any]:
        return {
            "rankings": rankings.current(db),
            "count": rankings.count(db),
            "people": rankings.people_and_simulated(db),
            "prompts": prompts.every(db),
            "train": prompts.every(db, "train"),
            "responses": responses.count(db),
            "open": tasks.count_open(db),
            "again": tasks.prompts_to_rank_again(db),
            "gold": checks.gold(db),
            "gold count": checks.count_gold(db),
            "free": tasks.free_for(db, "nobody yet", 99),
            "status": {k: v for k, v in summary.summary(db, 9).items() if k != "models"},
        }

    before, stored = figures(), kept(db)
    prompts.remove(db, [asks[0]])
    left = [r for r in before["rankings"] if r.prompt_id != asks[0]]
    now = figures()
    assert len(left) < len(before["rankings"])
    assert now["rankings"] == left
    assert (now["count"], now["people"]) == (len(left), (len(left), 0))
    assert now["prompts"] == [p for p in before["prompts"] if p.id != asks[0]]
    assert now["train"] == [p for p in before["train"] if p.id != asks[0]]
    assert now["responses"] == before["responses"] - 3
    stored_tasks = [tasks.get(db, row["id"]) for row in db.query("SELECT id FROM tasks")]
    waiting = [task for task in stored_tasks if task.state != "done"]
    assert now["open"] == sum(task.prompt_id != asks[0] for task in waiting) < before["open"] == len(waiting)
    assert (before["again"], now["again"]) == ([asks[0], asks[3]], [asks[3]])
    assert ([g.prompt_id for g in before["gold"]], now["gold"]) == ([asks[0]], [])
    assert (before["gold count"], now["gold count"]) == (1, 0)
    assert {tasks.get(db, t).prompt_id for t in now["free"]} == {asks[3], asks[6], asks[9]}
    assert now["status"]["rankings"] == len(left)
    assert (now["status"]["prompts"], now["status"]["responses"]) == (3, 9)
    assert kept(db) == stored
    assert rankings.per_prompt(db)[asks[0]] == 2
    prompts.restore(db, [asks[0]])
    assert figures() == before
    assert kept(db) == stored


def test_nobody_is_given_a_task_of_it(db: Database, make_tasks: Make) -> None:
    first, second = make_tasks(db, count=2)
    held = tasks.lease(db, first, "ada", tasks.get(db, first).response_ids)
    prompts.remove(db, [held.prompt_id, tasks.get(db, second).prompt_id])
    assert tasks.held_by(db, "ada") is None
    assert tasks.resume(db, "ada") is None
    assert tasks.free_for(db, "bo", 9) == []
    with pytest.raises(LeaseLost, match="taken out: ask for the next one"):
        tasks.lease(db, second, "bo", tasks.get(db, second).response_ids)
    prompts.restore(db, [held.prompt_id])
    assert (tasks.resume(db, "ada") or held).lease == held.lease
    assert tasks.held_by(db, "ada") is not None


def test_no_check_of_a_person_is_made_of_it(db: Database, make_tasks: Make) -> None:
    known, other = make_tasks(db, count=2)
    checks.mark_gold(db, rank(db, known, "ada"))
    rank(db, other, "ada")
    asks = tasks.get(db, known).prompt_id
    assert (checks.gold_task(db, "bo") or Task(0, ())).prompt_id == asks
    assert (checks.repeat_task(db, "ada", 1) or Task(0, ())).prompt_id == asks
    prompts.remove(db, [asks])
    assert checks.gold_task(db, "bo") is None
    assert checks.repeat_task(db, "ada", 1) is None
