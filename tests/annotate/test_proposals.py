"""Proposed prompts on the research page: what is shown, and who may accept or refuse what."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate.panels.proposals import MOST, proposals
from store import prompts
from store.records import Role
from store.workspace import Workspace

SignIn = Callable[[str, Role], TestClient]
Act = Callable[..., str]


def propose(db: Database, *texts: str) -> list[int]:
    made = [prompts.make([{"role": "user", "content": text}], source="expanded:policy-2") for text in texts]
    return prompts.add(db, [replace(prompt, waiting=True) for prompt in made])


def waits(workspace: Workspace) -> set[int]:
    with workspace.store() as db:
        return {prompt.id for prompt in prompts.waiting(db)}


def test_without_any_there_is_no_panel(db: Database) -> None:
    assert proposals(db) == ""


def test_the_first_are_shown_as_text_and_the_others_counted(db: Database) -> None:
    ids = propose(db, "<b>What</b> could I & you do?", *(f"Question {n}, please?" for n in range(MOST + 2)))
    panel = proposals(db)
    assert "&lt;b&gt;What&lt;/b&gt; could I &amp; you do?" in panel
    assert "expanded:policy-2" in panel
    shown = [one for one in ids if f'data-accept="{one}"' in panel]
    assert shown == ids[:MOST]
    assert f'data-refuse="{" ".join(map(str, ids[:MOST]))}"' in panel
    assert "3 more prompts" in panel


@pytest.mark.parametrize("role", ["researcher", "admin"])
@pytest.mark.parametrize("accept", [True, False])
def test_a_researcher_accepts_or_refuses(
    sign_in: SignIn, act: Act, workspace: Workspace, db: Database, role: Role, accept: bool
) -> None:
    one, two, three = propose(db, "One of these?", "Two of these?", "Three of these?")
    client = sign_in("Rosa", role)
    before = prompts.count(db)
    assert act(client, "decide", accept=accept, prompts=[one, three]) == ""
    assert "Two of these?" in proposals(db)
    assert "One of these?" not in proposals(db)
    assert waits(workspace) == {two}
    assert prompts.count(db) == before + 2 * accept
    assert {p.id for p in prompts.taken_out(db)} == (set() if accept else {one, three})
    assert act(client, "decide", accept=not accept, prompts=[one, two]) == ""  # the first stays as it was decided
    assert waits(workspace) == set()
    assert {p.id for p in prompts.taken_out(db)} == ({two} if accept else {one, three})


@pytest.mark.parametrize(
    "sent",
    [{}, {"prompts": []}, {"prompts": "1"}, {"prompts": [0]}, {"prompts": [True]}, {"prompts": [10**30]}],
)
def test_what_names_no_prompt_changes_nothing(
    sign_in: SignIn, act: Act, workspace: Workspace, db: Database, sent: dict[str, Any]
) -> None:
    ids = propose(db, "One of these?")
    assert "No prompt was named" in act(sign_in("Rosa", "researcher"), "decide", accept=True, **sent)
    assert waits(workspace) == set(ids)


def test_an_annotator_decides_nothing(sign_in: SignIn, workspace: Workspace, db: Database) -> None:
    ids = propose(db, "One of these?")
    answer = sign_in("Eva", "annotator").post("/api/decide", json={"accept": True, "prompts": ids})
    assert answer.status_code == 403
    assert waits(workspace) == set(ids)
