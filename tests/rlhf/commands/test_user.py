"""`user` as it is typed: what it prints lets people in, and a refusal changes nothing."""

from pathlib import Path

import pytest

from store import annotators, people, sessions, tokens
from tests.rlhf.commands.test_imports import Capture, Typed


@pytest.fixture
def typed(tmp_path: Path, capsys: Capture) -> Typed:
    return Typed(tmp_path / "workspace", capsys)


def password(told: dict[str, object], name: str) -> str:
    (found,) = [row["password"] for row in told["people"] if row["name"] == name]  # type: ignore[attr-defined]
    return str(found)


def test_what_it_prints_lets_people_in(typed: Typed) -> None:
    first = password(typed("user", "add", "Boss", "--role", "admin"), "Boss")
    link = typed("user", "invite", "--role", "researcher", "--uses", "2", "--days", "3")["link"]
    base, _, token = link.partition("/join?token=")
    assert base == "http://127.0.0.1:7860"
    toml = typed.workspace.folder / "workspace.toml"
    toml.write_text(f'{toml.read_text()}\n[serve]\nurl = "https://rank.example.org/team/"\n')
    assert typed("user", "invite")["link"].startswith("https://rank.example.org/team/join?token=")
    with typed.workspace.store() as db:
        assert annotators.verify(db, "Boss", first)
        assert sessions.accept(db, token, "Rosa", "correct horse").role == "researcher"
        assert sessions.accept(db, token, "Remy", "correct horse").role == "researcher"
        assert sessions.invited_role(db, token) is None
        open_session = sessions.open_session(db, "Boss")
    again = password(typed("user", "reset", "Boss"), "Boss")
    with typed.workspace.store() as db:
        assert annotators.verify(db, "Boss", first) is None
        assert annotators.verify(db, "Boss", again)
        assert sessions.of_session(db, open_session) is None
    listed = typed("user", "list")
    assert [(p["name"], p["role"], p["state"]) for p in listed["people"]] == [
        ("Boss", "admin", "active"),
        ("Remy", "researcher", "active"),
        ("Rosa", "researcher", "active"),
    ]
    assert [(i["id"], i["role"], i["uses_left"]) for i in listed["invitations"]] == [(2, "annotator", 1)]
    assert typed("user", "revoke", "2")["invitations"] == ["2"]
    assert typed("user", "list")["invitations"] == []
    log = typed("user", "log")["log"]
    assert [line["act"] for line in log] == ["revoke", "reset", "join", "join", "invite", "invite", "add"]
    assert {line["by"].partition(" ")[2] for line in log if line["act"] != "join"} == {"(command line)"}
    assert first not in str(log)


def test_a_token_that_it_prints_opens_what_it_says(typed: Typed) -> None:
    typed("user", "add", "Rosa", "--role", "researcher")
    typed("user", "add", "Ada")
    made = typed("user", "token", " Rosa ", "--scopes", "read", "rank")
    assert (made["id"], made["name"], made["scopes"]) == (1, "Rosa", ["read", "rank"])
    for argv, said in (
        (("token", "Ada", "--scopes", "read"), "annotator of Ada gives no scope read"),
        (("token", "Ada"), "without a scope opens nothing"),
        (("token", "Ada", "Rosa", "--scopes", "rank"), "2 are named: name one"),
        (("token",), "was given 0 names"),
        (("token", "Ada", "--scopes", "all"), "--scopes is 'all', choose one of read, rank, write, train"),
        (("list", "--scopes", "rank"), "--scopes is for `user token`"),
        (("revoke-token", "Ada"), "'Ada' is no number of an invitation or token"),
        (("revoke-token", "7"), "There is no open token 7"),
    ):
        assert said in typed("user", *argv)["refused"], argv
    with typed.workspace.store() as db:
        owner, scopes = tokens.owner_of(db, made["token"]) or (None, None)
        assert (owner and owner.name, scopes) == ("Rosa", {"read", "rank"})
    listed = typed("user", "list")["tokens"]
    assert [(token["id"], token["annotator"], token["scopes"]) for token in listed] == [(1, "Rosa", ["read", "rank"])]
    assert made["token"] not in typed.plain("user", "list")
    assert typed("user", "revoke-token", "1")["tokens"] == ["1"]
    with typed.workspace.store() as db:
        assert tokens.owner_of(db, made["token"]) is None


def test_of_several_all_are_changed_or_none(typed: Typed) -> None:
    typed("user", "add", "Boss", "--role", "admin")
    typed("user", "add", "Ada", "Bo")
    for argv, said in (
        (("disable", "Ada", "Boss"), "Boss is the last admin"),
        (("disable", "Ada", "Nobody"), "There is no account 'Nobody'"),
        (("role", "Ada"), "`user role` needs --role"),
        (("role", "Ada", "Boss", "--role", "researcher"), "Boss is the last admin"),
        (("add", "Cy", "Ada"), "is taken"),
        (("disable",), "was given 0 names"),
        (("revoke", "Ada"), "'Ada' is no number of an invitation"),
        (("revoke", "9" * 19), "is no number of an invitation"),
        (("revoke", "7"), "There is no open invitation 7"),
        (("invite", "Cy"), "takes no names"),
        (("list", "--role", "admin"), "--role is for add, invite, role"),
        (("add", "Cy", "--uses", "2"), "--uses is for `user invite`"),
        (("invite", "--days", "0"), "it must be at least 1"),
    ):
        assert said in typed("user", *argv)["refused"], argv
    with typed.workspace.store() as db:
        assert [(p.name, p.role, p.state) for p in people.every(db)] == [
            ("Ada", "annotator", "active"),
            ("Bo", "annotator", "active"),
            ("Boss", "admin", "active"),
        ]
    assert typed("user", "disable", " Ada ", "Bo")["people"] == ["Ada", "Bo"]
    assert typed("user", "enable", "Ada")["people"] == ["Ada"]
