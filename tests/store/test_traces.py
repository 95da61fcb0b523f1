"""What a response goes back to and what rests on a ranking, against a store in which every link was laid by hand."""

from collections.abc import Mapping

import pytest
from sqlite_utils import Database

from store import annotators, models, prompts, rankings, responses, scores, tasks
from store.errors import NotFound
from store.records import Model, Rating, Response, Task
from store.traces import FIRST, why_ranking, why_response


class Line:
    """base <- policy-1 (by reward-1, of rating 1) <- policy-2 (sft, of rating 2); 3 responses of each, one prompt."""

    def __init__(self, db: Database) -> None:
        self.db = db
        (self.prompt,) = prompts.add(db, [prompts.make([{"role": "user", "content": "Tea?"}], source="test")])
        self.base = models.add(db, Model("base", "policy", "tiny"))
        self.of_base = self.answers(self.base, "base")
        one = {r: level for level, r in enumerate(self.of_base, 1)}
        self.first = self.rank("ada", one)
        self.second = self.rank("bo", one)
        rating = self.rate({self.of_base[0]: (1100.0, 20.0)})
        reward = models.add(db, Model("reward-1", "reward", "tiny", rating_id=rating, made_by="reward"))
        told = Model("policy-1", "policy", "tiny", self.base, rating_id=None, reward_id=reward, made_by="ppo")
        self.policy = models.add(db, told)
        self.of_policy = self.answers(self.policy, "one")
        self.changed = rankings.revise(db, self.first, "ada", dict.fromkeys(self.of_base, 1)).id
        self.third = self.rank("cy", one)
        later = self.rate({self.of_base[0]: (1200.0, None)})
        self.last = models.add(db, Model("policy-2", "policy", "tiny", self.policy, rating_id=later, made_by="sft"))
        self.of_last = self.answers(self.last, "two")
        self.aside = models.add(db, Model("policy-3", "policy", "tiny", self.base, made_by="sft"))

    def answers(self, model: int, said: str) -> list[int]:
        return responses.add(self.db, [Response(self.prompt, model, f"{said} {i}", i, {}, "stop") for i in range(3)])

    def rank(self, who: str, levels: Mapping[int, int]) -> int:
        (task,) = tasks.add(self.db, [Task(self.prompt, tuple(levels))])
        held = tasks.lease(self.db, task, who, tuple(levels))
        return rankings.submit(self.db, str(held.lease), who, dict(levels)).id

    def rate(self, elos: Mapping[int, tuple[float, float | None]]) -> int:
        made = Rating("davidson", {}, {}, rankings.newest(self.db))
        return scores.save(self.db, made, [(r, elo, error, 2) for r, (elo, error) in elos.items()])


@pytest.fixture
def line(db: Database) -> Line:
    return Line(db)


def test_a_response_goes_back_to_the_rankings_that_stood_when_its_writer_learned(db: Database, line: Line) -> None:
    told = why_response(db, line.of_policy[0])
    assert (told.written_by, told.elo, told.ranked, told.prompt) == ("policy-1", None, 0, "Tea?")
    assert [(s.version, s.made_by, s.taught_by, s.rating, s.rankings, s.annotators) for s in told.line] == [
        ("policy-1", "ppo", "reward-1", 1, 2, 2),
        ("base", "init", "", None, 0, 0),
    ]
    # Ada's first word, though she has changed her mind since; neither that change nor what cy said later.
    assert [word.ranking for word in told.first_of_them] == [line.first, line.second]
    assert (told.shaped_by, told.first_of_them[0].annotator, told.first_of_them[0].best) == (2, "ada", "base 0")

    later = why_response(db, line.of_last[0])
    assert [step.version for step in later.line] == ["policy-2", "policy-1", "base"]
    assert [word.ranking for word in later.first_of_them] == [line.second, line.changed, line.third]

    ranked = why_response(db, line.of_base[2])
    assert (ranked.shaped_by, ranked.line[0].version, ranked.ranked) == (0, "base", 3)
    assert [(w.ranking, w.annotator, w.place, w.of) for w in ranked.said_of_it] == [
        (line.second, "bo", 3, 3),
        (line.changed, "ada", 1, 1),
        (line.third, "cy", 3, 3),
    ]
    assert why_response(db, line.of_base[0]).elo == 1200.0  # by the newest rating


def test_a_ranking_carries_the_ratings_made_of_it_and_all_that_came_of_them(db: Database, line: Line) -> None:
    first = why_ranking(db, line.first)
    assert (first.ratings, first.models) == ((1,), ("reward-1", "policy-1", "policy-2"))
    assert (first.responses, first.order) == (6, ("base 0", "base 1", "base 2"))
    assert first.standing == f"revised: ranking {line.changed} stands in its place"
    third = why_ranking(db, line.third)
    assert (third.ratings, third.models, third.responses) == ((2,), ("policy-2",), 3)
    assert third.standing == "it counts"
    assert why_ranking(db, line.changed).order == ("base 0 = base 1 = base 2",)
    fresh = line.rank("bo", {r: level for level, r in enumerate(line.of_last, 1)})
    assert (why_ranking(db, fresh).ratings, why_ranking(db, fresh).models) == ((), ())
    prompts.remove(db, [line.prompt])
    assert "its prompt was taken out on" in why_ranking(db, fresh).standing


def test_few_are_named_and_all_are_counted(db: Database, line: Line) -> None:
    one = dict(zip(line.of_base, (1, 2, 3), strict=True))
    for number in range(FIRST):
        annotators.ensure(db, f"person {number}")
        line.rank(f"person {number}", one)
    told = why_response(db, line.of_base[0])
    assert (told.ranked, len(told.said_of_it)) == (3 + FIRST, FIRST)


def test_a_number_that_nothing_has_is_refused(db: Database) -> None:
    with pytest.raises(NotFound, match="no response 9"):
        why_response(db, 9)
    with pytest.raises(NotFound, match="no ranking 9"):
        why_ranking(db, 9)
