"""Accounts, sessions that end, invitations that work once."""

import threading
import time

import pytest
from sqlite_utils import Database

from store import annotators, sessions
from store.errors import BadInput, NotFound
from store.workspace import Workspace

SECRET = "correct horse"


def test_passwords_are_checked_and_never_stored(db: Database) -> None:
    annotators.add(db, "  dee ", "researcher", SECRET)
    dee = annotators.verify(db, "dee", SECRET)
    assert dee is not None
    assert (dee.name, dee.role) == ("dee", "researcher")
    for name, password in (("dee", "correct hors"), ("nobody", SECRET), ("ada", ""), ("dee", "")):
        assert annotators.verify(db, name, password) is None
    assert SECRET not in "".join(db.conn.iterdump())
    with db.conn:
        db.execute("UPDATE annotators SET active = 0 WHERE name = 'dee'")
    assert annotators.verify(db, "dee", SECRET) is None


@pytest.mark.parametrize(
    ("name", "password"),
    [("", SECRET), ("  ", SECRET), ("x" * 81, SECRET), ("new", "short"), ("ada", SECRET)],
)
def test_a_bad_account_is_refused(db: Database, name: str, password: str) -> None:
    before = annotators.every(db)
    with pytest.raises(BadInput):
        annotators.add(db, name, "annotator", password)
    assert annotators.every(db) == before


@pytest.mark.parametrize("name", ["simulated:me", " simulated:me", "Simulated:me"])
def test_no_person_signs_up_as_a_simulated_annotator(db: Database, name: str) -> None:
    with pytest.raises(BadInput, match="simulated annotators"):
        sessions.accept(db, sessions.invite(db, "annotator"), name, SECRET)


def test_a_session_ends(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    token = sessions.open_session(db, "ada")
    signed_in = sessions.of_session(db, token)
    assert signed_in is not None
    assert signed_in.name == "ada"
    assert token not in "".join(db.conn.iterdump())
    assert sessions.of_session(db, token + "x") is None
    later = time.time() + sessions.SESSION_SECONDS + 1
    with monkeypatch.context() as clock:
        clock.setattr(time, "time", lambda: later)
        assert sessions.of_session(db, token) is None
        sessions.open_session(db, "bo")  # sweeps what has ended
    assert db["sessions"].count == 1


def test_signing_out_and_disabling_end_a_session(db: Database) -> None:
    first, second = sessions.open_session(db, "ada"), sessions.open_session(db, "ada")
    sessions.close_session(db, first)
    assert sessions.of_session(db, first) is None
    assert sessions.of_session(db, second) is not None
    with db.conn:
        db.execute("UPDATE annotators SET active = 0")
    assert sessions.of_session(db, second) is None


def test_an_invitation_works_once(db: Database) -> None:
    token = sessions.invite(db, "admin")
    assert sessions.invited_role(db, token) == "admin"
    with pytest.raises(BadInput):
        sessions.accept(db, token, "ada", SECRET)  # taken: the invitation is not used up
    assert sessions.accept(db, token, "eve", SECRET).role == "admin"
    assert sessions.invited_role(db, token) is None
    with pytest.raises(BadInput, match="used or has expired"):
        sessions.accept(db, token, "mallory", SECRET)
    with pytest.raises(NotFound):
        annotators.get(db, "mallory")


def test_an_invitation_expires_and_an_open_one_serves_many(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    token = sessions.invite(db, "annotator", uses=None)
    for name in ("p1", "p2", "p3"):
        sessions.accept(db, token, name, SECRET)
    later = time.time() + sessions.INVITATION_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert sessions.invited_role(db, token) is None


def test_an_invitation_used_by_many_at_once_lets_one_in(workspace: Workspace) -> None:
    with workspace.store() as db:
        token = sessions.invite(db, "annotator")
    start, outcomes = threading.Barrier(5), []

    def join(number: int) -> None:
        with workspace.store() as mine:
            start.wait()
            try:
                outcomes.append(sessions.accept(mine, token, f"p{number}", SECRET).name)
            except BadInput:
                outcomes.append("")

    threads = [threading.Thread(target=join, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 5
    assert sum(map(bool, outcomes)) == 1


@pytest.mark.parametrize("letter", ["\0", "\n", "\x1b", "\x7f", "\u202e", "\u200b", "\u2028"])
def test_a_name_has_nothing_that_is_not_seen(db: Database, letter: str) -> None:
    with pytest.raises(BadInput, match=rf"U\+{ord(letter):04X}"):
        annotators.add(db, f"a{letter}b", "annotator", SECRET)


def test_a_name_has_one_form_however_it_is_typed(db: Database) -> None:
    assert annotators.add(db, "Rene\u0301", "annotator", SECRET).name == "Ren\u00e9"
    with pytest.raises(BadInput, match="taken"):
        annotators.add(db, "Ren\u00e9", "annotator", SECRET)
    for typed in ("Rene\u0301", "Ren\u00e9", " Rene\u0301 "):
        assert annotators.verify(db, typed, SECRET)
    assert annotators.add(db, "\u0646\u0627\u0645\u200c\u0647\u0627", "annotator").name  # a joiner belongs to it


def test_who_joined_an_earlier_version_under_another_form_still_signs_in(db: Database) -> None:
    made = annotators.add(db, "Ren\u00e9", "annotator", SECRET)
    with db.conn:
        db.execute("UPDATE annotators SET name = ? WHERE name = ?", ["Rene\u0301", made.name])
    person = annotators.verify(db, "Rene\u0301", SECRET)
    assert person is not None
    assert person.name == "Rene\u0301"


TAKEN = "Ada Lov\u00e9 10"


@pytest.mark.parametrize(
    "typed",
    [
        "ada lov\u00e9 10",
        "ADA LOV\u00c9 10",
        "Ada  Lov\u00e9\u00a010",  # two blanks, and one that does not break
        "\u0410da Lov\u00e9 10",  # Cyrillic A
        "Ad\u03b1 Lov\u00e9 10",  # Greek alpha
        "Ada Lov\u00e9 lO",  # small L and capital o
        "\uff21da Lov\u00e9 10",  # a full-width A
    ],
)
def test_nobody_takes_a_name_that_reads_like_anothers(db: Database, typed: str) -> None:
    annotators.add(db, TAKEN)
    with pytest.raises(BadInput, match=r"taken|looks like"):
        annotators.add(db, typed)
    assert sum(person.name not in ("ada", "bo", "cy") for person in annotators.every(db)) == 1


def test_names_that_differ_are_let_in(db: Database) -> None:
    for name in (
        "Ida",
        "Gail",
        "Gall",
        "Анна",
        "Anna",
        "Вера",
        "Εύα",
        "Rene",
        "René",
        "李雷",
        "\u0646\u0627\u0645\u200c\u0647\u0627",
    ):
        assert annotators.add(db, name).name == name
    for name in ("lda", "ВЕРА", "BEPA", "GAIL"):
        with pytest.raises(BadInput, match="looks like"):
            annotators.add(db, name)


@pytest.mark.parametrize("letter", ["\u200d", "\u200c", "\u2066", "\u3164", "\ufe0f", "\u034f", "\ue000", "\ud800"])
def test_no_joiner_in_latin_and_nothing_that_draws_nothing(db: Database, letter: str) -> None:
    with pytest.raises(BadInput, match=r"no invisible characters such as U\+"):
        annotators.add(db, f"ad{letter}a")


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PassWord1",
        "12345678",
        "        ",
        "aaaaaaaa",
        "abababab",
        "ada lovelace",
        "AdaLovelace1!",
        "short",
    ],
)
def test_a_password_that_is_guessed_first_is_refused(db: Database, password: str) -> None:
    with pytest.raises(BadInput):
        annotators.add(db, "Ada Lovelace", "annotator", password)


def test_the_common_passwords_are_long_enough_to_matter() -> None:
    assert len(annotators._common()) > 200
    assert all(len(word) >= annotators.MIN_PASSWORD and word == word.casefold() for word in annotators._common())


def test_one_link_makes_only_so_many_accounts_an_hour(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotators, "hashed", lambda password: "scrypt$00$00")
    token, other = (sessions.invite(db, "annotator", uses=None) for _ in range(2))
    for number in range(sessions.ACCOUNTS_AN_HOUR):
        sessions.accept(db, token, f"script {number}", SECRET)
    with pytest.raises(BadInput, match="30 accounts were made with this link"):
        sessions.accept(db, token, "one more", SECRET)
    assert sessions.accept(db, other, "one more", SECRET)
    later = time.time() + sessions.HOUR + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert sessions.accept(db, token, "next hour", SECRET)


def test_the_standing_link_ends_after_so_many_accounts(workspace: Workspace) -> None:
    with workspace.store() as db:
        first = sessions.standing_invitation(db, workspace.invitation)
        assert sessions.standing_invitation(db, workspace.invitation) == first
        (standing,) = sessions.invitations(db)
        assert (standing.uses, standing.uses_left) == (200, 200)
        db.execute("UPDATE invitations SET uses_left = 0")
        db.conn.commit()
        assert sessions.standing_invitation(db, workspace.invitation) != first
