"""What an admin does to accounts: whoever it hits is signed out, an admin stays, and the log says all of it."""

import sqlite3
from collections.abc import Callable

import pytest
from sqlite_utils import Database

from store import acts, annotators, people, sessions
from store.errors import BadInput, NotFound, Refused

SECRET = "correct horse"
HASH = annotators.hashed(SECRET)


@pytest.fixture
def boss(db: Database) -> str:
    return people.add(db, "boss", "admin", HASH, "me")


@pytest.mark.parametrize(
    "change",
    [
        lambda db: people.disable(db, "kim", "boss"),
        lambda db: people.set_role(db, "kim", "researcher", "boss"),
        lambda db: people.reset(db, "kim", HASH, "boss"),
        lambda db: people.sign_out(db, "kim", "boss"),
    ],
    ids=["disable", "role", "reset", "sign-out"],
)
def test_whoever_it_hits_is_signed_out_and_nobody_else(db: Database, boss: str, change: Callable[..., None]) -> None:
    people.add(db, "kim", "annotator", HASH, "me")
    tokens = [sessions.open_session(db, name) for name in ("kim", "kim", boss)]
    change(db)
    people.enable(db, "kim", "boss")  # a session that was only hidden would be back
    assert [getattr(sessions.of_session(db, token), "name", None) for token in tokens] == [None, None, boss]


def test_the_last_admin_stays_one(db: Database, boss: str) -> None:
    people.add(db, "spare", "admin", HASH, "me")
    people.disable(db, "spare", "me")
    annotators.add(db, "keyless", "admin")  # nobody can sign in as this one
    for change in (lambda: people.disable(db, boss, "me"), lambda: people.set_role(db, boss, "annotator", "me")):
        with pytest.raises(Refused, match="boss is the last admin"):
            change()
    assert annotators.get(db, boss).active
    people.set_role(db, boss, "admin", "me")  # no change, and no demotion
    people.enable(db, "spare", "me")
    people.disable(db, boss, "me")
    assert annotators.verify(db, boss, SECRET) is None
    with pytest.raises(Refused, match="spare is the last admin"):
        people.disable(db, "spare", "me")


def test_every_act_is_in_the_log_and_stays_there(db: Database, boss: str) -> None:
    before = len(acts.recent(db, 99))
    token = sessions.invite(db, "annotator", by=boss)
    (number,) = [each.id for each in sessions.invitations(db)]
    sessions.accept(db, token, "kim", SECRET)
    people.set_role(db, "kim", "researcher", boss)
    with pytest.raises(Refused):
        people.disable(db, boss, boss)
    with pytest.raises(NotFound):
        people.enable(db, "nobody", boss)
    sessions.invite(db, "admin", by=boss)
    sessions.revoke(db, number + 1, boss)
    lines = [(act.by, act.act, act.whom, act.detail) for act in acts.recent(db, 99)]
    assert lines[: len(lines) - before] == [
        (boss, "revoke", f"invitation {number + 1}", ""),
        (boss, "invite", f"invitation {number + 1}", "admin, once"),
        (boss, "role", "kim", "annotator to researcher"),
        ("kim", "join", "kim", f"annotator, by invitation {number}"),
        (boss, "invite", f"invitation {number}", "annotator, once"),
    ]
    assert SECRET not in str(lines)
    assert token not in str(lines)
    for statement in ("UPDATE acts SET by = 'x'", "DELETE FROM acts"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(statement)


def test_links_for_admins_are_void_once_there_is_an_admin(db: Database) -> None:
    old = [sessions.invite(db, "admin") for _ in range(2)]
    other = sessions.invite(db, "researcher")
    sessions.accept(db, old[0], "boss", SECRET)
    assert [sessions.invited_role(db, token) for token in (*old, other)] == [None, None, "researcher"]
    wanted = [sessions.invite(db, "admin", by="boss") for _ in range(2)]  # an admin may invite more of them
    sessions.accept(db, wanted[0], "boss 2", SECRET)
    assert sessions.invited_role(db, wanted[1]) == "admin"


def test_a_revoked_link_makes_no_account_and_a_number_is_never_used_again(db: Database) -> None:
    token = sessions.invite(db, "annotator", uses=3)
    sessions.accept(db, token, "kim", SECRET)
    (open_one,) = sessions.invitations(db)
    assert (open_one.uses, open_one.uses_left, open_one.role) == (3, 2, "annotator")
    sessions.revoke(db, open_one.id, "me")
    with pytest.raises(BadInput, match="used or has expired"):
        sessions.accept(db, token, "dee", SECRET)
    with pytest.raises(NotFound):
        sessions.revoke(db, open_one.id, "me")
    assert annotators.get(db, "kim").active
    sessions.invite(db, "annotator")
    assert [each.id for each in sessions.invitations(db)] == [open_one.id + 1]


def test_ones_own_password_needs_the_old_one_and_ends_the_other_sessions(db: Database, boss: str) -> None:
    here, there = sessions.open_session(db, boss), sessions.open_session(db, boss)
    for old, new in (("wrong horse", "another horse"), (SECRET, "short")):
        with pytest.raises(BadInput):
            people.change_password(db, boss, old, new, here)
        assert annotators.verify(db, boss, SECRET)
    people.change_password(db, boss, SECRET, "another horse", here)
    assert annotators.verify(db, boss, SECRET) is None
    assert annotators.verify(db, boss, "another horse")
    assert [bool(sessions.of_session(db, token)) for token in (here, there)] == [True, False]


def test_who_is_listed(db: Database, boss: str) -> None:
    annotators.ensure(db, "simulated:0")
    sessions.open_session(db, boss)
    listed = {person.name: person for person in people.every(db)}
    assert "simulated:0" not in listed
    assert (listed[boss].state, listed[boss].sessions, listed["ada"].state) == ("active", 1, "no password")
    assert (listed[boss].seen or "") >= listed[boss].created
    assert listed["ada"].seen is None
    people.add(db, "kim", "admin", HASH, "me")
    people.disable(db, boss, "me")
    assert {p.name: p.state for p in people.every(db)}[boss] == "disabled"
