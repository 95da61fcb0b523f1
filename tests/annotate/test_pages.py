"""The handlers behind the two pages, called as the browser calls them."""

import html
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from annotate import app
from store import annotators, jobs, prompts, rankings, responses, tasks
from store.errors import BadInput
from store.records import Role
from store.workspace import Workspace

SignIn = Callable[[str, Role], TestClient]
Call = Callable[..., Any]
Act = Callable[..., str]
Answer = Callable[..., dict[str, Any]]


@pytest.fixture
def answer(call: Call) -> Answer:
    """What the board gets back for what it sends."""

    def answered(client: TestClient, **event: Any) -> dict[str, Any]:
        (view,) = call(client, "/annotate", "answer", event)
        return view

    return answered


def test_a_ranking_is_stored_and_the_next_task_comes(
    call: Call, answer: Answer, sign_in: SignIn, workspace: Workspace
) -> None:
    client = sign_in("Ada", "annotator")
    (view,) = call(client, "/annotate", "load")
    lease = view["task"]["lease"]
    after = answer(client, nonce="1", action="rank", lease=lease, levels=[1, 2, 2, 3], seconds=4, comment="")
    assert after["answer"] == {"nonce": "1", "stored": True, "message": ""}
    assert after["task"]["lease"] != lease
    assert after["progress"]["today"] == 1
    again = answer(client, nonce="2", action="rank", lease=lease, levels=[3, 2, 2, 1], seconds=4, comment="")
    assert again["answer"]["stored"]
    assert again["task"]["lease"] == after["task"]["lease"]
    with workspace.store() as db:
        (stored,) = rankings.current(db)
    assert stored.annotator == "Ada"
    assert sorted(stored.levels.values()) == [1, 2, 2, 3]


def test_who_ranks_a_prompt_that_was_taken_out_is_told_and_goes_on(
    call: Call, answer: Answer, sign_in: SignIn, workspace: Workspace
) -> None:
    client = sign_in("Ada", "annotator")
    (view,) = call(client, "/annotate", "load")
    lease = view["task"]["lease"]
    with workspace.store() as db:
        prompts.remove(db, [tasks.held_by(db, "Ada").prompt_id])  # type: ignore[union-attr]
    after = answer(client, nonce="1", action="rank", lease=lease, levels=[1, 2, 3, 4], seconds=4, comment="")
    assert after["answer"]["stored"]
    assert after["answer"]["message"] == (
        "Saved. This prompt was taken out meanwhile: what you said counts if it is put back."
    )
    assert after["task"]["lease"] != lease


@pytest.mark.parametrize(
    "event",
    [
        {"action": "rank", "levels": [1, 2]},
        {"action": "rank", "levels": "1234"},
        {"action": "rank", "levels": [1, 2, 3, True]},
        {"action": "rank", "levels": [1, 2, 3, 9]},
        {"action": "rank"},
        {"action": "drop"},
        {},
    ],
)
def test_a_broken_answer_is_told_and_keeps_the_task(
    call: Call, answer: Answer, sign_in: SignIn, workspace: Workspace, event: dict[str, Any]
) -> None:
    client = sign_in("Ada", "annotator")
    (view,) = call(client, "/annotate", "load")
    after = answer(client, nonce="1", lease=view["task"]["lease"], **event)
    assert after["answer"]["message"].startswith("Not saved.")
    assert after["task"] == view["task"]
    with workspace.store() as db:
        assert rankings.count(db) == 0


def test_a_skip_is_not_revised_by_a_request_made_by_hand(
    call: Call, answer: Answer, sign_in: SignIn, workspace: Workspace
) -> None:
    """The page offers only what can be changed, but anybody can send the number of a skip that others have by now."""
    client = sign_in("Ada", "annotator")
    (view,) = call(client, "/annotate", "load")
    assert answer(client, nonce="1", action="skip", lease=view["task"]["lease"])["answer"]["stored"]
    with workspace.store() as db:
        (skip,) = rankings.of_annotator(db, "Ada")
        annotators.ensure(db, "Bo")
        tasks.lease(db, skip.task_id, "Bo", tasks.get(db, skip.task_id).response_ids)
    after = answer(client, nonce="2", action="revise", ranking=skip.id, levels=[1, 2, 3, 4])
    assert (after["answer"]["stored"], "You skipped this" in after["answer"]["message"]) == (False, True)
    with workspace.store() as db:
        assert rankings.of_annotator(db, "Ada") == [skip]


def test_another_persons_lease_is_refused_on_the_page(
    call: Call, answer: Answer, sign_in: SignIn, workspace: Workspace
) -> None:
    (view,) = call(sign_in("Ada", "annotator"), "/annotate", "load")
    client = sign_in("Bo", "annotator")
    after = answer(client, nonce="1", action="rank", lease=view["task"]["lease"], levels=[1, 2, 3, 4])
    assert "no longer yours" in after["answer"]["message"]
    assert after["task"]["lease"] != view["task"]["lease"]
    with workspace.store() as db:
        assert rankings.count(db) == 0


def test_a_taken_port_is_one_clear_line(workspace: Workspace) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadInput, match=r"Cannot listen on 127\.0\.0\.1:\d+ .*choose another --port"):
            app.serve(workspace, port=taken.getsockname()[1])


def test_the_guideline_can_be_set(call: Call, sign_in: SignIn, workspace: Workspace) -> None:
    (workspace.folder / "workspace.toml").write_text('[annotate]\nguideline = "Shorter is better."\n')
    (view,) = call(sign_in("Ada", "annotator"), "/annotate", "load")
    assert view["guideline"] == "Shorter is better."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("annotate = 3", "annotate is a table of settings, not 3: write [annotate] above its keys."),
        ("[annotate]\nguidline = 'x'", "There is no setting annotate.guidline: did you mean guideline?"),
        ("[ppo]\nsteps = 0", "ppo.steps is 0: it must be at least 1."),
        ("[annotate", "is not valid TOML"),
    ],
)
def test_a_hurt_workspace_toml_is_named_to_researchers_and_stops_no_annotator(
    call: Call, act: Act, sign_in: SignIn, workspace: Workspace, text: str, said: str
) -> None:
    (workspace.folder / "workspace.toml").write_text("[annotate]\nguideline = 'Shorter is better.'\n")
    rosa = sign_in("Rosa", "researcher")
    assert call(rosa, "/annotate", "load")[0]["guideline"] == "Shorter is better."
    assert "workspace.toml" not in call(rosa, "/research", "header")[0]
    (workspace.folder / "workspace.toml").write_text(text)
    view = call(rosa, "/annotate", "load")[0]
    assert (view["guideline"], view["task"] is not None) == ("Shorter is better.", True)
    assert said in html.unescape(call(rosa, "/research", "header")[0])
    assert said in act(rosa, "press", kind="rate")
    with workspace.store() as db:
        assert jobs.recent(db) == []


def test_a_name_cannot_write_html(call: Call, sign_in: SignIn, workspace: Workspace) -> None:
    (header,) = call(sign_in("<img src=x onerror=alert(1)>", "annotator"), "/annotate", "header")
    assert "<img" not in header
    with workspace.store() as db:
        assert annotators.every(db)


def test_an_answer_of_ones_own_is_stored_and_the_task_stays(
    call: Call, answer: Answer, sign_in: SignIn, workspace: Workspace
) -> None:
    client = sign_in("Ada", "annotator")
    (view,) = call(client, "/annotate", "load")
    lease = view["task"]["lease"]
    assert view["write"] is True
    after = answer(client, nonce="1", action="write", lease=lease, text=" Mine\n ", comment="")
    assert after["answer"] == {"nonce": "1", "stored": True, "written": True, "message": ""}
    assert (after["task"]["lease"], after["task"]["responses"], after["write"]) == (
        lease,
        view["task"]["responses"],
        False,
    )
    ranked = answer(client, nonce="2", action="rank", lease=lease, levels=[1, 2, 2, 3], seconds=4, comment="")
    assert ranked["answer"]["stored"]
    assert ranked["write"] is True  # for the next task
    with workspace.store() as db:
        (own,) = [r for r in responses.every(db) if r.annotator]
        assert (own.text, own.annotator, own.model_id) == ("Mine", "Ada", None)
        first, second = rankings.current(db)
    assert (sorted(first.levels.values()), sorted(second.levels.values())) == ([1, 2, 2, 2, 2], [1, 2, 2, 3])
    earlier = answer(client, nonce="3", action="previous", ranking=0)
    assert earlier["task"]["revises"] == second.id
    assert earlier["write"] is False


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"text": " "}, "empty"),
        ({"text": "a\0b"}, "NUL"),
        ({"text": ["a"]}, "no text"),
        ({}, "empty"),
        ({"text": "a", "lease": "guessed"}, "no longer yours"),
    ],
)
def test_what_is_no_answer_is_not_saved_and_the_board_hears_why(
    call: Call, answer: Answer, sign_in: SignIn, workspace: Workspace, sent: dict[str, Any], words: str
) -> None:
    client = sign_in("Ada", "annotator")
    (view,) = call(client, "/annotate", "load")
    after = answer(client, **{"nonce": "1", "action": "write", "lease": view["task"]["lease"], **sent})
    assert not after["answer"]["stored"]
    assert after["answer"]["message"].startswith("Not saved. ")
    assert words in after["answer"]["message"]
    assert after["write"] is True
    with workspace.store() as db:
        assert rankings.current(db) == []


def test_where_writing_is_switched_off_it_is_neither_offered_nor_taken(
    call: Call, answer: Answer, sign_in: SignIn, workspace: Workspace
) -> None:
    (workspace.folder / "workspace.toml").write_text("[annotate]\nbetter_answers = false\n")
    client = sign_in("Ada", "annotator")
    (view,) = call(client, "/annotate", "load")
    assert view["write"] is False
    after = answer(client, nonce="1", action="write", lease=view["task"]["lease"], text="Mine")
    assert "switched off" in after["answer"]["message"]
    with workspace.store() as db:
        assert rankings.current(db) == []
