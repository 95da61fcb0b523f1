"""Responses and rankings of files: known by what they say, and standing as long as one of their files does."""

import hashlib
import json
import random
from collections.abc import Iterator, Sequence

import pytest
from sqlite_utils import Database

from store import annotators, arrivals, imports, models, names, prompts, rankings, responses, tasks
from store.errors import BadInput
from store.formats.row import Answer, Brought, Row, Verdict
from store.records import Import, Model, Prompt, Response, Task

Vote = tuple[str, str, str, str]
"""Prompt, the text that won, the text that lost, who said so."""


def prompt_of(text: str) -> Prompt:
    return prompts.make([{"role": "user", "content": text}], source="test", split="train")


def row(vote: Vote) -> list[Brought]:
    prompt, best, worst, who = vote
    answers = (Answer(worst, "x"), Answer(best, "y"))
    return [(prompt_of(prompt), Row(prompt_of(prompt).messages, answers, (Verdict(((1,), (0,)), who),)), {})]


def bring(db: Database, name: str, votes: Sequence[Vote]) -> imports.Added:
    return imports.add(db, Import(name, name.rjust(64, "0"), "votes"), [row(vote) for vote in votes])


def standing(db: Database) -> list[Vote]:
    """The votes that count, read back from the store."""
    asked = {p.id: p.text for p in prompts.every(db)}
    said = {r.id: r.text for r in responses.every(db)}
    found = []
    for ranking in rankings.current(db):
        worst, best = sorted(ranking.levels, key=lambda response: -ranking.levels[response])
        who = ranking.annotator.removeprefix("imported:")
        found.append((asked[ranking.prompt_id], said[best], said[worst], who))
    return sorted(found)


def draw(rng: random.Random, count: int) -> list[Vote]:
    texts = [f"answer {n}" for n in range(4)]
    drawn = []
    for _ in range(count):
        best, worst = rng.sample(texts, 2)
        drawn.append((f"question {rng.randrange(4)}", best, worst, rng.choice(["ann", "ben"])))
    return drawn


@pytest.mark.parametrize("seed", range(3))
def test_what_stands_is_the_union_of_the_files_that_stand(
    db: Database, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against sets of votes, over random files with rows in common and in any division into batches."""
    rng = random.Random(seed)
    monkeypatch.setattr(arrivals, "BATCH", rng.choice([1, 3, 100]))
    prompts.add(db, [prompt_of("question 0")])  # before any import: no import takes it out
    files: dict[int, list[Vote]] = {}
    out: set[int] = set()
    for turn in range(25):
        if not files or rng.random() < 0.4:
            votes = draw(rng, 6)
            ever = {vote for each in files.values() for vote in each}
            done = bring(db, f"file-{turn}", votes)
            assert done.rankings == len(set(votes) - ever)
            assert (done.new, done.already_there) == (len(set(votes) - ever), 6 - len(set(votes) - ever))
            files[done.import_id] = votes
        else:
            one = rng.choice(sorted(files))
            (imports.restore if one in out else imports.remove)(db, [one])
            out ^= {one}
        stand = {vote for number in files.keys() - out for vote in files[number]}
        assert standing(db) == sorted(stand)
        written = {(p, text, by) for p, best, worst, _ in stand for text, by in ((best, "y"), (worst, "x"))}
        assert responses.count(db) == len(written)
        assert rankings.count(db) == len(stand)
    assert out


def test_a_file_stays_where_peoples_tasks_rest_on_it_and_its_prompt_does_too(db: Database) -> None:
    (own,) = prompts.add(db, [prompt_of("ours")])
    done = bring(db, "file", [("ours", "good", "bad", "ann"), ("theirs", "good", "bad", "ann")])
    shown = tuple(r.id for r in responses.of_prompt(db, own))
    (task,) = tasks.add(db, [Task(own, shown)])
    with pytest.raises(BadInput, match=rf"Import 1 stays, .* to 1 prompts .* prompts remove {own}`"):
        imports.remove(db, [done.import_id])
    assert len(standing(db)) == 2, "nothing was changed"
    held = tasks.lease(db, task, "ada", shown)
    rankings.submit(db, str(held.lease), "ada", {shown[0]: 1, shown[1]: 2})
    with pytest.raises(BadInput, match="Import 1 stays"):
        imports.remove(db, [done.import_id])
    prompts.remove(db, [own])
    imports.remove(db, [done.import_id])
    assert standing(db) == []
    imports.restore(db, [done.import_id])
    prompts.restore(db, [own])
    assert len(standing(db)) == 3


def test_what_was_there_before_belongs_to_nobody_else(db: Database) -> None:
    """The same text of a version of ours is another response, and our versions of that name stay ours."""
    (own,) = prompts.add(db, [prompt_of("ours")])
    ours = models.add(db, Model("x", "policy", "tiny"))
    responses.add(db, [Response(own, ours, "bad", 0, {}, "stop")])
    bring(db, "file", [("ours", "good", "bad", "ann")])
    assert [(r.text, models.get(db, r.model_id or 0).name) for r in responses.every(db)] == [
        ("bad", "x"),
        ("bad", "imported:x"),
        ("good", "imported:y"),
    ]
    assert [m.kind for m in models.every(db)] == ["policy", "imported", "imported"]


def test_a_file_that_breaks_off_leaves_nothing(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows() -> Iterator[list[Brought]]:
        yield from [row(("q", "good", "bad", "ann"))] * 5
        raise BadInput("damaged")

    monkeypatch.setattr(arrivals, "BATCH", 2)
    with pytest.raises(BadInput, match="damaged"):
        imports.add(db, Import("f", "0" * 64, ""), rows())
    assert (imports.every(db), prompts.count(db), responses.count(db), models.every(db)) == ([], 0, 0, [])


def test_the_columns_that_are_kept_lie_beside_the_prompt(db: Database) -> None:
    asked = prompt_of("q")
    imports.add(db, Import("f", "0" * 64, ""), [[(asked, Row(asked.messages), {"id": "q-17", "category": "füße"})]])
    (kept,) = db.execute("SELECT kept FROM import_prompts").fetchone()
    assert json.loads(kept) == {"id": "q-17", "category": "füße"}


@pytest.mark.parametrize(
    ("told", "stored"),
    [
        ("ada", "imported:ada"),
        ("", "imported:unknown"),
        ("imported:ada", "imported:ada"),
        ("simulated:3", "simulated:3"),
        ("a\u200bb\n", "imported:ab"),
    ],
)
def test_a_name_in_a_file_is_never_taken_for_one_of_ours(db: Database, told: str, stored: str) -> None:
    assert names.from_file(told) == stored
    with pytest.raises(BadInput, match="choose another"):
        annotators.add(db, stored)


def test_long_names_of_a_file_stay_apart(db: Database) -> None:
    one, other = (names.from_file("n" * 100 + end) for end in "ab")
    assert one != other
    for name in (one, other):
        annotators.ensure(db, name)
        assert len(name) == names.MOST_NAME


@pytest.mark.parametrize("text", ['"quoted" \\ back', "Grüße\u2028\x7f\t\n", "\U0001f600"])
def test_a_digest_is_that_of_the_json_text(text: str) -> None:
    """As earlier versions wrote it: a workspace has such digests."""
    chat = [{"role": "system", "content": text}, {"role": "user", "content": "x"}]
    written = json.dumps([[m["role"], m["content"]] for m in chat], ensure_ascii=False)
    assert prompts.digest(chat) == hashlib.sha256(written.encode()).hexdigest()
