"""A text that attacks, in every place where models and people can write one, comes out escaped exactly once."""

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from markupsafe import Markup
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate.dashboard import PANELS
from annotate.own import own_figures
from annotate.panels.jobs import notice
from store import annotators, jobs, models, prompts, rankings, rounds, scores, sessions, tasks
from store.records import Model, PairAgreement, Rating, Role, Round
from store.results import AnswerFigures, BestOfN, Evaluation, PolicyEvaluation, as_json
from store.workspace import Workspace

SignIn = Callable[[str, Role], TestClient]
ATTACK = "<img src=x onerror=alert(1)>\"'&"


def attack(field: str) -> str:
    """The attack as the text of one field, so that a field that is shown nowhere is noticed."""
    return f"{ATTACK}{field};"


class Read(HTMLParser):
    """What a browser makes of HTML: its tags, and every text that it shows, those of attributes included."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts = ""
        self.feed(str(html))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.texts += "".join(f"\n{value}\n" for _, value in attrs)

    def handle_data(self, data: str) -> None:
        self.texts += data


def assert_escaped_once(html: str, *fields: str) -> None:
    """All that the browser shows of the attacks is their very text; each field is among them."""
    read = Read(html)
    assert not {"img", "script"} & read.tags
    assert not {name for name in read.attributes if name.startswith("on")}
    # Not escaped: a tag, so no text. Escaped twice: a text with `&lt;`. Either way fewer attacks than were written.
    assert read.texts.count(ATTACK) == html.count("onerror")
    assert "&amp;lt;" not in html
    for field in fields:
        assert attack(field) in read.texts, field


def evaluation() -> Evaluation:
    """An evaluation in which every name attacks."""
    answers = AnswerFigures(attack("baseline"), 0.1, 2.0, 26.0, 1.0, 0.7, 0.01, 0.7)
    best = tuple(BestOfN(n, 0.5, 0.4, 0.6, 0.1, 2.0, 0.1) for n in (1, 2))
    version = PolicyEvaluation(
        attack("version"), 0.5, 3.0, 28.0, 1.0, 0.7, 0.0, 0.8, 0.7, 0.6, 0.8, 0.7, 9, 2.0, 0.1, best
    )
    return Evaluation(
        attack("baseline"),
        attack("judge"),
        attack("reward"),
        9,
        2,
        1.0,
        answers,
        (version,),
        {},
        (attack("caution"),),
    )


@pytest.fixture
def attacked(
    db: Database, rated: Callable[..., Rating], line: Callable[..., Any], board: Callable[..., Any]
) -> Database:
    """A store in which every text that a model, a person or a job can write attacks."""
    base = models.add(db, Model(attack("parent"), "policy", attack("base"), None, None, None, {}))
    newest = models.add(
        db, Model(attack("model"), "policy", "tiny", base, None, None, {attack("measure"): attack("measured")})
    )
    models.promote(db, newest, attack("promoter"), {})
    (prompt,) = prompts.add(
        db, [prompts.make([{"role": "user", "content": attack("prompt")}], source="t", split="train")]
    )
    turn = {"role": "user", "content": attack("proposal")}
    prompts.add(db, [replace(prompts.make([turn], source=attack("source")), waiting=True)])
    with db.conn:
        db.execute("UPDATE responses SET text = ?, model_id = ?, prompt_id = ?", [attack("response"), newest, prompt])
    running, failed, done = (jobs.enqueue(db, attack("kind")) for _ in range(3))
    jobs.claim(db, 1, running)
    jobs.report(db, running, 0.5, attack("note"))
    jobs.log(db, running, 0, {attack("curve"): 0.5})
    jobs.claim(db, 1, failed)
    jobs.fail(db, failed, attack("error"))
    jobs.finish(db, done, {attack("result"): attack("value")})
    evaluated = jobs.enqueue(db, "evaluate")
    jobs.finish(db, evaluated, as_json(evaluation()))
    compared = {"winner": attack("model"), "share": 0.6, "low": 0.55, "high": 0.7, "prompts": 3}
    challenge = {"against": attack("rival"), **compared}
    metrics = {
        "alpha": 0.2,
        "by_annotator": [line(attack("annotator"), tau=0.1), line("ada", tau=0.2, rankings=30)],
        "disputed": [{"prompt_id": prompt, "disputed": 1.0, "rankings": 2}],
        "leaderboard": board("hidden-model-0", attack("model"), judges=attack("judge"), challenge=challenge),
    }
    rated(db, metrics, pairs=(PairAgreement(attack("annotator"), "ada", 0.1, 3),))
    annotators.ensure(db, attack("annotator"))
    task = tasks.lease(db, 2, attack("annotator"), tasks.get(db, 2).response_ids)
    order = dict.fromkeys(task.response_ids, 1)
    rankings.submit(db, str(task.lease), attack("annotator"), order, comment=attack("comment"))
    with db.conn:
        db.execute("UPDATE prompts SET messages = (SELECT messages FROM prompts WHERE id = ?) WHERE id = 2", [prompt])
    rounds.add(db, Round(1, scores.require_latest(db).id, base, newest, {"policy": attack("policy")}))
    return db


SHOWN = {
    "counts": (),
    "rounds": ("policy",),
    "versions": ("model", "parent", "rival", "judge", "promoter"),
    "proposals": ("proposal", "source"),
    "inbox": ("annotator", "comment", "prompt"),
    "evaluation": ("baseline", "version", "judge", "reward", "caution"),
    "curves": ("kind", "curve"),
    "annotators": ("annotator", "prompt", "response", "model"),
    "lineage": ("model", "parent", "base", "measure", "measured"),
    "notice": (),
    "quick": (),
    "jobs": ("kind", "note", "error", "result", "value"),
}
"""What each panel shows of the texts above. A new panel has to be named here."""


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_no_panel_lets_a_text_write_html(attacked: Database, panel: Any) -> None:
    html = panel.render(attacked)
    assert isinstance(html, Markup)
    assert_escaped_once(html, *SHOWN[panel.name])


def test_many_annotators_and_ones_own_figures_stay_text(
    attacked: Database, rated: Callable[..., Rating], line: Callable[..., Any]
) -> None:
    assert_escaped_once(notice(attacked, [attack("kind")]), "kind")
    assert isinstance(own_figures(attacked, "ada"), Markup)
    assert_escaped_once(own_figures(attacked, "ada"))
    many = [line(attack("annotator")), *(line(f"person {i}") for i in range(20))]
    scores.save(
        attacked,
        Rating("davidson", {}, {"by_annotator": many}, scores.require_latest(attacked).last_ranking_id),
        [],
        (PairAgreement(attack("annotator"), "ada", -0.5, 9),),
    )
    (annotators,) = (panel for panel in PANELS if panel.name == "annotators")
    html = annotators.render(attacked)
    assert "Who agrees least" in html
    assert Read(html).texts.count(attack("annotator")) == 3  # the person's line, its title, and the pair
    assert_escaped_once(html)


def test_the_ranking_page_shows_texts_as_they_are(
    sign_in: SignIn, call: Callable[..., Any], workspace: Workspace, more_tasks: Callable[..., Any]
) -> None:
    """Prompts and responses come as HTML; comment, name and guideline come as text, which the page sets as text."""
    with workspace.store() as db:
        turn = {"role": "user", "content": attack("prompt")}
        prompts.add(db, [prompts.make([turn], source="t", split="train")])
        with db.conn:
            db.execute("UPDATE responses SET text = ?", [attack("response")])
            db.execute("UPDATE prompts SET messages = (SELECT messages FROM prompts ORDER BY id DESC LIMIT 1)")
    (workspace.folder / "workspace.toml").write_text(f"[annotate]\nguideline = '''{attack('guideline')}'''\n")
    client = sign_in(attack("name"), "annotator")
    assert_escaped_once(call(client, "/annotate", "header")[0], "name")
    (view,) = call(client, "/annotate", "load")
    assert_escaped_once(view["task"]["prompt"][0]["html"], "prompt")
    for html in view["task"]["responses"]:
        assert_escaped_once(html, "response")
    event = {"nonce": "1", "action": "rank", "lease": view["task"]["lease"], "levels": [1, 2, 3, 4]}
    call(client, "/annotate", "answer", event | {"comment": attack("comment")})
    (earlier,) = call(client, "/annotate", "answer", {"nonce": "2", "action": "previous"})
    assert earlier["task"]["comment"] == attack("comment")
    assert earlier["annotator"] == attack("name")
    assert earlier["guideline"] == attack("guideline")


def test_no_form_lets_a_text_write_html(client: TestClient, workspace: Workspace) -> None:
    sent = {"name": attack("name"), "password": attack("password")}
    assert_escaped_once(client.post("/login", data=sent).text, "name")
    with workspace.store() as db:
        token = sessions.invite(db, "annotator")
    for short in ("short", ""):
        answer = client.post("/join", data=sent | {"token": token, "password": short})
        assert answer.status_code == 400
        assert_escaped_once(answer.text, "name")
    assert client.post("/join", data=sent | {"token": token}).status_code == 303
    with workspace.store() as db:
        token = sessions.invite(db, "annotator")
    taken = client.post("/join", data=sent | {"token": token})
    # The message quotes the name as Python does, so it is read beside the field that repeats it.
    assert f"The name {attack('name')!r} is taken" in Read(taken.text).texts
    assert attack("name") in Read(taken.text).texts
    assert "img" not in Read(taken.text).tags
    for wrong in (attack("token"), ""):
        assert_escaped_once(client.get("/join", params={"token": wrong}).text)
