"""A store that an earlier version wrote is brought up to date with everything kept, or stays as it was."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from store import imports, models, prompts, rankings, responses, scores, tasks
from store.db import opened
from store.errors import Damaged, Locked, NoDisk, WorkError
from store.formats.row import Row
from store.records import Import, Response
from store.schema import migrations

SETTINGS = {"ppo": {"steps": 3, "learning_rate": 1e-5}, "model": {"base_model": "Grüße"}}
OLD_ROWS = f"""
    INSERT INTO annotators (name, role, created) VALUES ('ada', 'admin', '2025-01-01T00:00:00.000Z');
    INSERT INTO annotators (name, role) VALUES ('bo', 'annotator');
    INSERT INTO prompts (id, messages, digest, split, source)
        VALUES (4, '[{{"role": "user", "content": "Hi"}}]', 'd', 'train', 's');
    INSERT INTO jobs (id, kind, params, state) VALUES
        (3, 'ppo', '{json.dumps({"settings": SETTINGS, "force": True})}', 'done'),
        (5, 'reward', '{{}}', 'done'), (6, 'ppo', '{{"settings": "lost"}}', 'done');
    INSERT INTO metrics VALUES (3, 1, 'kl', 0.5);
    INSERT INTO models (id, name, kind, base_model, metrics, created)
        VALUES (2, 'base', 'policy', 'tiny', '{{}}', '2025-01-02T00:00:00.000Z');
    INSERT INTO responses (id, prompt_id, model_id, text, seed, sampling, finish_reason, created) VALUES
        (7, 4, 2, 'Grüße', 11, '{{"temperature": 0.7}}', 'stop', '2025-01-03T00:00:00.000Z'),
        (9, 4, 2, 'cut', 12, '{{}}', 'length', '2025-01-04T00:00:00.000Z');
    INSERT INTO tasks (id, prompt_id, state, annotator, lease, reason) VALUES (5, 4, 'done', 'ada', 'key', 'fresh');
    INSERT INTO tasks (id, prompt_id, reason) VALUES (6, 4, 'overlap');
    INSERT INTO task_responses VALUES (5, 0, 7), (5, 1, 9), (6, 0, 9), (6, 1, 7);
    INSERT INTO rankings (id, task_id, prompt_id, annotator, levels, kind, lease, shown_order)
        VALUES (8, 5, 4, 'ada', '{{"7": 1, "9": 2}}', 'ranked', 'key', '[7, 9]');
    INSERT INTO gold (prompt_id, ranking_id) VALUES (4, 8);
    INSERT INTO ratings (id, method, config, metrics, last_ranking_id) VALUES (6, 'davidson', '{{}}', '{{}}', 8);
    INSERT INTO scores VALUES (6, 7, 1050.0, 40.0, 1), (6, 9, 950.0, NULL, 1);
    INSERT INTO annotator_pairs VALUES (6, 'ada', 'bo', 0.5, 7);
    INSERT INTO models (id, name, kind, base_model, parent_id, job_id, path, metrics) VALUES
        (3, 'reward-1', 'reward', 'tiny', NULL, 5, 'models/reward-1',
            '{{"accuracy": 0.1234567890123456789, "rating_id": 6, "std": 1e-05}}'),
        (8, 'policy-1', 'policy', 'tiny', 2, 3, 'models/policy-1', '{{"reward_id": 3, "kl": null, "note": "Grüße"}}'),
        (9, 'policy-2', 'policy', 'tiny', 8, 6, 'models/policy-2', '{{"kl": 2}}');
    INSERT INTO rounds (number, rating_id, reward_id, policy_id, metrics) VALUES (1, 6, 3, 8, '{{}}');
    INSERT INTO promotions (id, model_id, by) VALUES (1, 8, 'ada');
"""
ADDED = {
    "annotators": {"invitation_id", "signed_in"},
    "jobs": {"deaths"},
    "prompts": {"import_id", "removed", "removed_with", "waiting", "held"},
    "models": {"rating_id", "reward_id", "made_by", "settings", "digest"},
    "responses": {"annotator", "token_ids"},
    "rounds": {"job_id"},
    "rankings": {"guideline_id", "lasted"},
    "tasks": {"handed", "guideline_id"},
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store with a row in nearly every table, as the version before lineage was columns left it."""
    path = tmp_path / "feedback.db"
    db = Database(str(path))
    db.execute("PRAGMA journal_mode = WAL")
    earlier = Migrations("store")
    earlier._migrations = migrations._migrations[:2]
    earlier.apply(db)
    db.conn.executescript(OLD_ROWS)
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.conn.commit()
    db.close()
    return path


def content(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, SQLite's own list of tables, indexes, views and triggers included."""
    raw = sqlite3.connect(path)
    raw.row_factory = sqlite3.Row
    names = [row["name"] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    shape = [dict(row) for row in raw.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")]
    rows = {name: [dict(row) for row in raw.execute(f'SELECT * FROM "{name}" ORDER BY 1, 2')] for name in names}
    raw.close()
    return {"sqlite_master": shape, **rows}


def migrate(path: Path) -> None:
    with opened(path):
        pass


def test_every_row_and_stamp_is_kept(old: Path) -> None:
    before = content(old)
    migrate(old)
    after = content(old)
    for table in before.keys() - {"sqlite_master", "_sqlite_migrations"}:
        kept = [{k: v for k, v in row.items() if k not in ADDED.get(table, set())} for row in after[table]]
        assert after[table] == [] or after[table][0].keys() - before[table][0].keys() == ADDED.get(table, set())
        if table == "models":
            for row in kept + before[table]:
                row.pop("metrics")
        assert kept == before[table], table


def test_it_has_the_very_tables_of_a_new_store(old: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "new.db", create=True):
        pass
    migrate(old)
    shapes = [
        sorted((part["type"], part["name"], part["sql"] or "") for part in content(path)["sqlite_master"])
        for path in (old, tmp_path / "new.db")
    ]
    assert shapes[0] == shapes[1]
    assert ("index", "responses_of_prompt") in {row[:2] for row in shapes[0]}


def test_lineage_moves_out_of_the_metrics(old: Path) -> None:
    with opened(old) as db:
        made = {m.name: m for m in models.every(db)}
        assert {m.name: (m.rating_id, m.reward_id, m.made_by) for m in made.values()} == {
            "base": (None, None, "init"),
            "reward-1": (6, None, "reward"),
            "policy-1": (None, 3, "ppo"),
            "policy-2": (None, None, "ppo"),
        }
        assert made["policy-1"].settings == SETTINGS
        assert [made[name].settings for name in ("base", "reward-1", "policy-2")] == [{}, {}, {}]
        assert made["reward-1"].metrics == {"accuracy": 0.1234567890123456789, "std": 1e-05}
        assert made["policy-1"].metrics == {"kl": None, "note": "Grüße"}
        assert made["policy-2"].metrics == {"kl": 2}
        assert [m.name for m in models.lineage(db, 9)] == ["policy-2", "policy-1", "base"]


def test_the_store_works_afterwards(old: Path) -> None:
    with opened(old) as db:
        assert (models.generator(db) or models.get(db, 2)).name == "policy-1"
        assert [s.elo for s in scores.of_prompt(db, 6, 4)] == [1050.0, 950.0]
        held = tasks.lease(db, 6, "bo", [7, 9])
        ranked = rankings.submit(db, str(held.lease), "bo", {7: 2, 9: 1})
        rankings.revise(db, 8, "ada", {7: 1, 9: 1})
        assert [r.annotator for r in rankings.current(db)] == ["bo", "ada"]
        assert ranked.id == 9
        for statement in ("UPDATE rankings SET comment = 'x'", "DELETE FROM rankings"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(statement)
        for statement in (
            "DELETE FROM models WHERE id = 8",
            "DELETE FROM responses WHERE id = 7",
            "INSERT INTO promotions (model_id, by) VALUES (99, 'ada')",
            "INSERT INTO task_responses VALUES (6, 9, 99)",
            "UPDATE models SET parent_id = 99",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
                db.execute(statement)
        (written,) = responses.add(db, [Response(4, None, "By hand", 0, {}, "imported", annotator="bo")])
        assert written == 10
        assert [(r.id, r.model_id, r.annotator) for r in responses.of_prompt(db, 4)] == [
            (7, 2, None),
            (9, 2, None),
            (10, None, "bo"),
        ]


def test_a_prompt_of_an_earlier_version_goes_and_comes_and_no_import_takes_it_out(old: Path) -> None:
    with opened(old) as db:
        (prompt,), standing = prompts.every(db), rankings.current(db)
        assert (prompt.id, prompt.import_id, prompt.removed, imports.every(db)) == (4, None, None, [])
        prompts.remove(db, [4])
        assert (prompts.every(db), rankings.current(db), tasks.free_for(db, "bo")) == ([], [], [])
        prompts.restore(db, [4])
        assert (prompts.every(db), rankings.current(db), tasks.free_for(db, "bo")) == ([prompt], standing, [6])
        assert standing
        db.execute("UPDATE prompts SET digest = ?", [prompts.digest(prompt.messages)])  # the row above made one up
        db.conn.commit()
        done = imports.add(db, Import("old.jsonl", "0" * 64, "jsonl"), [[(prompt, Row(prompt.messages), {})]])
        assert (done.new, done.already_there) == (0, 1)
        imports.remove(db, [done.import_id])
        assert (prompts.every(db), rankings.current(db)) == ([prompt], standing)


def test_opened_again_nothing_changes(old: Path) -> None:
    migrate(old)
    once = content(old)
    migrate(old)
    assert content(old) == once


def breaking(statements: tuple[str, ...], after: int) -> Iterator[str]:
    yield from statements[:after]
    raise RuntimeError("in the middle")


@pytest.mark.parametrize("after", range(10))
def test_broken_off_in_the_middle_the_old_store_is_whole(
    old: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    before = content(old)
    statements = sys.modules["store.schema"].LINEAGE_TABLES
    with monkeypatch.context() as patch:
        patch.setattr("store.schema.LINEAGE_TABLES", breaking(statements, after))
        with pytest.raises(RuntimeError, match="in the middle"):
            migrate(old)
    assert after <= len(statements)
    assert content(old) == before
    migrate(old)
    assert len(content(old)["models"]) == 4


def test_a_later_migration_that_fails_takes_the_earlier_ones_with_it(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(old)
    later = Migrations("store")
    later._migrations = list(migrations._migrations)

    @later()
    def m999_fails(db: Database) -> None:
        assert db["models"].count_where("made_by = 'init'") == 1  # the earlier ones have run
        raise RuntimeError

    monkeypatch.setattr("store.db.migrations", later)
    with pytest.raises(RuntimeError):
        migrate(old)
    assert content(old) == before


def test_a_process_that_dies_in_the_middle_leaves_the_old_store(old: Path) -> None:
    before = content(old)
    dying = (
        "import os, sys; from store import db, schema\n"
        "def half():\n    yield from schema_tables[:4]\n    os._exit(9)\n"
        "schema_tables = schema.LINEAGE_TABLES; schema.LINEAGE_TABLES = half()\n"
        "with db.opened(sys.argv[1]): pass"
    )
    assert subprocess.run([sys.executable, "-c", dying, str(old)], check=False).returncode == 9
    assert content(old) == before
    migrate(old)


def test_a_reference_that_leads_nowhere_is_named_and_nothing_changes(old: Path) -> None:
    raw = sqlite3.connect(old)
    raw.execute("""UPDATE models SET metrics = '{"rating_id": 77}' WHERE id = 3""")
    raw.commit()
    raw.close()
    before = content(old)
    with pytest.raises(WorkError, match=r"nothing was changed: 1 references .* models, row 3: .* in ratings"):
        migrate(old)
    assert content(old) == before


def test_a_copy_of_the_store_as_it_was_is_kept(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = content(old)
    for stale in ("m001", "m002"):
        old.with_name(f"feedback.db.before-{stale}").touch()
    with caplog.at_level("INFO"):
        migrate(old)
    (kept,) = [path for path in old.parent.glob("feedback.db.before-*") if path.stat().st_size]
    assert content(kept) == before
    assert f"as it was before it is kept in {kept.name}" in caplog.text
    assert len(list(old.parent.glob("feedback.db.before-*"))) == 2
    assert not list(old.parent.glob("*writing*"))
    assert kept.stat().st_mode == old.stat().st_mode
    migrate(old)
    assert content(kept) == before


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(28, "No space left on device"), NoDisk, "no room for a copy of it first"),
        (sqlite3.OperationalError("database or disk is full"), NoDisk, "no room for a copy of it first"),
        (sqlite3.OperationalError("database is locked"), Locked, "held by another program"),
        (sqlite3.DatabaseError("database disk image is malformed"), Damaged, "run `python launch.py check`"),
    ],
)
def test_where_no_copy_can_be_made_it_says_why_and_nothing_is_changed(
    old: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[WorkError], words: str
) -> None:
    def fails(*_: object) -> None:
        raise error

    before = content(old)
    with monkeypatch.context() as patch:
        patch.setattr("store.db.os.replace", fails)
        with pytest.raises(kind, match=words) as refused:
            migrate(old)
    assert type(refused.value) is kind
    assert content(old) == before
    assert not list(old.parent.glob("*writing*"))
