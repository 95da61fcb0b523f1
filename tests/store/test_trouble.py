"""A full disk, a crash, a crowd: what was stored stays, what was not is not there by half."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from store import db as store_db
from store import jobs, prompts, rankings, tasks
from store.db import writing
from store.errors import NoDisk, WorkError
from store.records import Prompt
from store.workspace import Workspace, create, whole_or_gone

ROOT = Path(__file__).resolve().parents[2]


def bulk(count: int) -> list[Prompt]:
    chats = [[{"role": "user", "content": f"{i} " + "long " * 400}] for i in range(count)]
    return [prompts.make(chat, source="bulk") for chat in chats]


def no_more_pages(db: Database) -> None:
    """As on a full disk: the file may not grow."""
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_loses_nothing(db: Database, workspace: Workspace, make_tasks: Callable[..., list[int]]) -> None:
    task = tasks.get(db, make_tasks(db)[0])
    held = tasks.lease(db, task.id, "ada", task.response_ids)
    before = prompts.every(db)
    no_more_pages(db)
    with pytest.raises(WorkError, match="free disk space"):
        prompts.add(db, bulk(50))
    assert not db.conn.in_transaction
    assert prompts.every(db) == before
    with pytest.raises(NoDisk):
        rankings.submit(db, str(held.lease), "ada", dict.fromkeys(task.response_ids, 1), comment="x" * 20_000)
    assert tasks.get(db, task.id) == held
    with workspace.store() as later:  # room again
        assert later.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        rankings.submit(later, str(held.lease), "ada", dict.fromkeys(task.response_ids, 1))
        prompts.add(later, bulk(50))
        assert prompts.count(later) == len(before) + 50


def test_a_disk_full_inside_a_larger_transaction_undoes_all_of_it(db: Database) -> None:
    no_more_pages(db)
    with pytest.raises(NoDisk), writing(db):  # noqa: PT012 - the transaction is what is tried
        jobs.enqueue(db, "rate")
        prompts.add(db, bulk(50))
    assert (prompts.count(db), jobs.recent(db)) == (0, [])


def test_an_exception_undoes_the_transaction(db: Database) -> None:
    with pytest.raises(ZeroDivisionError), writing(db):  # noqa: PT012 - the transaction is what is tried
        prompts.add(db, bulk(2))
        assert prompts.count(db) == 2
        _ = 1 / 0
    assert prompts.count(db) == 0
    prompts.add(db, bulk(1))
    assert prompts.count(db) == 1


def test_no_room_for_a_new_workspace_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Tight(store_db.Guarded):
        def __init__(self, path: str) -> None:
            super().__init__(path)
            self.execute("PRAGMA max_page_count = 3")

    monkeypatch.setattr(store_db, "Guarded", Tight)
    with pytest.raises(NoDisk, match="free disk space"):
        create(tmp_path / "new", "")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_keeps_what_was_in_it(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(RuntimeError), whole_or_gone(tmp_path):  # noqa: PT012 - what follows create fails
        create(tmp_path, "")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(RuntimeError), whole_or_gone(tmp_path / "mine"):
        raise RuntimeError
    assert (tmp_path / "mine").read_text() == "precious"


def test_many_writers_lose_no_prompt(workspace: Workspace) -> None:
    errors: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for i in range(10):
                with workspace.store() as mine:
                    prompts.add(mine, [prompts.make([{"role": "user", "content": f"{number}.{i}"}], source="t")])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    with workspace.store() as db:
        assert prompts.count(db) == 80


COUNTER = """
import sys, time
from pathlib import Path
from store import jobs
from store.db import writing
from store.workspace import Workspace
with Workspace(Path(sys.argv[1])).store() as db:
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(20):
        with writing(db):
            number = db["jobs"].count
            time.sleep(0.002)
            jobs.enqueue(db, f"job {number}")
"""


def test_two_processes_that_read_and_then_write_wait_for_each_other(workspace: Workspace) -> None:
    """A transaction that took its lock only at the first write would fail at once where another had written."""
    command = [sys.executable, "-c", COUNTER, str(workspace.folder)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in both]
    assert errors == ["", ""]
    with workspace.store() as db:
        assert sorted(job.kind for job in jobs.recent(db, 99)) == sorted(f"job {n}" for n in range(40))


def test_what_was_committed_is_seen_by_another_connection_at_once(db: Database, workspace: Workspace) -> None:
    prompts.add(db, bulk(1))
    raw = sqlite3.connect(workspace.database)
    assert raw.execute("SELECT count(*) FROM prompts").fetchone()[0] == 1
    raw.close()
