"""The folder: made whole or not at all, and its settings read with a reason when they cannot be."""

from pathlib import Path

import pytest

from store import models, prompts, summary
from store.errors import BadInput, NotFound
from store.records import Model
from store.workspace import Workspace, create


def test_a_workspace_is_made_once(tmp_path: Path) -> None:
    made = create(tmp_path / "a" / "b", '[model]\nbase_model = "Grüße"\n')
    assert sorted(p.name for p in made.folder.iterdir()) == ["feedback.db", "models", "runs", "workspace.toml"]
    assert made.settings() == {"model": {"base_model": "Grüße"}}
    with pytest.raises(BadInput, match="already"):
        create(made.folder, "")
    assert made.settings() == {"model": {"base_model": "Grüße"}}


def test_settings_written_by_hand_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "workspace.toml").write_text("[ppo]\nsteps = 3\n")
    with pytest.raises(BadInput, match="already"):
        create(tmp_path, "")
    assert Workspace(tmp_path).settings() == {"ppo": {"steps": 3}}
    assert not Workspace(tmp_path).database.exists()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(BadInput, match="cannot be written"):
            create(folder, "")
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("content", [b"[ppo\n", b"a = ", b"a = 1\na = 2", b"\xff\xfe", b"x = nope"])
def test_broken_toml_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "workspace.toml").write_bytes(content)
    with pytest.raises(BadInput, match=r"workspace\.toml is not valid TOML"):
        Workspace(tmp_path).settings()


def test_no_workspace_names_the_command_that_makes_one(tmp_path: Path) -> None:
    assert Workspace(tmp_path).settings() == {}
    with pytest.raises(NotFound, match=r"launch\.py init --workspace"), Workspace(tmp_path).store():
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_next_step_follows_what_is_there(tmp_path: Path) -> None:
    made = create(tmp_path / "w", "")
    with made.store() as db:
        assert "import FILE" in summary.next_step(db, 1)
        models.add(db, Model("base", "policy", "tiny"))
        prompts.add(db, [prompts.make([{"role": "user", "content": "Hi"}], source="t")])
        assert "generate" in summary.next_step(db, 1)
        told = summary.summary(db, 1)
    assert (told["prompts"], told["responses"], told["rankings"], told["open_tasks"]) == (1, 0, 0, 0)
    assert [m["name"] for m in told["models"]] == ["base"]


def test_lineage_runs_up_to_the_base(tmp_path: Path) -> None:
    with create(tmp_path / "w", "").store() as db:
        parent = None
        for name in ("base", "policy-1", "policy-2"):
            parent = models.add(db, Model(name, "policy", "tiny", parent, metrics={"kl": len(name) / 8}))
        assert [m.name for m in models.lineage(db, parent or 0)] == ["policy-2", "policy-1", "base"]
        newest = models.latest(db, "policy")
        assert newest is not None
        assert (newest.name, newest.metrics) == ("policy-2", {"kl": 1.0})
        assert models.latest(db, "reward") is None
        with pytest.raises(NotFound, match="base, policy-1, policy-2"):
            models.named(db, "policy-9")
