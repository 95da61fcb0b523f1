"""What the pages cost: the next task by how many wait, and rankings a second by how many people ask for them.

    python -m tests.benchmarks.pages --tasks
    python -m tests.benchmarks.pages --people 500 --thought 5 --seconds 12

The first: CPU of this process for giving a person the next task and for the whole answer of a page, by the number of
tasks that wait. The second: so many people at once, by Gradio's route and by the board's own. What is compared is
taken in turn within one run, so that what else the machine does meets all of it alike.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database

from annotate import queue
from annotate.line import ADDRESS
from store import annotators, models, sessions
from store.db import writing
from store.records import Model
from store.workspace import Workspace, create
from tests.benchmarks.pages_crowd import GRADIO, cpu_of, spell
from tests.drills.people import Person, wrong
from tests.server import Server

WAITING = (600, 6_000, 30_000, 100_000)
"""How many tasks wait, each for a ranking by anybody."""
TWINS = 3
ROUNDS = 40
"""Tasks that are given for each of them."""
SIZE = 4


def fill(db: Database, waiting: int) -> None:
    """So many open tasks, `TWINS` a prompt, of `SIZE` responses; by SQL, since the store's own way takes minutes."""
    model = models.add(db, Model("hidden-model", "policy", "tiny"))
    prompts = range(1, waiting // TWINS + 1)
    with writing(db):
        turns = [(p, json.dumps([{"role": "user", "content": f"Question {p}"}]), f"digest {p}") for p in prompts]
        db.conn.executemany(
            "INSERT INTO prompts (id, messages, digest, split, source) VALUES (?, ?, ?, 'train', 'bench')", turns
        )
        answers = [(SIZE * p + i, p, model, f"Answer {i} to {p}", i) for p in prompts for i in range(SIZE)]
        db.conn.executemany(
            "INSERT INTO responses (id, prompt_id, model_id, text, seed, sampling, finish_reason)"
            " VALUES (?, ?, ?, ?, ?, '{}', 'stop')",
            answers,
        )
        tasks = [(TWINS * p + t, p) for p in prompts for t in range(TWINS)]
        db.conn.executemany("INSERT INTO tasks (id, prompt_id) VALUES (?, ?)", tasks)
        shown = [(task, i, SIZE * p + i) for task, p in tasks for i in range(SIZE)]
        db.conn.executemany("INSERT INTO task_responses (task_id, position, response_id) VALUES (?, ?, ?)", shown)


def workspace_of(folder: Path, waiting: int) -> Workspace:
    """A new workspace with so many open tasks and one person."""
    workspace = create(folder, "")
    with workspace.store() as db:
        fill(db, waiting)
        annotators.add(db, "ada", "annotator")
    return workspace


def milliseconds(work: Callable[[], object]) -> float:
    """CPU time of this process for one call, in ms."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def by_tasks() -> None:
    """Print CPU ms of the next task and of the whole answer, by how many tasks wait."""
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as folder:
        places = {waiting: workspace_of(Path(folder) / str(waiting), waiting) for waiting in WAITING}
        given: dict[int, list[float]] = {waiting: [] for waiting in WAITING}
        whole: dict[int, list[float]] = {waiting: [] for waiting in WAITING}
        for _ in range(ROUNDS):
            for waiting, workspace in places.items():
                with workspace.store() as db:
                    given[waiting].append(milliseconds(lambda db=db: queue.next_task(db, "ada")))  # type: ignore[misc]
                    whole[waiting].append(milliseconds(lambda db=db: queue.view(db, "ada")))  # type: ignore[misc]
                    task = queue.next_task(db, "ada")
                    assert task
                    queue.submit(db, "ada", str(task.lease), list(range(1, SIZE + 1)))
    print(f"load average {os.getloadavg()[0]:.1f}; CPU ms, median of {ROUNDS}")
    print("| open tasks | next task | the page's answer for a task that is held |\n|---|---|---|")
    for waiting in WAITING:
        print(f"| {waiting:,} | {statistics.median(given[waiting]):.2f} | {statistics.median(whole[waiting]):.2f} |")


def crowded(workspace: Workspace, people: int, thought: float) -> list[Person]:
    """So many people who are signed in; by SQL, since each new name is held against all that there are."""
    names = [f"person {n}" for n in range(people)]
    with workspace.store() as db, writing(db):
        db.conn.executemany("INSERT INTO annotators (name, role) VALUES (?, 'annotator')", [(n,) for n in names])
        return [Person(name, sessions.open_session(db, name), thought) for name in names]


def by_people(people: int, thought: float, seconds: float) -> None:
    """Print how long people wait, how many rankings come in, and what each costs the server, by route."""
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as folder:
        workspace = workspace_of(Path(folder) / "workspace", WAITING[2])
        crowd = crowded(workspace, people, thought)
        server, began = Server(workspace), time.monotonic()
        server.start()
        try:
            print(f"ready after {time.monotonic() - began:.1f} s, {cpu_of(server):.1f} s of CPU")
            spells = [spell(crowd, server, route, seconds) for route in (GRADIO, ADDRESS)]
        finally:
            server.kill()
        lost = wrong(workspace, crowd)
    acknowledged = sum(len(person.acknowledged) for person in crowd)
    print(f"{people} people, {thought:g} s of thought; load average {os.getloadavg()[0]:.1f}")
    print(f"{acknowledged - len(lost)} of {acknowledged} acknowledged rankings are stored as they were sent")
    print("| route | p50 ms | p95 ms | p99 ms | rankings/s | server CPU ms a ranking | failed |\n|---|" + "---|" * 6)
    for one in spells:
        print(one.row())


def main() -> None:
    """Read the command line and run what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--tasks", action="store_true", help="the next task, by how many wait")
    parser.add_argument("--people", type=int, default=500, help="who rank at once")
    parser.add_argument("--thought", type=float, default=5.0, help="seconds before each answer, about")
    parser.add_argument("--seconds", type=float, default=12.0, help="for which they rank by each route")
    told = parser.parse_args()
    if told.tasks:
        by_tasks()
    else:
        by_people(told.people, told.thought, told.seconds)


if __name__ == "__main__":
    main()
