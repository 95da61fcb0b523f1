"""The pages /admin and /account: who may do what there, what it does, and what is shown only once."""

import html
import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from annotate.security import COOKIE
from store import acts, annotators, people, sessions, tokens
from store.records import Role
from store.workspace import Workspace
from tests.annotate.test_hostile import assert_escaped_once, attack

SignIn = Callable[[str, Role], TestClient]
SECRET = "correct horse"
ACTS = ("invite", "revoke", "role", "reset", "disable", "enable", "sign-out", "token", "revoke-token")


@pytest.fixture
def boss(sign_in: SignIn, workspace: Workspace) -> TestClient:
    """An admin who has a password and is signed in, beside an annotator, Kim."""
    with workspace.store() as db:
        people.add(db, "Kim", "annotator", annotators.hashed(SECRET), "me")
    client = sign_in("Boss", "admin")
    with workspace.store() as db, db.conn:
        db.execute("UPDATE annotators SET password_hash = (SELECT password_hash FROM annotators WHERE name = 'Kim')")
    return client


def shown_once(text: str) -> str:
    (found,) = re.findall(r"<code>(.*?)</code>", text)
    return html.unescape(found)


@pytest.mark.parametrize("role", [None, "annotator", "researcher"])
def test_nobody_but_an_admin_gets_there(
    client: TestClient, sign_in: SignIn, workspace: Workspace, role: Role | None
) -> None:
    if role:
        sign_in("Eva", role)
    assert client.get("/admin/").headers["location"] == ("/" if role else "/login")
    for act in ACTS:
        answer = client.post(f"/admin/{act}", data={"name": "Eva", "role": "admin", "uses": "1", "days": "1"})
        assert answer.status_code == (403 if role else 401)
    with workspace.store() as db:
        assert acts.recent(db, 9) == []
        assert all(person.role != "admin" for person in people.every(db))
        assert sessions.invitations(db) == []


def test_no_other_site_makes_an_admin_act(boss: TestClient, workspace: Workspace) -> None:
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        for act in ACTS:
            assert boss.post(f"/admin/{act}", data={"name": "Kim"}, headers=headers).status_code == 403
        assert boss.post("/account/password", data={"old": SECRET}, headers=headers).status_code == 403
    with workspace.store() as db:
        assert [act.act for act in acts.recent(db, 9)] == ["add"]


def test_an_admin_looks_after_people(boss: TestClient, workspace: Workspace) -> None:
    def state() -> tuple[str, str]:
        with workspace.store() as db:
            (kim,) = [person for person in people.every(db) if person.name == "Kim"]
        return kim.role, kim.state

    link = shown_once(boss.post("/admin/invite", data={"role": "researcher", "uses": "2", "days": "3"}).text)
    base, _, token = link.partition("/join?token=")
    assert base == "http://testserver"
    with workspace.store() as db:
        assert sessions.invited_role(db, token) == "researcher"
        (invitation,) = sessions.invitations(db)
        assert (invitation.uses, invitation.by) == (2, "Boss")
    assert token not in boss.get("/admin/").text
    assert boss.post("/admin/revoke", data={"number": invitation.id}).headers["location"] == "/admin/"
    with workspace.store() as db:
        assert sessions.invited_role(db, token) is None
        cookie = sessions.open_session(db, "Kim")
    boss.post("/admin/role", data={"name": "Kim", "role": "researcher"})
    assert state() == ("researcher", "active")
    password = shown_once(boss.post("/admin/reset", data={"name": "Kim"}).text)
    boss.post("/admin/disable", data={"name": "Kim"})
    assert state() == ("researcher", "disabled")
    boss.post("/admin/enable", data={"name": "Kim"})
    with workspace.store() as db:
        assert sessions.of_session(db, cookie) is None
        assert annotators.verify(db, "Kim", password)
        assert annotators.verify(db, "Kim", SECRET) is None
        log = [(act.by, act.act) for act in acts.recent(db, 9)]
    done = ["enable", "disable", "reset", "role", "revoke", "invite"]
    assert log == [("Boss", act) for act in done] + [("me", "add")]
    page = boss.get("/admin/").text
    assert all(act in page for act in done)
    assert password not in page


def test_what_is_refused_stands_on_the_page_and_changes_nothing(boss: TestClient, workspace: Workspace) -> None:
    for act, sent, said in (
        ("disable", {"name": "Boss"}, "Boss is the last admin"),
        ("role", {"name": "Boss", "role": "annotator"}, "Boss is the last admin"),
        ("role", {"name": "Kim", "role": "owner"}, "There is no role of that name"),
        ("disable", {"name": "Nobody"}, "There is no annotator"),
        ("explode", {"name": "Kim"}, "does nothing of that name"),
        ("revoke", {"number": "7"}, "There is no open invitation 7"),
        ("revoke", {"number": str(2**63)}, "whole number"),
        ("token", {"name": "Kim", "scopes": ["rank", "train"]}, "gives no scope train"),
        ("token", {"name": "Kim"}, "without a scope opens nothing"),
        ("token", {"name": "Kim", "scopes": ["rank", "all"]}, "no scope of that name"),
        ("token", {"name": "Nobody", "scopes": ["rank"]}, "There is no account"),
        ("revoke-token", {"number": "1"}, "There is no open token 1"),
        ("invite", {"role": "admin", "uses": "0", "days": "7"}, "whole number from 1 to 1000"),
        ("invite", {"role": "admin", "uses": "NaN", "days": "7"}, "whole number from 1 to 1000"),
        ("invite", {"role": "admin", "uses": "1", "days": "9" * 400}, "whole number from 1 to 90"),
    ):
        answer = boss.post(f"/admin/{act}", data=sent)
        assert 400 <= answer.status_code < 500, act
        assert said in html.unescape(answer.text), act
    with workspace.store() as db:
        assert [act.act for act in acts.recent(db, 9)] == ["add"]


def test_a_token_is_shown_once_and_opens_until_it_is_revoked(boss: TestClient, workspace: Workspace) -> None:
    token = shown_once(boss.post("/admin/token", data={"name": "Kim", "scopes": ["rank"]}).text)
    headers = {"Authorization": f"Bearer {token}"}
    assert boss.get("/api/v1/me", headers=headers).json() == {"name": "Kim", "role": "annotator", "scopes": ["rank"]}
    listed = boss.get("/admin/").text
    assert ("Token 1" in listed, token in listed) == (True, False)
    assert boss.post("/admin/revoke-token", data={"number": "1"}).headers["location"] == "/admin/"
    assert boss.get("/api/v1/me", headers=headers).status_code == 401
    with workspace.store() as db:
        assert [(a.by, a.act, a.whom) for a in acts.recent(db, 2)] == [
            ("Boss", "revoke-token", "token 1"),
            ("Boss", "token", "Kim"),
        ]


def test_no_text_writes_html_on_the_page_of_people(boss: TestClient, workspace: Workspace) -> None:
    with workspace.store() as db:
        people.add(db, attack("name"), "annotator", annotators.hashed(SECRET), attack("by"))
        sessions.invite(db, "annotator", by=attack("inviter"))
        people.set_role(db, attack("name"), "researcher", "Boss")
        tokens.make(db, attack("name"), ["read"], attack("maker"))
    assert_escaped_once(boss.get("/admin/").text, "name", "by", "inviter", "maker")
    assert_escaped_once(boss.post("/admin/reset", data={"name": attack("name")}).text, "name")


def test_everybody_changes_their_own_password_and_nobody_guesses_the_old_one(
    boss: TestClient, workspace: Workspace
) -> None:
    here = boss.cookies[COOKIE]
    with workspace.store() as db:
        there = sessions.open_session(db, "Boss")
    assert 'href="../account/"' in boss.get("/admin/").text
    for old, new, said in (
        ("wrong horse", "another horse", "is another one"),
        (SECRET, "password1", "guessers try first"),
        (SECRET, "short", "at least 8 characters"),
    ):
        answer = boss.post("/account/password", data={"old": old, "new": new})
        assert answer.status_code == 400
        assert said in answer.text
    assert "is changed" in boss.post("/account/password", data={"old": SECRET, "new": "another horse"}).text
    with workspace.store() as db:
        assert annotators.verify(db, "Boss", "another horse")
        assert sessions.of_session(db, here)
        assert sessions.of_session(db, there) is None
    guesses = [{"old": f"guess {n}", "new": "a new one"} for n in range(6)]
    codes = [boss.post("/account/password", data=guess).status_code for guess in guesses]
    assert codes == [400] * 5 + [429]
