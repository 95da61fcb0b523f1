"""Whether PPO may trust a reward model, against counting by hand and against people drawn by lot."""

import dataclasses
import itertools
import math
import random

import numpy as np
import pytest

from rlhf.settings import GateConfig
from rlhf.stages import gate
from store.records import Ranking
from store.results import RewardJudgement


def ranking(annotator: str, *levels: int, prompt: int = 1) -> Ranking:
    return Ranking(prompt, prompt, annotator, dict(enumerate(levels, start=10 * prompt)))


def by_hand(rankings: list[Ranking]) -> float | None:
    """Every two rankings of a prompt, every pair that both put in an order."""
    alike = both = 0
    for one, two in itertools.combinations(rankings, 2):
        for a, b in itertools.combinations(sorted(set(one.levels) & set(two.levels)), 2):
            gaps = one.levels[a] - one.levels[b], two.levels[a] - two.levels[b]
            if all(gaps):
                both += 1
                alike += (gaps[0] > 0) == (gaps[1] > 0)
    return alike / both if both else None


def test_agreement_of_small_cases() -> None:
    assert gate.vote_agreement([]) is None
    assert gate.vote_agreement([ranking("ada", 1, 2, 3)]) is None
    assert gate.vote_agreement([ranking("ada", 1, 2, 3), ranking("bo", 1, 2, 3)]) == 1
    assert gate.vote_agreement([ranking("ada", 1, 2, 3), ranking("bo", 3, 2, 1)]) == 0
    assert gate.vote_agreement([ranking("ada", 1, 2), ranking("bo", 1, 1)]) is None
    assert gate.vote_agreement([ranking("ada", 1, 2, prompt=1), ranking("bo", 1, 2, prompt=2)]) is None


@pytest.mark.parametrize("seed", range(20))
def test_agreement_is_what_counting_gives(seed: int) -> None:
    rng = random.Random(seed)
    drawn = [
        ranking(f"p{n}", *(rng.randint(1, 3) for _ in range(rng.randint(2, 4))), prompt=rng.randint(1, 3))
        for n in range(9)
    ]
    expected = by_hand(drawn)
    assert gate.vote_agreement(drawn) == (pytest.approx(expected) if expected is not None else None)
    rng.shuffle(drawn)
    assert gate.vote_agreement(drawn) == pytest.approx(by_hand(drawn))


@pytest.mark.parametrize("right", [0.5, 0.6, 0.75, 0.9, 1.0])
def test_the_ceiling_is_how_often_one_person_is_right(right: float) -> None:
    assert gate.ceiling(right**2 + (1 - right) ** 2) == pytest.approx(right)


def judged(**changes: float | bool | None) -> RewardJudgement:
    """A reward model that is right on seven held-out pairs of ten, of rankings that can be foretold."""
    good = RewardJudgement(
        accuracy=0.7, accuracy_low=0.6, accuracy_high=0.8, nll=0.6, ece=0.1, pairs=200, train_prompts=160,
        heldout_prompts=40, mean=0.0, std=1.0, passes=True, foretold_correlation=0.4, foretold_z=5.0,
        foretold_p=0.002, foretold_prompts=200, gain=0.5, gain_low=0.3, gain_high=0.7,
    )  # fmt: skip
    return dataclasses.replace(good, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({}, True),
        ({"foretold_p": 0.01}, True),
        ({"foretold_p": 0.012}, False),
        # Few held-out prompts: an interval down to .3 says nothing against it, one that ends at .5 does.
        ({"heldout_prompts": 5, "accuracy_low": 0.3}, True),
        ({"heldout_prompts": 5, "accuracy": 0.3, "accuracy_low": 0.1, "accuracy_high": 0.5}, False),
        # Enough of them: it must be above chance for certain.
        ({"heldout_prompts": 30, "accuracy_low": 0.5}, False),
        ({"heldout_prompts": 30, "accuracy_low": 0.501}, True),
        # People who contradict each other for certain; who may agree a little pass.
        ({"alpha": -0.07, "alpha_high": -0.05}, False),
        ({"alpha": -0.02, "alpha_high": 0.1}, True),
        # What an older version judged keeps its word.
        ({"foretold_prompts": 0, "foretold_p": 1.0, "passes": True}, True),
        ({"foretold_prompts": 0, "foretold_p": 1.0, "passes": False}, False),
    ],
)
def test_who_passes(changes: dict[str, float], passed: bool) -> None:
    assert (gate.refusal(judged(**changes), GateConfig()) is None) is passed


def test_a_refusal_says_what_is_known_and_what_helps() -> None:
    few = gate.refusal(judged(foretold_p=0.08, foretold_prompts=20, more_rankings=31), GateConfig())
    assert few is not None
    assert few.startswith("From 20 ranked prompts it cannot be told")
    assert few.endswith(
        "(correlation 0.40 on prompts left out, p = 0.080, asked 0.01): about 31 more rankings would tell"
    )
    none = gate.refusal(judged(foretold_p=0.7), GateConfig())
    assert none is not None
    assert "rank more prompts, and see in `rate` whether the annotators agree" in none
    guessing = gate.refusal(judged(accuracy=0.51, accuracy_low=0.45), GateConfig())
    assert guessing is not None
    assert "51.0% of the held-out pairs right (45.0% to 80.0%), as guessing would" in guessing
    asked = gate.refusal(judged(), GateConfig(min_accuracy=0.75))
    assert asked is not None
    assert "min_accuracy asks for 75.0%" in asked


def test_the_number_named_is_enough_four_times_of_five() -> None:
    """With z growing as the root of the prompts, and a deviation of 1 about that."""
    more = gate.more_rankings(2.0, 50, rankings_per_prompt=2.0, alpha=0.01)
    assert more is not None
    grown = 2.0 * math.sqrt((50 + more / 2.0) / 50)
    passes = np.mean(np.random.default_rng(0).normal(grown, 1.0, 100_000) > 2.3263)
    assert passes == pytest.approx(0.8, abs=0.01)
    assert gate.more_rankings(0.4, 50, 2.0, 0.01) is None
    assert gate.more_rankings(9.0, 50, 2.0, 0.01) == 1
