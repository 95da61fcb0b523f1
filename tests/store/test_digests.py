"""What the files of a model were, and folders that appear whole or not at all."""

import os
import shutil
from pathlib import Path

import pytest

from store.digests import digest, verify
from store.errors import BadInput
from store.records import Model
from store.workspace import Workspace, appearing


def filled(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_a_digest_is_of_names_and_bytes_and_of_nothing_else(tmp_path: Path) -> None:
    one = digest(filled(tmp_path / "a", config="{}", weights="12"))
    assert one == digest(filled(tmp_path / "b" / "c", weights="12", config="{}"))
    assert len(one) == 64
    os.utime(tmp_path / "a" / "config", (1, 1))
    assert digest(tmp_path / "a") == one
    others = (
        {"config": "{}", "weights": "13"},
        {"config": "{}", "weight": "12"},
        {"config": "{}1", "weights": "2"},
        {"config": "{}", "weights": "12", "more": ""},
        {"config": "{}"},
        {},
    )
    made = {digest(filled(tmp_path / f"other-{n}", **files)) for n, files in enumerate(others)}
    assert len({one, *made}) == 1 + len(others)
    (filled(tmp_path / "deep", config="{}") / "inside").mkdir()
    (tmp_path / "deep" / "inside" / "weights").write_text("12")
    assert digest(tmp_path / "deep") not in {one, *made}


def test_a_model_is_verified_against_what_was_stored(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    folder = filled(workspace.models / "policy-job3", weights="12")
    model = Model("policy-1", "policy", "tiny", path="models/policy-job3", digest=digest(folder))
    assert verify(workspace, model)
    assert not verify(workspace, Model("old", "policy", "tiny", path="models/policy-job3"))  # nobody can tell
    assert not verify(workspace, Model("base", "policy", "tiny"))
    (folder / "weights").write_text("13")
    with pytest.raises(
        BadInput, match=r"models/policy-job3 no longer holds the files .* for policy-1: put them back"
    ):
        verify(workspace, model)
    shutil.rmtree(folder)
    with pytest.raises(BadInput, match="with the weights of policy-1 is gone: put it back"):
        verify(workspace, model)


def test_a_folder_appears_whole_and_takes_the_place_of_what_a_killed_process_left(tmp_path: Path) -> None:
    folder, beside = (
        filled(tmp_path / "models" / "policy-job3", left="x"),
        tmp_path / "models" / ".writing-policy-job3",
    )
    filled(beside, half="y")
    with appearing(folder, beside) as empty:
        assert list(empty.iterdir()) == []
        (empty / "weights").write_text("12")
        assert not (folder / "weights").exists()
    assert [p.name for p in folder.iterdir()] == ["weights"]
    assert [p.name for p in folder.parent.iterdir()] == ["policy-job3"]


def test_if_writing_fails_nothing_appears_and_nothing_is_left(tmp_path: Path) -> None:
    folder, beside = tmp_path / "models" / "policy-job3", tmp_path / "models" / ".writing-policy-job3"
    with pytest.raises(OSError, match="full"), appearing(folder, beside) as empty:  # noqa: PT012 - what is tried
        (empty / "weights").write_text("12")
        raise OSError("the disk is full")
    assert list(folder.parent.iterdir()) == []


def test_the_files_are_on_disk_before_the_folder_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut after the rename finds the files whole, and one after the record finds the rename."""
    did: list[str] = []
    places: dict[int, str] = {}
    really_open, replace = os.open, os.replace

    def opened(path: Path, flags: int) -> int:
        handle = really_open(path, flags)
        places[handle] = Path(path).name
        return handle

    def replaced(source: Path, target: Path) -> None:
        did.append("renamed")
        replace(source, target)

    monkeypatch.setattr("store.workspace.os.open", opened)
    monkeypatch.setattr("store.workspace.os.fsync", lambda handle: did.append(places[handle]))
    monkeypatch.setattr("store.workspace.os.replace", replaced)
    with appearing(tmp_path / "models" / "policy-job3", tmp_path / "models" / "beside") as empty:
        (empty / "weights").write_text("12")
        (empty / "config").write_text("{}")
    assert (set(did[:2]), did[2:]) == ({"weights", "config"}, ["beside", "renamed", "models"])
