"""Backups are whole, verified and told apart; a restored workspace is the one that was backed up."""

import dataclasses
import hashlib
import json
import os
import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from store import annotators, backup, models, prompts, rankings, responses, sessions, tasks, tokens
from store.digests import digest
from store.errors import BadInput, NewerWorkspace, WorkError
from store.records import Model, Response, Task
from store.workspace import Workspace, create


def rows(path: Path) -> dict[str, list[Any]]:
    """Every row of every table."""
    raw = sqlite3.connect(path)
    names = [r[0] for r in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    found = {name: sorted(map(repr, raw.execute(f'SELECT * FROM "{name}"'))) for name in names}
    raw.close()
    return found


def files(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Forty tasks, and a model with files."""
    made = create(tmp_path / "workspace", "[round]\nmin_rankings = 7\n")
    (made.models / "policy-job1").mkdir()
    (made.models / "policy-job1" / "weights").write_bytes(bytes(range(256)) * 40)
    with made.store() as db:
        annotators.ensure(db, "ada")
        base = models.add(db, Model("base", "policy", "tiny"))
        folder = made.models / "policy-job1"
        models.add(db, Model("policy-1", "policy", "tiny", base, path="models/policy-job1", digest=digest(folder)))
        for n in range(40):
            (prompt,) = prompts.add(
                db, [prompts.make([{"role": "user", "content": f"q{n}"}], source="test", split="train")]
            )
            ids = responses.add(db, [Response(prompt, base, f"a{i}", i, {}, "stop") for i in range(3)])
            tasks.add(db, [Task(prompt, tuple(ids))])
    return made


def rank(db: Database) -> int:
    """Rank the next task; the ranking's number."""
    (task,) = tasks.free_for(db, "ada")
    shown = tasks.get(db, task).response_ids
    held = tasks.lease(db, task, "ada", shown)
    return rankings.submit(db, str(held.lease), "ada", {r: i + 1 for i, r in enumerate(shown)}).id


def test_a_restored_workspace_equals_the_one_that_was_backed_up(workspace: Workspace, tmp_path: Path) -> None:
    with workspace.store() as db:
        rank(db)
        folder, label = backup.backup(workspace)  # while a connection is open, so with a log beside the store
        assert (label.rankings, label.responses, label.models) == (1, 120, 2)
    assert rows(folder / "feedback.db") == rows(workspace.database)
    restored = Workspace(tmp_path / "elsewhere" / "again")
    restored.folder.parent.mkdir()
    assert backup.restore(folder, restored.folder) == label
    assert rows(restored.database) == rows(workspace.database)
    assert files(restored.models) == files(workspace.models)
    assert restored.settings() == workspace.settings()
    with restored.store() as db:
        rank(db)
        assert rankings.count(db) == 2


def test_a_backup_while_people_rank_holds_every_ranking_up_to_some_moment(workspace: Workspace) -> None:
    told: list[int] = []
    ended = threading.Event()

    def people() -> None:
        while not ended.is_set() and len(told) < 39:
            with workspace.store() as db:
                told.append(rank(db))
            time.sleep(0.002)

    thread = threading.Thread(target=people)
    thread.start()
    try:
        while len(told) < 3:
            time.sleep(0.001)
        before = len(told)
        folder, label = backup.backup(workspace)
        after = len(told)
    finally:
        ended.set()
        thread.join()
    with Workspace(folder).store() as db:
        kept = sorted(r.id for r in rankings.current(db))
    assert before <= label.rankings <= after + 1
    assert kept == sorted(told)[: label.rankings]


def test_a_backup_ends_though_somebody_always_writes(workspace: Workspace) -> None:
    with workspace.store() as db:  # a copy takes longer than a commit
        responses.add(db, [Response(1, 1, "long " * 2000, i, {}, "stop") for i in range(1000)])
    ended, commits = threading.Event(), list[int]()

    def people() -> None:
        while not ended.is_set() and len(commits) < 600:
            with workspace.store() as db:
                annotators.ensure(db, f"person {len(commits)}")
            commits.append(1)

    thread = threading.Thread(target=people)
    thread.start()
    try:
        while not commits:
            time.sleep(0.001)
        backup.backup(workspace)
        assert len(commits) < 500
    finally:
        ended.set()
        thread.join()


def test_nobody_is_signed_in_and_no_link_works_in_a_restored_workspace(workspace: Workspace, tmp_path: Path) -> None:
    with workspace.store() as db:
        cookie, link = sessions.open_session(db, "ada"), sessions.invite(db, "admin")
        _, token = tokens.make(db, "ada", ["rank"], "me")
    folder, _ = backup.backup(workspace)
    backup.restore(folder, tmp_path / "again")
    with Workspace(tmp_path / "again").store() as db:
        assert (sessions.of_session(db, cookie), sessions.invited_role(db, link)) == (None, None)
        assert tokens.owner_of(db, token) is None
    with workspace.store() as db:
        assert sessions.of_session(db, cookie)
        assert tokens.owner_of(db, token)


def test_only_the_oldest_backups_of_the_same_workspace_go(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "backups"
    other, _ = backup.backup(create(tmp_path / "other", ""), place)
    clock = iter(range(1_000_000_000, 2_000_000_000, 3600))
    monkeypatch.setattr(backup.time, "time", lambda: float(next(clock)))
    mine = [backup.backup(workspace, place, keep=2)[0] for _ in range(4)]
    assert [folder.exists() for folder in (other, *mine)] == [True, False, False, True, True]


def damage(folder: Path, how: str) -> None:
    if how == "page":
        with (folder / "feedback.db").open("r+b") as file:
            file.seek(8192)
            file.write(os.urandom(4096))
    elif how == "weights":
        (folder / "models" / "policy-job1" / "weights").write_bytes(b"\x00")
    elif how == "records":
        with sqlite3.connect(folder / "feedback.db") as raw:
            raw.execute("DELETE FROM metrics")
            raw.execute("DELETE FROM models WHERE path IS NOT NULL")
    elif how == "label":
        (folder / "backup.json").write_text("{}")
    else:
        shutil.rmtree(folder / "models")


@pytest.mark.parametrize("how", ["page", "weights", "records", "label", "models"])
def test_a_damaged_backup_is_refused_and_nothing_is_made(workspace: Workspace, tmp_path: Path, how: str) -> None:
    with workspace.store() as db:
        rank(db)
    folder, _ = backup.backup(workspace)
    damage(folder, how)
    with pytest.raises((BadInput, WorkError)):
        backup.restore(folder, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    assert not list(tmp_path.glob(".writing*"))


def test_nothing_is_overwritten_and_no_newer_version_is_taken(workspace: Workspace, tmp_path: Path) -> None:
    folder, _ = backup.backup(workspace)
    with pytest.raises(BadInput, match="is a workspace already"):
        backup.restore(folder, workspace.folder)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(BadInput, match="is not empty"):
        backup.restore(folder, tmp_path / "full")
    with pytest.raises(BadInput, match="is no backup"):
        backup.restore(workspace.folder, tmp_path / "again")
    with sqlite3.connect(folder / "feedback.db") as raw:
        raw.execute("UPDATE _sqlite_migrations SET name = 'm999' WHERE name LIKE 'm004%'")
    with pytest.raises(NewerWorkspace):
        backup.restore(folder, tmp_path / "again")


def test_what_is_no_file_is_named_and_not_waited_for(workspace: Workspace) -> None:
    (workspace.folder / "workspace.toml").unlink()
    os.mkfifo(workspace.folder / "workspace.toml")
    with pytest.raises(BadInput, match=r"workspace.toml cannot be copied \(no regular file\)"):
        backup.backup(workspace)
    assert list(workspace.backups.iterdir()) == []


def test_a_workspace_that_is_not_sound_makes_no_backup(workspace: Workspace) -> None:
    damage(workspace.folder, "weights")
    with pytest.raises(WorkError, match=r"The copy is not sound and is not kept \(.*policy-1"):
        backup.backup(workspace)
    assert list(workspace.backups.iterdir()) == []
    with pytest.raises(BadInput, match="is copied itself"):
        backup.backup(workspace, workspace.models / "backups")


def test_two_backups_of_one_second_are_two(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is made while the first is being written, as by another process."""
    monkeypatch.setattr(backup.time, "time", lambda: 1_000_000_000.0)
    copy, others = backup._copy_store, []

    def meanwhile(source: Path, to: Path) -> None:
        if not others:
            others.append(to)
            others[0] = backup.backup(workspace)[0]
        copy(source, to)

    monkeypatch.setattr(backup, "_copy_store", meanwhile)
    mine, _ = backup.backup(workspace)
    assert mine != others[0]
    assert {folder.name for folder in workspace.backups.iterdir()} == {mine.name, others[0].name}
    assert list(backup.check(workspace.backups)) == []


@pytest.mark.parametrize("name", ["feedback.db", "workspace.toml", "models/policy-job1/weights"])
def test_each_file_of_a_backup_is_held_by_its_digest(workspace: Workspace, tmp_path: Path, name: str) -> None:
    folder, label = backup.backup(workspace)
    assert label.files == {path: sha for path, sha in files(folder).items() if path != "backup.json"}
    assert list(backup.check(workspace.backups)) == []
    with (folder / name).open("ab") as file:
        file.write(b"\n")
    assert [name in problem.what for problem in backup.check(workspace.backups)] == [True]
    with pytest.raises(BadInput):
        backup.restore(folder, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    (folder / name).unlink()
    assert ["is gone" in problem.what for problem in backup.check(workspace.backups)] == [True]


def test_a_backup_of_an_earlier_version_which_knows_no_digests_is_taken(workspace: Workspace, tmp_path: Path) -> None:
    folder, label = backup.backup(workspace)
    told = {key: value for key, value in dataclasses.asdict(label).items() if key != "files"}
    (folder / "backup.json").write_text(json.dumps(told))
    assert backup.restore(folder, tmp_path / "again").files == {}
    assert list(backup.check(workspace.backups)) == []
