"""What `check` finds, each kind of damage in words with a remedy, and what it mends."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from store import annotators, models, permissions, soundness
from store.digests import digest
from store.records import Model
from store.workspace import Workspace, create


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = create(tmp_path / "workspace", "")
    folder = made.models / "policy-job1"
    folder.mkdir()
    (folder / "weights").write_bytes(b"w" * 500)
    permissions.give(made.folder, permissions.OWNER)
    with made.store() as db:
        for n in range(200):
            annotators.ensure(db, f"annotator {n}")
        models.add(db, Model("policy-1", "policy", "tiny", path="models/policy-job1", digest=digest(folder)))
    return made


def cut(workspace: Workspace) -> None:
    raw = workspace.database.read_bytes()
    workspace.database.write_bytes(raw[: len(raw) // 2])


def overwrite(workspace: Workspace) -> None:
    with workspace.database.open("r+b") as file:
        file.write(b"not a database at all" * 10)


def orphan(workspace: Workspace) -> None:
    with sqlite3.connect(workspace.database) as raw:
        raw.execute("INSERT INTO task_responses VALUES (99, 0, 77)")


def stray_index(workspace: Workspace) -> None:
    """A row that an index does not know."""
    with sqlite3.connect(workspace.database) as raw:
        sql = raw.execute("SELECT sql FROM sqlite_master WHERE name = 'responses_of_prompt'").fetchone()[0]
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'responses_of_prompt'", [sql + " WHERE id > 0"])


KINDS: dict[str, tuple[Callable[[Workspace], object], str]] = {
    "cut": (cut, "is damaged"),
    "overwritten": (overwrite, "is damaged"),
    "reference": (orphan, "names a row of"),
    "weights": (
        lambda w: (w.models / "policy-job1" / "weights").write_bytes(b"v" * 500),
        "no longer holds the files",
    ),
    "model gone": (lambda w: (w.models / "policy-job1").rename(w.folder / "away"), "is gone"),
    "nobody's": (lambda w: (w.models / "policy-job9").mkdir(0o700), "belongs to no model"),
    "half": (lambda w: (w.models / ".writing-policy-job9").mkdir(0o700), "half-written"),
    "pipe": (lambda w: (w.database.unlink(), os.mkfifo(w.database, 0o600)), "is no regular file"),
    "backup": (lambda w: (w.backups / ".writing-rankloop-1").mkdir(0o700, parents=True), "was broken off"),
    "copy": (lambda w: (w.folder / "feedback.db.writing-77").touch(0o600), "before an upgrade that was broken off"),
    "open": (lambda w: w.folder.chmod(0o755), "other accounts"),
}


def test_a_sound_workspace_has_no_problem(workspace: Workspace) -> None:
    assert list(soundness.problems(workspace)) == []
    assert soundness.repair(workspace) == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_damage_is_found_alone_with_a_remedy(workspace: Workspace, kind: str) -> None:
    hurt, words = KINDS[kind]
    hurt(workspace)
    found = list(soundness.problems(workspace))
    assert any(words in problem.what for problem in found), found
    assert all(problem.remedy and "\n" not in problem.what + problem.remedy for problem in found)
    assert all(words in problem.what for problem in found) or kind == "model gone", found


def test_what_is_safe_is_mended_and_nothing_else(workspace: Workspace) -> None:
    for kind in ("half", "open", "nobody's", "weights"):
        KINDS[kind][0](workspace)
    assert len(soundness.repair(workspace)) == 2
    left = [problem.what for problem in soundness.problems(workspace)]
    assert len(left) == 2
    assert any("belongs to no model" in what for what in left)
    assert any("no longer holds" in what for what in left)
