"""The page /inbox and its panel: what annotators said reaches a researcher, who decides."""

import html
import re
from collections.abc import Callable

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate import queue
from annotate.panels.inbox import inbox
from store import prompts, rankings, tasks, voices
from store.records import Role
from store.workspace import Workspace
from tests.annotate.test_hostile import assert_escaped_once, attack

SignIn = Callable[[str, Role], TestClient]


def said(db: Database) -> dict[str, int]:
    """Ada flags, skips and comments, each of one prompt; the numbers of the three."""
    made = {}
    for kind in ("flag", "skip", "comment"):
        task = queue.next_task(db, "ada")
        assert task
        act = {"flag": queue.flag, "skip": queue.skip}.get(kind)
        lease, words = str(task.lease), attack(kind)
        made[kind] = (
            act(db, "ada", lease, comment=words)
            if act
            else queue.submit(db, "ada", lease, [1, 2, 3, 4], comment=words)
        ).id
    return made


def listed(text: str) -> list[int]:
    return [int(number) for number in re.findall(r'<li id="said-(\d+)">', text)]


def test_only_researchers_read_and_decide(sign_in: SignIn, db: Database) -> None:
    flag = said(db)["flag"]
    client = sign_in("Eva", "annotator")
    assert client.get("/inbox/").headers["location"] == "/"
    assert client.post("/inbox/decide", data={"number": str(flag), "decision": "put back"}).status_code == 403
    rosa = sign_in("Rosa", "researcher")
    evil = {"origin": "http://evil.example"}
    form = {"number": str(flag), "decision": "put back"}
    assert rosa.post("/inbox/decide", data=form, headers=evil).status_code == 403
    assert prompts.held(db)


def test_what_was_said_is_listed_filtered_and_decided(sign_in: SignIn, db: Database) -> None:
    made = said(db)
    rosa = sign_in("Rosa", "researcher")
    whole = rosa.get("/inbox/").text
    assert listed(whole) == list(made.values())
    for words in made:
        assert_escaped_once(whole, words)
    for kind, number in made.items():
        assert listed(rosa.get("/inbox/", params={"kind": kind}).text) == [number]
    assert listed(rosa.get("/inbox/", params={"person": "bo"}).text) == []
    assert listed(rosa.get("/inbox/", params={"state": "decided"}).text) == []
    prompt = rankings.get(db, made["flag"]).prompt_id
    tasks.add(db, [tasks.get(db, rankings.get(db, made["flag"]).task_id)])  # a twin
    assert prompt not in {tasks.get(db, task).prompt_id for task in tasks.free_for(db, "bo", 9)}
    # As the button sends it: its form, and the query of the list.
    action = html.unescape(re.findall(r'action="(decide\?[^"]*)"', whole)[0])
    done = rosa.post(f"/inbox/{action}", data={"number": str(made["flag"]), "decision": "put back"})
    assert (done.status_code, done.headers["location"].partition("?")[0]) == (303, "/inbox/")
    assert prompt in {tasks.get(db, task).prompt_id for task in tasks.free_for(db, "bo", 9)}
    assert listed(rosa.get(done.headers["location"]).text) == [made["skip"], made["comment"]]
    assert "put back by Rosa" in rosa.get("/inbox/?state=decided").text
    assert rosa.post("/inbox/decide", data={"number": str(made["skip"]), "decision": "taken out"}).status_code == 303
    assert [p.id for p in prompts.taken_out(db)] == [rankings.get(db, made["skip"]).prompt_id]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"number": "1", "decision": "burn"}, 400),
        ({"number": "1"}, 400),
        ({"decision": "read"}, 404),
        ({"number": str(2**63), "decision": "read"}, 404),
        ({"number": "٣", "decision": "read"}, 404),
        ({"number": "FLAG", "decision": "read"}, 400),
    ],
)
def test_a_form_made_by_hand_is_refused_in_words(
    sign_in: SignIn, db: Database, form: dict[str, str], status: int
) -> None:
    flag = said(db)["flag"]
    answer = sign_in("Rosa", "researcher").post(
        "/inbox/decide", data={key: value.replace("FLAG", str(flag)) for key, value in form.items()}
    )
    assert (answer.status_code, 'role="alert"' in answer.text) == (status, True)
    assert voices.open_ones(db) == {"flag": 1, "skip": 1, "comment": 1}


def test_the_panel_says_what_is_open_and_what_is_held_back(db: Database, workspace: Workspace) -> None:
    assert "nobody has flagged" in inbox(db)
    made = said(db)
    shown = inbox(db)
    assert "1 flag, 1 prompt held back until you decide; 1 skip; 1 comment" in shown
    for words in made:
        assert_escaped_once(shown, words)
    voices.decide(db, [made["flag"]], "put back", "rosa")
    voices.decide(db, [made["skip"], made["comment"]], "read", "rosa")
    assert "all is decided" in inbox(db)
