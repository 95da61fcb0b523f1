"""Results go to JSON and back by value, whatever version wrote them."""

import json
import math

import pytest

from store.errors import BadInput
from store.results import (
    AnnotatorFigures,
    Board,
    Challenge,
    DisputedPrompt,
    Example,
    RatingFigures,
    RewardJudgement,
    RoundFigures,
    VersionRow,
    as_json,
    read,
)

ROW = VersionRow("policy-1", 1100.0, 1050.0, 1150.0, comparisons=60, prompts=30)
THIRD = Challenge("policy-0", None, 0.5, 0.1, 0.9, 3)
BOARD = Board((ROW,), "open", "policy-1", "base", 0.6, 0.4, 0.8, 30, None, "people", 60, THIRD)
RATED = RatingFigures(
    rankings=60,
    gold=(3, 5),
    alpha=0.25,
    by_annotator=(AnnotatorFigures("ada", 12, tau=None, flagged=True),),
    disputed=(DisputedPrompt(4, 0.5, 2),),
    leaderboard=BOARD,
)
JUDGED = RewardJudgement(0.7, 0.6, 0.8, 0.5, 0.1, 30, 40, 10, 0.0, 1.0, False, foretold_p=0.25, more_rankings=12)
TURN = RoundFigures(1, "policy-1", 60, 0.7, -0.1, 1.2, 5.0, 0.8, "reward-1", 12.5, examples=(Example("a", "b", "c"),))


@pytest.mark.parametrize("result", [ROW, BOARD, RATED, JUDGED, TURN], ids=lambda r: type(r).__name__)
def test_there_and_back_is_the_same(result: object) -> None:
    written = json.loads(json.dumps(as_json(result), allow_nan=False))
    assert read(type(result), written) == result


def test_what_json_has_no_word_for_is_null() -> None:
    assert as_json(Challenge("base", share=math.nan, low=-math.inf)) == {
        "against": "base", "winner": None, "share": None, "low": None, "high": None, "prompts": 0,
    }  # fmt: skip


def test_another_version_s_keys_are_passed_over_and_new_ones_are_their_default() -> None:
    assert read(RatingFigures, {"rankings": 3, "agreement": 0.4, "leaderboard": None}) == RatingFigures(rankings=3)
    with pytest.raises(BadInput, match=r"RewardJudgement cannot be read \(.*accuracy.*--again"):
        read(RewardJudgement, {"mean": 0.0})


def test_the_newest_against_the_base_is_named_by_the_decision() -> None:
    for decision, winner in (("newest beats base", "policy-1"), ("base beats newest", "base"), ("open", None)):
        board = Board((ROW,), decision, "policy-1", "base", 0.6, 0.5, 0.7, 30)
        assert board.against_base == Challenge("base", winner, 0.6, 0.5, 0.7, 30)
