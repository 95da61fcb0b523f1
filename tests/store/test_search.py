"""The search over prompts and responses, against reading everything; it is up to date whenever it is asked."""

import random
import re
import unicodedata
from pathlib import Path

import pytest
from sqlite_utils import Database

from store import annotators, models, prompts, rankings, responses, search, tasks
from store.db import opened
from store.records import Model, Response, Task
from store.search import Sought

WORDS = ("tea", "Teapot", "cof\u00e9", "coffee", "don't", "x_1", "42", "naïve", "NEAR", "and", "or", "tea-time")


@pytest.fixture
def db(tmp_path: Path) -> Database:
    """Forty prompts of a few words, most with responses by one version or two."""
    draw = random.Random(3)
    with opened(tmp_path / "feedback.db", create=True) as db:
        versions = [models.add(db, Model(name, "policy", "tiny")) for name in ("one", "two")]
        for n in range(40):
            text = " ".join([f"q{n}", *draw.sample(WORDS, 3)])
            split, source = draw.choice(("train", "eval")), draw.choice(("a", "b"))
            (prompt,) = prompts.add(
                db, [prompts.make([{"role": "user", "content": text}], source=source, split=split)]
            )
            for version in versions[: draw.randrange(3)]:
                made = Response(prompt, version, " ".join(draw.sample(WORDS, 2)), 0, {}, "stop")
                responses.add(db, [made])
        prompts.remove(db, [7])
        yield db


def tokens(text: str) -> list[str]:
    """The words of a text without case and accents, as they are compared."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return [word.lower() for word in re.findall(r"[^\W_]+", plain)]


def by_reading(db: Database, text: str) -> list[int]:
    """The prompts in which, or in one response of which, each word begins some word."""
    sought = tokens(text)
    found = []
    for prompt in prompts.every(db):
        texts = [prompt.text, *(r.text for r in responses.of_prompt(db, prompt.id))]
        if any(all(any(w.startswith(s) for w in tokens(text)) for s in sought) for text in texts):
            found.append(prompt.id)
    return found


@pytest.mark.parametrize(
    "text",
    ["tea", "TEA pot", "cofe", "don't", "x_1", "4", "naive tea", "NEAR", "and or", 'tea" OR "x', "*", "q1 tea"],
)
def test_what_is_found_is_what_reading_finds(db: Database, text: str) -> None:
    assert search.catch_up(db) == 0
    found, count = search.find(db, Sought(text), limit=100)
    expected = by_reading(db, text) if tokens(text) else []
    assert [prompt.id for prompt in found] == expected
    assert count == len(expected)


def test_what_came_since_is_found_after_catching_up_and_nothing_twice(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BATCH", 7)
    monkeypatch.setattr(search, "PATIENCE", -1.0)
    texts = 40 + len(responses.every(db))
    assert search.catch_up(db) == texts
    monkeypatch.setattr(search, "PATIENCE", 60.0)
    assert search.catch_up(db) == 0
    responses.add(db, [Response(3, 1, "a marmoset", 0, {}, "stop")])
    assert search.find(db, Sought("marmoset")) == ([], 0)
    assert search.catch_up(db) == 0
    assert [p.id for p in search.find(db, Sought("marmo"))[0]] == [3]
    assert db.execute("SELECT count(*) FROM words").fetchone()[0] == texts + 1
    before = db.conn.total_changes
    search.catch_up(db)
    assert db.conn.total_changes == before  # nothing is written where nothing is new


def test_filters_narrow_and_pages_follow(db: Database) -> None:
    annotators.ensure(db, "ada")
    (answered, *_) = [p.id for p in prompts.every(db) if len(responses.of_prompt(db, p.id)) == 2]
    shown = [r.id for r in responses.of_prompt(db, answered)]
    (task,) = tasks.add(db, [Task(answered, tuple(shown))])
    lease = tasks.lease(db, task, "ada", shown).lease
    rankings.submit(db, str(lease), "ada", dict.fromkeys(shown, 1))
    every = prompts.every(db)

    def ids(sought: Sought, **page: int) -> list[int]:
        found, count = search.find(db, sought, **{"limit": 100, **page})
        assert count >= len(found)
        return [prompt.id for prompt in found]

    assert ids(Sought()) == [p.id for p in every]
    assert 7 not in ids(Sought())
    assert ids(Sought(split="eval", source="a")) == [p.id for p in every if (p.split, p.source) == ("eval", "a")]
    assert ids(Sought(ranked=True)) == [answered]
    assert ids(Sought(ranked=False)) == [p.id for p in every if p.id != answered]
    assert ids(Sought(ids=(5, 7, 3))) == [3, 5]
    assert ids(Sought(ids=())) == []
    both = [p.id for p in every if {r.model_id for r in responses.of_prompt(db, p.id)} == {1, 2}]
    assert ids(Sought(models=(1, 2))) == both
    assert [ids(Sought(), offset=at, limit=15) for at in (0, 15, 30, 45)] == [
        [p.id for p in every][at : at + 15] for at in (0, 15, 30, 45)
    ]
    assert search.sources(db) == ["a", "b"]
