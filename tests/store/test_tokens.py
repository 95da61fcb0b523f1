"""Tokens: what opens what, for how long, and that the file holds none of them."""

from collections.abc import Callable

import pytest
from sqlite_utils import Database

from store import acts, annotators, people, tokens
from store.errors import BadInput, NotFound
from store.records import Scope


def opens(db: Database, token: str) -> tuple[str, set[Scope]] | None:
    known = tokens.owner_of(db, token)
    return (known[0].name, set(known[1])) if known else None


@pytest.fixture
def eva(db: Database) -> str:
    people.add(db, "boss", "admin", "x", "me")
    return people.add(db, "eva", "researcher", "x", "me")


def test_a_token_acts_as_its_owner_within_its_scopes_until_it_is_revoked(db: Database, eva: str) -> None:
    number, token = tokens.make(db, eva, ["rank", "read", "rank"], "boss")
    _, other = tokens.make(db, eva, ["train"], "boss")
    assert opens(db, token) == (eva, {"read", "rank"})
    assert [(t.id, t.annotator, t.scopes, t.by) for t in tokens.every(db)] == [
        (number, eva, ("read", "rank"), "boss"),
        (number + 1, eva, ("train",), "boss"),
    ]
    for wrong in ("", token[:-1], token + "x", token.upper(), "\ud800"):
        assert opens(db, wrong) is None
    tokens.revoke(db, number, "boss")
    assert (opens(db, token), opens(db, other)) == (None, (eva, {"train"}))
    with pytest.raises(NotFound, match="no open token 1"):
        tokens.revoke(db, number, "boss")
    assert [(a.act, a.whom, a.detail) for a in acts.recent(db, 3)] == [
        ("revoke-token", "token 1", ""),
        ("token", "eva", "token 2, train"),
        ("token", "eva", "token 1, read rank"),
    ]


def test_the_file_holds_no_token_and_no_two_are_alike(db: Database, eva: str) -> None:
    made = [tokens.make(db, eva, ["read"], "boss")[1] for _ in range(3)]
    assert len(set(made)) == 3
    assert all(token.startswith("rankloop_") and len(token) == 9 + 43 for token in made)  # 32 bytes in base 64
    dumped = "\n".join(db.conn.iterdump())
    assert not any(token[9:] in dumped for token in made)


def test_a_role_bounds_what_a_token_may_do_when_it_is_made_and_when_it_is_used(db: Database, eva: str) -> None:
    for scope in ("read", "write", "train"):
        with pytest.raises(BadInput, match=f"annotator of ada gives no scope {scope}"):
            tokens.make(db, "ada", [scope, "rank"], "boss")
    with pytest.raises(BadInput, match="without a scope opens nothing"):
        tokens.make(db, "ada", [], "boss")
    _, token = tokens.make(db, eva, ["read", "rank", "write", "train"], "boss")
    for role, scopes in (("annotator", {"rank"}), ("admin", {"read", "rank", "write", "train"})):
        people.set_role(db, eva, role, "boss")  # type: ignore[arg-type]
        assert opens(db, token) == (eva, scopes)


@pytest.mark.parametrize(
    "close", [lambda db: people.disable(db, "eva", "boss"), lambda db: db.execute("UPDATE annotators SET active = 0")]
)
def test_the_tokens_of_a_closed_account_are_dead(db: Database, eva: str, close: Callable[[Database], None]) -> None:
    _, token = tokens.make(db, eva, ["read"], "boss")
    close(db)
    assert opens(db, token) is None
    with pytest.raises(BadInput, match="eva is disabled"):
        tokens.make(db, eva, ["read"], "boss")


def test_who_is_disabled_and_let_in_again_needs_a_new_token(db: Database, eva: str) -> None:
    _, token = tokens.make(db, eva, ["read"], "boss")
    people.disable(db, eva, "boss")
    people.enable(db, eva, "boss")
    assert opens(db, token) is None


def test_nobody_acts_as_one_who_is_no_person(db: Database) -> None:
    annotators.ensure(db, "simulated:1")
    with pytest.raises(BadInput, match="is no person"):
        tokens.make(db, "simulated:1", ["rank"], "boss")
    with pytest.raises(NotFound):
        tokens.make(db, "nobody", ["rank"], "boss")


def test_that_it_was_used_is_noted_to_the_minute(db: Database, eva: str) -> None:
    _, token = tokens.make(db, eva, ["read"], "boss")
    assert tokens.every(db)[0].used is None
    opens(db, token)
    first = tokens.every(db)[0].used
    assert first is not None
    changes = db.conn.total_changes
    opens(db, token)
    assert db.conn.total_changes == changes
    db.execute("UPDATE tokens SET used = '2026-01-01T00:00:00.000Z'")
    opens(db, token)
    assert tokens.every(db)[0].used >= first  # type: ignore[operator]
