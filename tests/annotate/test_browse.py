"""Prompts to look through, and tables to download: what is shown, to whom, and every text as text."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate.panels.browse import PAGE, browse
from store import dumps, models, prompts, rankings, responses, scores, sessions
from store.dumps import DUMPS
from store.records import Model, Rating, Response, Role
from store.workspace import Workspace
from tests.annotate.test_hostile import ATTACK, assert_escaped_once, attack

SignIn = Callable[[str, Role], TestClient]
BASE = "hidden-model-0"


def test_a_prompt_with_its_responses_scores_and_rankings(db: Database, rated: Callable[..., Rating]) -> None:
    rated(db, {"disputed": [{"prompt_id": 1, "disputed": 0.625, "rankings": 5}]})
    html = browse(db, {"state": "disputed"})
    assert "to train on" in html or "held out" in html
    assert "4 responses · 1 ranking · two people differ on 62% of pairs" in html
    ids = [response.id for response in responses.of_prompt(db, 1)]
    assert [int(number) for number in re.findall(r'href="../why/(\d+)"', html)] == ids  # best first
    assert f'<b>Elo 1100</b> ± 41 <small><a href="../why/{ids[0]}">{BASE}, response {ids[0]}</a>' in html
    (ranking,) = rankings.current(db)
    assert f'<a href="../why/ranking/{ranking.id}">Ranking {ranking.id}</a> by cy: ' in html
    assert " &gt; ".join(map(str, ids)) in html
    assert browse(db, {"state": "open"}).count("<details") == 2
    assert "No prompt was found." in browse(db, {"q": "nothing like this"})


def test_two_versions_stand_side_by_side_on_the_prompts_that_both_answered(db: Database) -> None:
    newest = models.add(db, Model("policy-2", "policy", "tiny", 1))
    responses.add(db, [Response(2, newest, "the new answer", 0, {}, "stop")])
    html = browse(db, {"a": BASE, "b": "policy-2"})
    assert html.count("<details") == html.count(" open>") == 1
    left, right = re.findall(r"<h4>(.*?)</h4><ol>(.*?)</ol>", html, re.DOTALL)
    assert (left[0], right[0]) == (BASE, "policy-2")
    assert ("the new answer" in left[1], "the new answer" in right[1]) == (False, True)
    assert left[1].count("<li>") == 4
    assert browse(db, {"a": "no such version"}).count("<details") == 3


def test_pages_keep_what_was_sought(db: Database) -> None:
    turns = [[{"role": "user", "content": f"About ferns & moss, {n}"}] for n in range(2 * PAGE + 1)]
    prompts.add(db, [prompts.make(turn, source="t", split="train") for turn in turns])
    html = browse(db, {"q": "ferns & moss", "page": "2"})
    assert f"{2 * PAGE + 1} prompts, page 2 of 3" in html
    assert re.findall(r'data-go="([^"]*)"', html) == [f"/prompts?q=ferns+%26+moss&amp;page={page}" for page in (1, 3)]
    assert "page 1 of 3" in browse(db, {"q": "ferns", "page": "0"})
    for page in ("-1", "x", "9" * 5000, "²", "1e3"):
        assert "prompts" in browse(db, {"q": "ferns", "page": page})


def test_no_text_writes_html(db: Database, rated: Callable[..., Rating]) -> None:
    models.add(db, Model(attack("version"), "policy", "tiny", 1))
    turn = {"role": "user", "content": attack("prompt")}
    (prompt,) = prompts.add(db, [prompts.make([turn], source=attack("source"), split="train")])
    with db.conn:
        db.execute("UPDATE responses SET text = ?, prompt_id = ?, model_id = 2", [attack("response"), prompt])
    html = browse(db, {"q": attack("prompt"), "source": attack("source")})
    assert_escaped_once(html, "version", "prompt", "source", "response")


@pytest.fixture
def full(db: Database, rated: Callable[..., Rating]) -> Database:
    """Scores of two ratings, and a response that a spreadsheet would take for a formula."""
    first = rated(db, {})
    with db.conn:
        db.execute("UPDATE responses SET text = ? WHERE id = 1", ['=HYPERLINK("x"), "quoted"\n' + ATTACK])
    scores.save(db, Rating("elo", {}, {}, first.last_ranking_id), [(1, 900.0, None, 1)])
    return db


def test_each_table_comes_whole_in_both_forms(
    full: Database, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = dumps.batch
    monkeypatch.setattr("annotate.downloads.batch", lambda db, table, after: whole(db, table, after, limit=5))
    client = sign_in("Rosa", "researcher")
    for table, dump in DUMPS.items():
        jsonl = client.get(f"/download/{table}.jsonl")
        got = [json.loads(line) for line in jsonl.text.splitlines()]
        (of,) = full.execute(f"SELECT count(*) FROM {table} WHERE {dump.where}").fetchone()
        assert len(got) == of
        assert all(tuple(row) == dump.columns for row in got)
        answer = client.get(f"/download/{table}.csv")
        head, *rows = csv.reader(io.StringIO(answer.text, newline=""))
        assert tuple(head) == dump.columns
        assert len(rows) == of
        assert answer.headers["content-disposition"] == f'attachment; filename="{table}.csv"'
        assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    first = json.loads(client.get("/download/responses.jsonl").text.splitlines()[0])
    assert first["text"] == responses.of_prompt(full, 1)[0].text
    assert first["sampling"] == {} or isinstance(first["sampling"], dict)
    assert len(client.get("/download/scores.jsonl").text.splitlines()) == 1
    for wrong in ("annotators.csv", "sessions.csv", "prompts.xml", "prompts", ".csv"):
        assert client.get(f"/download/{wrong}").status_code == 404


def test_only_researchers_download_and_nothing_lets_anybody_in(
    full: Database, sign_in: SignIn, client: TestClient, workspace: Workspace
) -> None:
    assert client.get("/download/prompts.csv").headers["location"] == "/login"
    assert sign_in("ann", "annotator").get("/download/prompts.csv").status_code == 403
    with workspace.store() as db:
        secret: Any = sessions.open_session(db, "ann")
    rosa = sign_in("Rosa", "admin")
    for table in DUMPS:
        assert secret not in rosa.get(f"/download/{table}.jsonl").text
