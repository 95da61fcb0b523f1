"""Who can read a workspace: its owner alone, or a team's group, whatever the umask says."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import annotators, permissions, sessions
from store.errors import BadInput
from store.workspace import Workspace, claimed, create


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(workspace: Workspace) -> dict[str, int]:
    found = [workspace.folder, *workspace.folder.rglob("*")]
    return {str(path.relative_to(workspace.folder)): stat.S_IMODE(path.stat().st_mode) for path in found}


def used(folder: Path) -> Workspace:
    """A workspace after some use, with its logs beside the store and a model."""
    workspace = create(folder, "")
    with permissions.guarded(folder), workspace.store() as db:
        annotators.ensure(db, "ada")
        (workspace.models / "policy-job1").mkdir()
        (workspace.models / "policy-job1" / "weights").write_text("w")
        assert {"feedback.db-wal", "feedback.db-shm"} <= {p.name for p in folder.iterdir()}
        for name, mode in modes(workspace).items():
            assert mode == (0o700 if (folder / name).is_dir() else 0o600), f"{name} has {mode:o}"
    return workspace


def test_nobody_else_can_read_anything_of_a_workspace(tmp_path: Path, umask: None) -> None:
    workspace = used(tmp_path / "workspace")
    assert not permissions.exposed(workspace.folder)
    assert not permissions.loose(workspace.folder)


def test_a_team_shares_by_its_group_and_nobody_beyond(tmp_path: Path, umask: None) -> None:
    workspace = used(tmp_path / "workspace")
    permissions.give(workspace.folder, permissions.TEAM)
    with permissions.guarded(workspace.folder), workspace.store() as db:
        annotators.ensure(db, "bo")
        (workspace.runs / "job-1.log").write_text("")
        for name, mode in modes(workspace).items():
            assert mode & 0o777 == (0o770 if (workspace.folder / name).is_dir() else 0o660), f"{name} has {mode:o}"
    assert stat.S_IMODE(workspace.folder.stat().st_mode) & stat.S_ISGID
    assert not permissions.loose(workspace.folder)


def test_what_others_can_read_is_found_and_tightened(tmp_path: Path) -> None:
    workspace = used(tmp_path / "workspace")
    workspace.folder.chmod(0o755)
    (workspace.folder / "workspace.toml").chmod(0o644)
    (workspace.folder / "notes.txt").write_text("somebody's own")
    (workspace.folder / "notes.txt").chmod(0o644)
    assert permissions.exposed(workspace.folder)
    found = permissions.loose(workspace.folder)
    assert [p.name for p in found] == ["workspace", "workspace.toml"]
    assert permissions.tighten(found, workspace.folder) == []
    assert not permissions.loose(workspace.folder)
    assert stat.S_IMODE((workspace.folder / "notes.txt").stat().st_mode) == 0o644


def test_each_start_tells_the_same_link_until_it_has_nearly_ended(tmp_path: Path) -> None:
    workspace = create(tmp_path / "workspace", "")
    with workspace.store() as db:
        first = sessions.standing_invitation(db, workspace.invitation)
        assert sessions.standing_invitation(db, workspace.invitation) == first
        assert sessions.invited_role(db, first) == "annotator"
        assert stat.S_IMODE(workspace.invitation.stat().st_mode) == 0o600
        with db.conn:
            db.execute("UPDATE invitations SET expires = expires - ?", [sessions.INVITATION_SECONDS - 3600])
        second = sessions.standing_invitation(db, workspace.invitation)
        assert second != first
        assert sessions.invited_role(db, first) == "annotator"  # good until its end
        assert workspace.invitation.read_text() == second
        assert second not in "".join(map(str, db.query("SELECT * FROM invitations")))


def test_the_link_of_the_first_admin_is_void_when_another_is_told(tmp_path: Path) -> None:
    workspace = create(tmp_path / "workspace", "")
    with workspace.store() as db:
        first, second = sessions.invite_first_admin(db), sessions.invite_first_admin(db)
        assert (sessions.invited_role(db, first), sessions.invited_role(db, second)) == (None, "admin")


def test_two_who_make_one_workspace_at_once_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    with claimed(folder), pytest.raises(BadInput, match="Another process is making a workspace"), claimed(folder):
        pass
    assert not folder.exists() or not any(folder.iterdir())
