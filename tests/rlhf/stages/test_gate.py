"""Whether PPO may trust a reward model, against counting by hand and against people drawn by lot."""

import itertools
import random

import pytest

from rlhf.settings import GateConfig
from rlhf.stages import gate
from store.records import Ranking


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


def test_disagreeing_people_lower_what_is_required_and_never_raise_it() -> None:
    config = GateConfig()
    assert gate.required(config, None) == config.min_accuracy
    steps = [gate.required(config, a / 20) for a in range(21)]
    assert steps == sorted(steps)
    assert steps[-1] == config.min_accuracy
    assert steps[0] == pytest.approx(config.ceiling_share * 0.5)


@pytest.mark.parametrize(
    ("accuracy", "low", "agreed", "passed"),
    [
        (0.75, 0.6, None, True),
        (0.749, 0.6, None, False),
        (0.9, 0.5, None, False),  # its interval does not exclude chance
        (0.9, 0.51, None, True),
        (0.65, 0.55, 0.58, True),  # people agree on 58%: each is right 70%, and 90% of that is 63%
        (0.62, 0.55, 0.58, False),
    ],
)
def test_who_passes(accuracy: float, low: float, agreed: float | None, passed: bool) -> None:
    assert gate.passes(accuracy, low, GateConfig(), agreed) is passed


@pytest.mark.parametrize(("floor", "slope", "target"), [(0.1, 2.0, 0.8), (0.0, 3.0, 0.9), (0.15, 1.0, 0.75)])
def test_prompts_needed_finds_where_a_known_curve_crosses(floor: float, slope: float, target: float) -> None:
    def accuracy(n: float) -> float:
        return 1 - floor - slope / n**0.5

    needed = gate.prompts_needed([(n, accuracy(n)) for n in (50, 100, 200)], target)
    assert needed is not None
    assert accuracy(needed + 1) >= target > accuracy(needed - 2)


def test_a_curve_that_levels_off_below_or_falls_promises_nothing() -> None:
    assert gate.prompts_needed([(50, 0.6), (100, 0.62), (200, 0.63)], 0.9) is None
    assert gate.prompts_needed([(50, 0.7), (100, 0.65)], 0.8) is None
    assert gate.prompts_needed([(50, 0.7), (100, 0.7)], 0.8) is None


def test_a_good_figure_from_too_few_prompts_says_how_many_it_takes() -> None:
    assert not gate.passes(0.7, 0.4, GateConfig(min_accuracy=0.6), None)
    needed = gate.heldout_needed(0.7, 0.4, heldout=10)
    # at that many prompts the interval, whose width falls with the root, has left chance behind
    assert 0.7 - 0.3 * (10 / needed) ** 0.5 > 0.5 > 0.7 - 0.3 * (10 / (needed - 2)) ** 0.5
