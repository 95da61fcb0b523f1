"""Which tasks a person may get, against a definition by brute force; and that a long queue costs no more."""

import random
import time
from collections.abc import Callable

import pytest
from sqlite_utils import Database

from store import models, prompts, rankings, responses, tasks, voices
from store.records import Model, RankingKind, Response, Task, TaskReason

PEOPLE = ("ada", "bo", "cy")
REASONS: tuple[TaskReason, ...] = ("fresh", "fresh", "overlap", "uniform", "risk")
KINDS: tuple[RankingKind, ...] = ("ranked", "ranked", "skipped", "flagged")


def by_brute_force(db: Database, person: str) -> list[int]:
    """Each task of the store held against each ranking, in plain Python; of a prompt only the first."""
    shown: dict[int, set[int]] = {}
    for task_id, response in db.execute("SELECT task_id, response_id FROM task_responses"):
        shown.setdefault(task_id, set()).add(response)
    had = [shown[task] for (task,) in db.execute("SELECT task_id FROM rankings WHERE annotator = ?", [person])]
    out = {prompt for (prompt,) in db.execute("SELECT id FROM prompts WHERE removed IS NOT NULL")}
    decided = {ranking for (ranking,) in db.execute("SELECT ranking_id FROM decisions")}
    flags = db.execute("SELECT id, prompt_id FROM rankings WHERE kind = 'flagged'").fetchall()
    out |= {prompt for ranking, prompt in flags if ranking not in decided}
    found: dict[int, int] = {}
    rows = db.execute("SELECT id, prompt_id, state, leased_until, reason FROM tasks").fetchall()
    for task_id, prompt, state, until, reason in sorted(rows, key=lambda r: (r[4] in ("uniform", "risk"), r[0])):
        free = state == "open" or (state == "leased" and until <= time.time())
        new = not any(shown[task_id] <= before for before in had)
        if free and new and reason not in ("gold", "repeat") and prompt not in out:
            found.setdefault(prompt, task_id)
    return list(found.values())


class World:
    """A store in which something happens, again and again, by chance."""

    def __init__(self, db: Database, rng: random.Random) -> None:
        self.db, self.rng = db, rng
        self.model = models.add(db, Model("some", "policy", "tiny"))

    def step(self) -> None:
        others = (self.lose, self.decide, self.remove, self.restore)
        self.rng.choice([self.ask, self.take, self.take, self.take, *others])()

    def ask(self) -> None:
        """A prompt, new or known, with twins and with tasks of some of the responses."""
        number = self.rng.randrange(40)
        turn = {"role": "user", "content": f"Question {number}"}
        (prompt,) = prompts.add(self.db, [prompts.make([turn], source="test")])
        made = [r.id for r in responses.of_prompt(self.db, prompt)]
        if len(made) < 4:
            made += responses.add(self.db, [Response(prompt, self.model, f"Answer {i}", i, {}, "stop") for i in "12"])
        chosen = tuple(self.rng.sample(made, self.rng.randint(2, len(made))))
        reason = self.rng.choice(REASONS)
        tasks.add(self.db, [Task(prompt, chosen, reason) for _ in range(self.rng.randint(1, 3))])

    def take(self) -> None:
        """Somebody takes the first that is free for them and does something with it, or leaves it for later."""
        person = self.rng.choice(PEOPLE)
        for task_id in free_in_transaction(self.db, person):
            order = tasks.get(self.db, task_id).response_ids
            held = tasks.lease(self.db, task_id, person, order, self.rng.choice([60, -1]))
            if self.rng.random() < 0.8:
                levels = {response: level for level, response in enumerate(order, start=1)}
                rankings.submit(self.db, str(held.lease), person, levels, kind=self.rng.choice(KINDS))

    def lose(self) -> None:
        """Every lease runs out."""
        with self.db.conn:
            self.db.execute("UPDATE tasks SET leased_until = 1 WHERE state = 'leased'")

    def decide(self) -> None:
        """A researcher hears what was said: most flagged prompts go on."""
        for voice in voices.every(self.db, kind="flag"):
            if self.rng.random() < 0.8 and voice.id in {v.id for v in voices.every(self.db, kind="flag")}:
                voices.decide(self.db, [voice.id], self.rng.choice(["put back", "put back", "taken out"]), "rosa")

    def remove(self) -> None:
        for prompt in self.rng.sample(prompts.every(self.db), k=min(2, prompts.count(self.db))):
            prompts.remove(self.db, [prompt.id])

    def restore(self) -> None:
        for prompt in prompts.taken_out(self.db):
            if self.rng.random() < 0.5:
                prompts.restore(self.db, [prompt.id])


def free_in_transaction(db: Database, person: str) -> list[int]:
    """As the pages ask for the next task."""
    with tasks.writing(db):
        return tasks.free_for(db, person)


@pytest.mark.parametrize("stride", [1, 5])
def test_a_person_may_get_just_the_tasks_of_the_definition(
    db: Database, monkeypatch: pytest.MonkeyPatch, stride: int
) -> None:
    monkeypatch.setattr(tasks, "_STRIDE", stride)
    world, gave, noted = World(db, random.Random(stride)), 0, 0
    for _ in range(12):
        world.ask()
    for _ in range(150):
        world.step()
        for person in PEOPLE:
            expected = by_brute_force(db, person)
            assert tasks.free_for(db, person, 1000) == expected
            assert free_in_transaction(db, person) == expected[:1]
            gave += len(expected)
        noted += db["places"].count
    assert gave > 300
    assert noted > 50


@pytest.fixture
def steps(db: Database) -> Callable[[Callable[[], object]], int]:
    """`steps(work)`: how many operations of SQLite's machine a piece of work takes."""
    taken = [0]

    def one() -> None:
        taken[0] += 1

    def counted(work: Callable[[], object]) -> int:
        taken[0] = 0
        db.conn.set_progress_handler(one, 1)
        work()
        db.conn.set_progress_handler(None, 0)
        return taken[0]

    return counted


def open_tasks(db: Database, prompt: int, shown: tuple[int, ...], count: int) -> None:
    """By SQL, for there are many: all of one prompt, but nobody has had them."""
    first = db.execute("SELECT coalesce(max(id), 0) + 1 FROM tasks").fetchone()[0]
    with tasks.writing(db):
        numbers = range(first, first + count)
        db.conn.executemany("INSERT INTO tasks (id, prompt_id) VALUES (?, ?)", [(n, prompt) for n in numbers])
        rows = [(n, i, response) for n in numbers for i, response in enumerate(shown)]
        db.conn.executemany("INSERT INTO task_responses VALUES (?, ?, ?)", rows)


def test_the_next_task_takes_as_many_steps_whatever_waits(
    db: Database, make_tasks: Callable[..., list[int]], steps: Callable[[Callable[[], object]], int]
) -> None:
    (first,) = make_tasks(db)
    known = tasks.get(db, first)

    def next_task() -> None:
        with tasks.writing(db):
            assert tasks.resume(db, "ada") is None
            assert tasks.free_for(db, "ada") == [first]
            assert tasks.held_by(db, "ada") is None

    open_tasks(db, known.prompt_id, known.response_ids, 10)
    few = steps(next_task)
    open_tasks(db, known.prompt_id, known.response_ids, 3000)
    assert steps(next_task) == few


def test_twins_that_a_person_had_are_walked_past_once(
    db: Database, make_tasks: Callable[..., list[int]], steps: Callable[[Callable[[], object]], int]
) -> None:
    (first,) = make_tasks(db)
    known = tasks.get(db, first)
    open_tasks(db, known.prompt_id, known.response_ids, 600)
    (other,) = make_tasks(db)
    held = tasks.lease(db, first, "ada", known.response_ids)
    levels = {response: level for level, response in enumerate(known.response_ids, start=1)}
    rankings.submit(db, str(held.lease), "ada", levels)

    def next_task() -> None:
        assert free_in_transaction(db, "ada") == [other]

    once = steps(next_task)
    assert 20 * steps(next_task) < once
    # A prompt that was taken out and put back is given again, though the place is past it.
    prompts.remove(db, [tasks.get(db, other).prompt_id])
    assert free_in_transaction(db, "ada") == []
    make_tasks(db, count=60)
    assert free_in_transaction(db, "ada") == [other + 1]
    prompts.restore(db, [tasks.get(db, other).prompt_id])
    next_task()
