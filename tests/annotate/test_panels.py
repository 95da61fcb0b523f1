"""What the research page says of versions and annotators: the stored figures, every text as text."""

import os
import re
import socket
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from sqlite_utils import Database

from annotate.panels.jobs import job_list, notice
from annotate.panels.people import annotators
from annotate.panels.versions import versions
from store import annotators as accounts
from store import checks, jobs, models, prompts, rankings, responses, scores, tasks, workers
from store.records import Model, PairAgreement, Rating
from store.summary import summary

Line = Callable[..., dict[str, Any]]
Board = Callable[..., dict[str, Any]]
Rated = Callable[..., Rating]
BASE = "hidden-model-0"
HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(1)</script>"


class Read(HTMLParser):
    """A panel as a person reads it: tags, text, rows of cells, and the words of each button."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.rows: list[list[str]] = []
        self.buttons: dict[str, str] = {}
        self.text = ""
        self._cell: list[str] | None = None
        self._button: str | None = None
        self.feed(str(html))  # of a Markup each piece would be a Markup, and adding text to it escapes

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = []
        if tag == "button":
            self._button = dict(attrs).get("data-promote")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.rows[-1].append(" ".join("".join(self._cell).split()))
            self._cell = None
        if tag == "button":
            self._button = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell is not None:
            self._cell.append(data)
        if self._button:
            self.buttons[self._button] = self.buttons.get(self._button, "") + data


def test_a_job_runs_only_while_its_process_lives(db: Database) -> None:
    kinds = ("round", "rate", "round", "rate")
    alive, gone, _, cancelled = (jobs.enqueue(db, kind) for kind in kinds)
    held = jobs.claim(db, os.getpid(), alive, ["round"])
    for job, pid in ((gone, os.getpid()), (cancelled, os.getpid())):
        jobs.claim(db, pid, job)
        db.execute("UPDATE leases SET started = '1' WHERE job_id = ?", [job])
    jobs.cancel(db, cancelled)
    assert held is not None
    shown = re.findall(r'<span class="state">([^<]*)</span>', job_list(db))  # the newest first
    assert shown == ["cancelled", "queued", "left", "running 0%"]
    assert [job["state"] for job in summary(db, 1)["jobs"]] == ["cancelled", "queued", "left", "running"]
    text = Read(job_list(db)).text
    assert f"process {os.getpid()} on " in text
    assert "its process is gone, and the next worker sees to it" in text
    assert f"What is queued waits for job {alive} (round, process {os.getpid()} on " in Read(notice(db, ())).text
    jobs.requeue(db, alive, held.lease)
    assert "What is queued waits" not in Read(notice(db, ())).text


def test_the_workers_are_named_with_what_they_say(db: Database) -> None:
    assert "Worker" not in job_list(db)
    db.execute("UPDATE jobs SET created = '2020-01-01T00:00:00.000Z' WHERE id = ?", [jobs.enqueue(db, "rate")])
    assert "No worker has taken it" in notice(db, ())
    workers.beat(db, None, HOSTILE)
    read = Read(job_list(db))
    assert f"Worker: process {os.getpid()} on {socket.gethostname()} · {HOSTILE}" in read.text
    assert "img" not in read.tags
    assert "No worker" not in notice(db, ())


def policy(db: Database, name: str) -> str:
    return str(models.add(db, Model(name, "policy", "tiny", 1)))


def test_the_versions_show_the_stored_figures(db: Database, rated: Rated, board: Board) -> None:
    newest = policy(db, "policy-2")
    unseen = policy(db, "policy-3")
    rated(db, {"leaderboard": board(BASE, "policy-2")})
    read = Read(versions(db))
    assert read.rows[1:] == [
        ["policy-2", "1 123 1 080 to 1 167", "310 on 64 prompts", "Promote"],
        [BASE, "1 000 by definition", "310 on 64 prompts", "Promote anyway"],
        ["policy-3", "not compared yet", "", "Promote anyway"],
    ]
    assert read.buttons == {newest: "Promote", "1": "Promote anyway", unseen: "Promote anyway"}
    assert f"policy-2 wins 71% against {BASE} on 64 prompts (58% to 84% at any look): it beats the base." in read.text
    assert "Judged by people, 240 rankings." in read.text
    assert "have come since" not in read.text
    assert "None was promoted: the newest, policy-3, writes" in read.text


def test_the_bars_share_one_axis(db: Database, rated: Rated, board: Board) -> None:
    policy(db, "policy-2")
    rated(db, {"leaderboard": board(BASE, "policy-2")})
    html = versions(db)
    # Places on the page, read back as Elo with the base's 1000 and the upper end as the known points.
    (dot, base_dot), (line, _) = (
        [float(x) for x in re.findall(rf'class="{name}" style="left:([\d.]+)%', html)] for name in ("dot", "base")
    )
    (start, width), (_, none) = (
        (float(a), float(b)) for a, b in re.findall(r'class="span" style="left:([\d.]+)%;width:([\d.]+)%', html)
    )
    scale = 166.6 / (start + width - line)
    assert 1000 + (dot - line) * scale == pytest.approx(1123.4, abs=0.5)
    assert 1000 + (start - line) * scale == pytest.approx(1080.2, abs=0.5)
    assert base_dot == line
    assert none == 0


@pytest.mark.parametrize(
    ("told", "said", "buttons"),
    [
        (
            {"decision": "open", "share": 0.504, "low": 0.4, "high": 0.61},
            "wins 50.4% against hidden-model-0 on 64 prompts (40% to 61% at any look): open, rank more.",
            ("Promote anyway", "Promote anyway"),
        ),
        (
            {"decision": "base beats newest", "share": 0.2, "low": 0.1, "high": 0.3},
            "wins 20% against hidden-model-0 on 64 prompts (10% to 30% at any look): the base beats it.",
            ("Promote anyway", "Promote"),
        ),
        (
            {"decision": "open", "share": None, "low": None, "high": None, "prompts": 0},
            "were not ranked together on any prompt: open, rank more.",
            ("Promote anyway", "Promote anyway"),
        ),
        ({"newest": BASE}, "there is nothing to compare.", ("Promote anyway", "Promote anyway")),
    ],
)
def test_the_decision_in_words(
    db: Database, rated: Rated, board: Board, told: dict[str, Any], said: str, buttons: tuple[str, str]
) -> None:
    newest = policy(db, "policy-2")
    rated(db, {"leaderboard": board(BASE, "policy-2", **told)})
    read = Read(versions(db))
    assert said in read.text
    assert (read.buttons[newest], read.buttons["1"]) == buttons


def test_a_challenge_to_the_default_generator(db: Database, rated: Rated, board: Board) -> None:
    ruling, newest = policy(db, "policy-1"), policy(db, "policy-2")
    models.promote(db, int(ruling), "Rosa & <b>co</b>")
    challenge = {"against": "policy-1", "winner": None, "share": 0.55, "low": 0.41, "high": 0.69, "prompts": 38}
    rated(db, {"leaderboard": board(BASE, "policy-2", challenge=challenge)})
    read = Read(versions(db))
    assert "policy-2 wins 55% against policy-1 on 38 prompts (41% to 69% at any look): open" in read.text
    assert "policy-1 is the default generator" in read.text
    assert "promoted by Rosa & <b>co</b> just now" in read.text
    # It beats the base and not the generator, and the base lost: neither is a promotion that people asked for.
    assert read.buttons == {newest: "Promote anyway", "1": "Promote anyway"}
    rated(db, {"leaderboard": board(BASE, "policy-2", challenge=challenge | {"winner": "policy-2"})})
    assert Read(versions(db)).buttons[newest] == "Promote"
    models.promote(db, int(newest), "Rosa")
    # What was decided between the two says nothing for the base, and speaks against the way back.
    assert Read(versions(db)).buttons == {ruling: "Promote anyway", "1": "Promote anyway"}


def test_rankings_since_the_rating_are_counted(db: Database, rated: Rated, board: Board) -> None:
    rated(db, {"leaderboard": board(BASE, BASE)})
    (task_id, *_) = tasks.free_for(db, "ada")
    shown = [response.id for response in responses.of_task(db, task_id)]
    lease = tasks.lease(db, task_id, "ada", shown).lease
    rankings.submit(db, str(lease), "ada", dict.fromkeys(shown, 1))
    assert "1 ranking has come since: press “Rate the rankings” to count it." in versions(db)


def test_an_old_rating_shows_what_is_there(db: Database, rated: Rated) -> None:
    rated(db, {"alpha": 0.4321, "annotators": 3})
    assert "Nothing was compared yet" in versions(db)
    assert Read(versions(db)).buttons == {"1": "Promote anyway"}
    told = Read(annotators(db))
    assert "Agreement is 0.43 by Krippendorff’s alpha" in told.text
    assert "before annotators had a line each" in told.text
    assert told.rows == []


def test_the_annotators_show_the_stored_figures(db: Database, rated: Rated, line: Line) -> None:
    rows = [
        line("Bo", tau=-0.124, rankings=1234, gold_accuracy=0.41, gold=17, flagged=True),
        line("ada", tau=0.5, log_loss=0.689, reliability=1.25, consistency=0.875, repeats=4, seconds=31.6),
    ]
    pair = PairAgreement("Bo", "ada", -0.1, 7)
    rated(db, {"alpha": 0.41, "alpha_low": 0.36, "alpha_high": 0.46, "by_annotator": rows}, pairs=(pair,))
    checks.mark_gold(db, rankings.current(db)[0].id)
    read = Read(annotators(db))
    assert "Agreement is 0.41 (95% interval 0.36 to 0.46)" in read.text
    assert "1 gold answer:" in read.text
    assert read.rows[1:3] == [
        ["Bo flagged", "1 234", "−0.12", "–", "–", "41% of 17", "–", "–"],
        ["ada", "12", "0.50", "0.69", "88% of 4", "–", "32", "1.25"],
    ]
    assert read.rows[3:] == [["", "1", "2"], ["1 Bo", "·", "−0.10"], ["2 ada", "−0.10", "·"]]


def test_many_annotators_show_the_pairs_that_agree_least(db: Database, rated: Rated, line: Line) -> None:
    names = [f"person {i:02}" for i in range(60)]
    pairs = tuple(PairAgreement(a, b, 0.01 * i, 5 + i % 2) for i, (a, b) in enumerate(pairwise(names)))
    few = PairAgreement("person 00", "person 59", -1.0, 4)
    rows = [line(name) for name in names]
    rated(db, {"alpha": None, "by_annotator": rows}, pairs=(*reversed(pairs), few))
    read = Read(annotators(db))
    assert "how far they agree is not known" in read.text
    assert "The 50 of 60 that agree least" in read.text
    listed = read.rows[1 + 50 :]
    assert listed[0] == ["Annotator", "Other", "Agreement", "Shared rankings"]
    assert listed[1:] == [[p.annotator, p.other, f"{p.tau:.2f}", str(p.shared)] for p in pairs[:10]]


def test_a_disputed_prompt_with_its_responses_best_first(db: Database, rated: Rated) -> None:
    rated(db, {"alpha": 0.1, "disputed": [{"prompt_id": 1, "disputed": 0.625, "rankings": 5}]})
    text = " ".join(Read(annotators(db)).text.split())
    assert "Question 1.0 two people differ on 62% of shared pairs · 5 rankings" in text
    shown = [r.text for r in responses.of_prompt(db, 1)]
    elos = [f"{1100 - 60 * i} ± {41 + i} {BASE}" for i in range(4)]
    assert " ".join(f"{elo}{answer}" for elo, answer in zip(elos, shown, strict=True)).replace(
        " ", ""
    ) in text.replace(" ", "")


def test_a_disputed_prompt_that_was_taken_out_is_not_shown(db: Database, rated: Rated) -> None:
    rated(db, {"disputed": [{"prompt_id": n, "disputed": 0.5, "rankings": 2} for n in (1, 2)]})
    prompts.remove(db, [1])
    text = " ".join(Read(annotators(db)).text.split())
    assert ("Question 1.0" in text, "Question 1.1" in text) == (False, True)


def test_a_disputed_response_names_its_author_whoever_it_is(db: Database, rated: Rated) -> None:
    elsewhere = models.add(db, Model("elsewhere", "imported", "unknown", made_by="import"))
    accounts.ensure(db, HOSTILE)
    first, second, *_ = responses.of_prompt(db, 1)
    with db.conn:
        db.execute("UPDATE responses SET model_id = NULL, annotator = ? WHERE id = ?", [HOSTILE, first.id])
        db.execute("UPDATE responses SET model_id = ? WHERE id = ?", [elsewhere, second.id])
    rated(db, {"disputed": [{"prompt_id": 1, "disputed": 1.0, "rankings": 2}]})
    read = Read(annotators(db))
    text = " ".join(read.text.split())
    assert f"1100 ± 41 {HOSTILE}{first.text}1040 ± 42 elsewhere{second.text}980 ± 43 {BASE}" in text
    assert "img" not in read.tags


def test_the_scores_shown_are_those_of_the_latest_rating(db: Database, rated: Rated) -> None:
    metrics = {"disputed": [{"prompt_id": 1, "disputed": 1.0, "rankings": 2}]}
    old = rated(db, metrics)
    (best, *_, worst) = responses.of_prompt(db, 1)
    scores.save(
        db, Rating("elo", {}, metrics, old.last_ranking_id), [(best.id, 900.0, None, 1), (worst.id, 950.0, None, 1)]
    )
    text = " ".join(Read(annotators(db)).text.split())
    assert f"950 {BASE}{worst.text}900 {BASE}{best.text}" in text
    assert "1100" not in text


def test_no_name_and_no_text_writes_html(
    db: Database, rated: Rated, line: Line, board: Board, more_tasks: Callable[..., list[int]]
) -> None:
    policy(db, HOSTILE)
    models.promote(db, 2, HOSTILE)
    (prompt_id,) = prompts.add(
        db, [prompts.make([{"role": "user", "content": HOSTILE * 40}], source="t", split="train")]
    )
    with db.conn:
        db.execute("UPDATE responses SET text = ?", [HOSTILE * 60])
        db.execute("UPDATE responses SET prompt_id = ?", [prompt_id])
    told = board(BASE, HOSTILE, judges=HOSTILE, challenge={"against": HOSTILE, "winner": None})
    metrics = {
        "alpha": 0.2,
        "by_annotator": [line(HOSTILE, tau=0.1), line("ada")],
        "disputed": [{"prompt_id": prompt_id, "disputed": 1.0, "rankings": 2}],
        "leaderboard": told,
    }
    rated(db, metrics, pairs=(PairAgreement(HOSTILE, "ada", 0.1, 3),))
    for html in (versions(db), annotators(db)):
        read = Read(html)
        assert not {"img", "script"} & set(read.tags)
        assert not {name for name in read.attributes if name.startswith("on")}
        assert HOSTILE in read.text
    # Sent every few seconds: a long text is cut, not the page filled.
    assert len(annotators(db)) < 30_000


@pytest.mark.parametrize(
    ("seconds", "lasted", "hasty"),
    [(31.6, 40.2, False), (0.05, 40.2, True), (31.6, 0.3, True), (None, None, False), (31.6, None, False)],
)
def test_who_ranks_faster_than_anybody_reads_stands_out(
    db: Database, rated: Rated, line: Callable[..., dict[str, Any]], seconds: float, lasted: float, hasty: bool
) -> None:
    rated(db, {"by_annotator": [line("ada", seconds=seconds, lasted=lasted)]})
    assert ("hasty</span>" in annotators(db)) == hasty
    assert ("40 by the server" in annotators(db)) == (lasted == 40.2)
