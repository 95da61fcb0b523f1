"""Versions by people's rankings, and promotion only where people prefer."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database

from rlhf.stages import leaderboard as stage
from rlhf.stages.context import Context
from rlhf.stages.generate import _default_generator, _others
from rlhf.stages.leaderboard import Promoted, leaderboard, promote, promote_if_preferred
from store import models, rankings, responses
from store.errors import NotFound, NotReady, Refused
from store.records import Model
from store.results import VersionRow, as_json

Make = Callable[..., Any]


def ranked(world: Make, quality: list[float], prompts: int, by: str = "ada", seed: int = 0) -> Any:
    made = world(quality, seed)
    for prompt in made.prompts(prompts):
        made.rank(prompt, by)
    return made


def test_wins_are_counted_pair_by_pair(db: Database, world: Make) -> None:
    ranked(world, [0.0, 1.0, 2.5], 60)
    board = leaderboard(db)
    json.dumps(as_json(board), allow_nan=False)
    assert [v.name for v in board.versions] == ["policy-2", "policy-1", "base"]
    assert board.versions[2] == VersionRow("base", 1000.0, 1000.0, 1000.0, comparisons=120, prompts=60)
    writer = {r.id: models.get(db, r.model_id).name for r in responses.every(db)}
    won = []
    for ranking in rankings.current(db):
        level = {writer[r]: place for r, place in ranking.levels.items()}
        won.append(level["policy-2"] < level["base"])
    assert board.share == pytest.approx(sum(won) / len(won))
    assert (board.newest, board.prompts, board.decision) == ("policy-2", 60, "newest beats base")
    assert board.low > 0.5


@pytest.mark.parametrize(
    ("quality", "prompts", "decision"),
    [(0.0, 40, "open"), (3.0, 9, "open"), (3.0, 40, "newest beats base"), (-3.0, 40, "base beats newest")],
)
def test_the_decision_waits_until_it_is_sure(
    db: Database, world: Make, quality: float, prompts: int, decision: str
) -> None:
    ranked(world, [0.0, quality], prompts)
    assert leaderboard(db).decision == decision


def test_simulated_annotators_judge_only_where_people_do_not(db: Database, world: Make) -> None:
    made = ranked(world, [0.0, 3.0], 30, by="simulated:ada")
    assert (leaderboard(db).judges, leaderboard(db).rankings) == ("simulated annotators", 30)
    made.rank(next(iter(made.shown)), "bo")
    assert (leaderboard(db).judges, leaderboard(db).rankings) == ("people", 1)
    assert leaderboard(db).decision == "open"


def test_promotion_follows_preference(ctx: Context, db: Database, world: Make) -> None:
    made = ranked(world, [0.0, 0.0], 30)
    with pytest.raises(Refused, match=r"policy-1 wins \d+\.\d% against base on 30 prompts .* rank more, or pass"):
        promote(db)
    assert promote_if_preferred(db) is None
    assert models.promotions(db) == []
    made.truth |= {r: value + 9 for ids in made.shown.values() for r, value in [(ids[1], made.truth[ids[1]])]}
    for person in ("bo", "cy", "dee"):
        for prompt in made.shown:
            made.rank(prompt, person)
    assert promote_if_preferred(db) == "policy-1"
    assert _default_generator(db).name == "policy-1"
    (promotion,) = models.promotions(db)
    assert promotion.evidence["winner"] == "policy-1"
    assert promotion.evidence["low"] > 0.5
    # Asked again, nothing changes.
    assert promote(db) == Promoted("policy-1", "policy-1")
    assert len(models.promotions(db)) == 1


def test_the_next_one_has_to_beat_the_one_in_charge_and_not_only_the_base(db: Database, world: Make) -> None:
    ranked(world, [0.0, 3.0, 3.0], 60)
    promote(db, "policy-1", force=True)
    board = leaderboard(db)
    assert (board.decision, board.generator) == ("newest beats base", "policy-1")
    assert (board.challenge.against, board.challenge.winner) == ("policy-1", None)
    with pytest.raises(Refused, match="against policy-1 on 60 prompts"):
        promote(db)


def test_what_can_not_be_promoted_says_why(db: Database, world: Make) -> None:
    with pytest.raises(NotReady, match="0 rankings"):
        promote(db)
    made = ranked(world, [0.0, 3.0, 6.0], 40)
    with pytest.raises(Refused, match=r"policy-1 is not the newest .* \(policy-2 is\)"):
        promote(db, "policy-1")
    with pytest.raises(NotFound, match="policy-9"):
        promote(db, "policy-9")
    assert promote(db, "policy-1", force=True) == Promoted("policy-1", None)
    assert models.promotions(db)[0].evidence == {}
    assert made.shown


def test_only_the_base_ranked_is_no_contest(db: Database, world: Make) -> None:
    made = world()
    for prompt in made.prompts(3, each=2):
        made.rank(prompt, "ada")
    board = leaderboard(db)
    assert (board.decision, board.share, board.prompts) == (stage.OPEN, None, 0)
    with pytest.raises(Refused, match="Only base has been ranked"):
        promote(db)


def test_versions_never_shown_together_are_not_compared(db: Database, world: Make) -> None:
    made = world([0.0, 1.0, 2.0])
    for number, prompt in enumerate(made.prompts(24)):
        base, first, second = made.shown[prompt]
        made.shown[prompt] = (base, first) if number % 2 else (first, second)
        made.rank(prompt, "ada")
    board = leaderboard(db)
    assert [v.prompts for v in board.versions if v.name == "policy-1"] == [24]
    assert (board.newest, board.prompts, board.share) == ("policy-2", 0, None)
    with pytest.raises(Refused, match="No prompt has responses of policy-2 and of base ranked together"):
        promote(db)


def test_the_version_in_charge_is_mixed_in_beside_the_new_one(db: Database) -> None:
    """So that a challenger meets it in ordinary work."""
    base = models.add(db, Model("base", "policy", "tiny"))
    first = models.add(db, Model("policy-1", "policy", "tiny", parent_id=base))
    second = models.add(db, Model("policy-2", "policy", "tiny", parent_id=first))
    third = models.get(db, models.add(db, Model("policy-3", "policy", "tiny", parent_id=second)))
    assert [(m.name, n) for m, n in _others(db, third, 1, 1)] == [("policy-2", 1), ("base", 1)]
    models.promote(db, first, "ada")
    assert [(m.name, n) for m, n in _others(db, third, 1, 1)] == [("policy-1", 1), ("base", 1)]
    models.promote(db, base, "ada")
    assert [(m.name, n) for m, n in _others(db, third, 1, 1)] == [("policy-2", 1), ("base", 1)]
    assert [(m.name, n) for m, n in _others(db, models.get(db, first), 1, 1)] == [("base", 2)]
