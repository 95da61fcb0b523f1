"""The file itself refuses what is wrong, whoever writes to it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from store import rankings, tasks
from store.db import opened
from store.errors import BadInput, NewerWorkspace, NotFound
from store.schema import migrations
from store.workspace import Workspace

MADE = {
    "prompts": {"messages": "[]", "digest": "d", "split": "train", "source": "s"},
    "annotators": {"name": "dee", "role": "annotator"},
    "jobs": {"kind": "rate", "params": "{}"},
    "models": {"name": "m", "kind": "policy", "base_model": "tiny", "made_by": "init"},
}
WRONG = [
    ("prompts", {"messages": "not json"}),
    ("prompts", {"split": "test"}),
    ("prompts", {"digest": None}),
    ("prompts", {"id": "a word"}),
    ("annotators", {"name": ""}),
    ("annotators", {"name": "x" * 81}),
    ("annotators", {"role": "king"}),
    ("annotators", {"active": 2}),
    ("jobs", {"state": "sleeping"}),
    ("jobs", {"progress": 1.5}),
    ("jobs", {"progress": "half"}),
    ("jobs", {"pid": "many"}),
    ("jobs", {"params": "{"}),
    ("models", {"kind": "poet"}),
    ("models", {"metrics": '{"kl": NaN}'}),
    ("models", {"parent_id": 99}),
    ("models", {"job_id": 99}),
    ("models", {"rating_id": 99}),
    ("models", {"reward_id": 99}),
    ("models", {"made_by": None}),
    ("models", {"made_by": " "}),
    ("models", {"settings": "{"}),
]


def insert(db: Database, table: str, row: dict[str, object]) -> None:
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))


@pytest.mark.parametrize(("table", "change"), WRONG, ids=lambda value: str(value))
def test_a_wrong_row_is_refused(db: Database, table: str, change: dict[str, object]) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        insert(db, table, MADE[table] | change)


@pytest.mark.parametrize("table", MADE)
def test_the_same_row_without_the_mistake_is_taken(db: Database, table: str) -> None:
    insert(db, table, MADE[table])
    assert db[table].count_where("1") >= 1


def test_every_table_is_strict_and_every_reference_is_enforced(db: Database) -> None:
    ours = db.execute(
        "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
    ).fetchall()
    loose = {name for name, strict in ours if not strict and not name.startswith(("sqlite_", "_sqlite_"))}
    assert not loose
    assert len(ours) > 12
    assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_task_of_an_unknown_response_is_refused(db: Database, make_tasks: Callable[..., list[int]]) -> None:
    (task,) = make_tasks(db)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT INTO task_responses VALUES (?, 9, 999)", [task])
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE tasks SET state = 'leased' WHERE id = ?", [task])


@pytest.mark.parametrize("author", [{}, {"model_id": 1, "annotator": "ada"}, {"model_id": 99}, {"annotator": "eve"}])
def test_a_response_has_one_author_who_is_known(
    db: Database, make_tasks: Callable[..., list[int]], author: dict[str, object]
) -> None:
    make_tasks(db)
    row = {"prompt_id": 1, "text": "x", "seed": 0, "sampling": "{}", "finish_reason": "stop"}
    with pytest.raises(sqlite3.IntegrityError):
        insert(db, "responses", row | author)
    for one in ({"model_id": 1}, {"annotator": "ada"}):
        insert(db, "responses", row | one)


def test_rankings_are_neither_changed_nor_deleted(db: Database, make_tasks: Callable[..., list[int]]) -> None:
    (task,) = make_tasks(db)
    held = tasks.lease(db, task, "ada", tasks.get(db, task).response_ids)
    stored = rankings.submit(db, str(held.lease), "ada", dict.fromkeys(held.response_ids, 1))
    for statement in ("UPDATE rankings SET comment = 'x'", "DELETE FROM rankings"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(statement)
    assert rankings.current(db) == [stored]
    for kind, levels in (("loved", "{}"), ("ranked", "{")):
        row = {"task_id": task, "prompt_id": 1, "annotator": "ada", "shown_order": "[]"}
        with pytest.raises(sqlite3.IntegrityError):
            insert(db, "rankings", row | {"kind": kind, "levels": levels})


def test_opening_twice_migrates_once(workspace: Workspace) -> None:
    def state() -> list[tuple]:
        with workspace.store() as db:
            return [
                *db.execute("SELECT name, sql FROM sqlite_master"),
                *db.execute("SELECT * FROM _sqlite_migrations"),
            ]

    assert state() == state()


def test_a_workspace_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its tasks are fresh ones, and nothing that was in it is lost."""
    old = Database(str(tmp_path / "feedback.db"))
    only_first = Migrations("store")
    only_first._migrations = [m for m in migrations._migrations if m.name == "m001_first_tables"]
    only_first.apply(old)
    old.execute("INSERT INTO prompts (messages, digest, split, source) VALUES ('[]', 'd', 'train', 's')")
    old.execute("INSERT INTO tasks (prompt_id) VALUES (1)")
    old.conn.commit()
    old.close()
    with opened(tmp_path / "feedback.db") as db:
        assert tasks.get(db, 1).reason == "fresh"
        assert db["promotions"].count == 0


def test_a_file_of_a_newer_version_is_refused_and_untouched(workspace: Workspace) -> None:
    with workspace.store() as db:
        db["_sqlite_migrations"].insert(
            {"migration_set": "store", "name": "m999_from_tomorrow", "applied_at": "2999-01-01"}
        )
    with pytest.raises(NewerWorkspace, match=r"m999_from_tomorrow.*upgrade"), workspace.store():
        pass
    raw = sqlite3.connect(workspace.database)
    assert raw.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()[0] >= 2
    raw.close()


def test_a_migration_of_somebody_else_in_the_same_file_is_no_newer_version(workspace: Workspace) -> None:
    with workspace.store() as db:
        db["_sqlite_migrations"].insert({"migration_set": "other", "name": "z", "applied_at": "2999-01-01"})
    with workspace.store():
        pass


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="init"), opened(tmp_path / "feedback.db"):
        pass
    assert not (tmp_path / "feedback.db").exists()
    (tmp_path / "feedback.db").write_text("a diary, not a database " * 100)
    with pytest.raises(BadInput, match="not a store"), opened(tmp_path / "feedback.db"):
        pass
    assert (tmp_path / "feedback.db").read_text().startswith("a diary")
    with pytest.raises(BadInput, match="not a store"), opened(tmp_path):
        pass
