"""`check`, `backup` and `restore` as they are typed: what they print, and their exit status."""

import json
from pathlib import Path
from typing import Any

import pytest

import launch
from store.workspace import create

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return create(tmp_path / "workspace", "").folder


def told(capsys: Capture, *argv: object) -> tuple[int, dict[str, Any]]:
    status = launch.main([*map(str, argv), "--json"])
    out, err = capsys.readouterr()
    return status, json.loads(out) if out else {"error": err}


@pytest.mark.parametrize(
    ("toml", "what"),
    [
        ("= 3", "is not valid TOML"),
        ("[model]\nbase_modle = 'tiny'", "base_modle"),
        ("[model]\nbase_model = '/nowhere/model'", "There is no folder /nowhere/model"),
    ],
)
def test_settings_that_cannot_be_used_are_said_once(workspace: Path, capsys: Capture, toml: str, what: str) -> None:
    (workspace / "workspace.toml").write_text(toml)
    status, said = told(capsys, "check", "--workspace", workspace)
    assert (status, said["sound"], len(said["problems"])) == (1, False, 1)
    assert what in said["problems"][0]["what"]
    assert said["problems"][0]["remedy"]
    (workspace / "workspace.toml").write_text("")
    assert told(capsys, "check", "--workspace", workspace) == (0, {"sound": True, "problems": [], "repaired": []})


def test_back_and_forth(workspace: Path, tmp_path: Path, capsys: Capture) -> None:
    status, made = told(capsys, "backup", "--to", tmp_path / "kept", "--workspace", workspace)
    assert (status, made["rankings"], made["verified"]) == (0, 0, True)
    status, back = told(capsys, "restore", made["folder"], "--workspace", tmp_path / "again")
    assert (status, back["folder"]) == (0, str(tmp_path / "again"))
    assert told(capsys, "check", "--workspace", tmp_path / "again")[0] == 0
    status, said = told(capsys, "restore", made["folder"], "--workspace", tmp_path / "again")
    assert status == 2
    assert "is a workspace already" in said["error"]
