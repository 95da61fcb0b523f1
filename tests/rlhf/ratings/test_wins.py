"""Win rates, best-of-n and length control against counting by hand and worlds whose answer is known."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest

from rlhf.ratings.best_of_n import doubling, expected, kl_bound
from rlhf.ratings.length_control import length_controlled
from rlhf.ratings.wins import mean, outcomes, shares, win_rate


def test_each_answer_meets_each_and_a_draw_is_half() -> None:
    rng = np.random.default_rng(0)
    mine, theirs = rng.integers(0, 4, (5, 3)), rng.integers(0, 4, (5, 2))
    for p in range(5):
        met = [1.0 if a > b else 0.5 if a == b else 0.0 for a in mine[p] for b in theirs[p]]
        assert outcomes(mine, theirs)[p].ravel().tolist() == met
        assert shares(mine, theirs)[p] == pytest.approx(sum(met) / 6)
    one = shares(np.array([[2.0], [1], [1], [3]]), np.array([[1.0], [2], [1], [1]]))
    assert win_rate(one).mean == 0.625


def test_the_interval_is_over_prompts_and_as_wide_as_prompts_drawn_again_say() -> None:
    rng = np.random.default_rng(1)
    hardness = rng.normal(0.3, 1.0, (150, 1))
    won = shares(hardness + rng.normal(0, 0.5, (150, 4)), rng.normal(0, 0.5, (150, 4)))
    found = win_rate(won)
    again = [won[rng.integers(0, 150, 150)].mean() for _ in range(4000)]
    low, high = np.quantile(again, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.012)
    # Answers are no prompts: 16 meetings of each, counted as independent, would seem far surer than that.
    naive = math.sqrt(found.mean * (1 - found.mean) / (150 * 16))
    assert found.error > 2 * naive


def test_ten_wins_of_ten_are_not_certain_and_no_end_is_beyond_what_can_be() -> None:
    found = win_rate(np.ones(10))
    assert (found.mean, found.high) == (1.0, 1.0)
    assert 0.8 < found.low < 0.95
    assert win_rate(np.zeros(10)).low == 0.0


def test_the_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(2000):
        ease = rng.normal(0.4, 1.0, (40, 1))
        found = win_rate(shares(ease + rng.normal(size=(40, 2)), rng.normal(size=(40, 2))))
        inside += found.low <= NormalDist().cdf(0.4 / math.sqrt(3)) <= found.high
    assert 0.93 <= inside / 2000 <= 0.98


def test_kl_of_three_responses_by_hand() -> None:
    """Log-ratios 1, 2 and 6: mean 3; deviations -2, -1, 3, so variance 14 / 2 = 7 and error sqrt(7 / 3)."""
    found = mean(np.array([1.0, 2.0, 6.0]))
    assert found.mean == 3.0
    assert found.error == pytest.approx(math.sqrt(7 / 3))
    assert math.isnan(mean(np.array([1.0])).error)


def test_best_of_n_of_three_responses_by_hand() -> None:
    """Rewards 1, 3, 2 and wins 0, 1, 1/2. Best of one: their mean. Of two: 1, 1/2, 1 over the three pairs."""
    rewards, wins = [[1.0, 3.0, 2.0]], [[0.0, 1.0, 0.5]]
    assert [expected(rewards, wins, n)[0] for n in (1, 2, 3)] == pytest.approx([0.5, 2.5 / 3, 1.0])
    assert [expected(rewards, rewards, n)[0] for n in (1, 2, 3)] == pytest.approx([2.0, 8 / 3, 3.0])
    assert [kl_bound(n) for n in (1, 2, 3)] == pytest.approx([0.0, math.log(2) - 1 / 2, math.log(3) - 2 / 3])
    assert [round(kl_bound(n), 2) for n in doubling(16)] == [0.0, 0.19, 0.64, 1.2, 1.84]


def test_best_of_n_is_the_mean_over_all_subsets() -> None:
    rng = np.random.default_rng(3)
    rewards, values = rng.normal(size=(4, 7)), rng.normal(size=(4, 7))
    rewards[0, :3] = 1.0  # equal rewards share what they are worth
    for n in range(1, 8):
        by_hand = []
        for reward, value in zip(rewards, values, strict=True):
            picked = []
            for chosen in itertools.combinations(range(7), n):
                # Of equal ones each is as likely: averaged over which of them a shuffle would bring first.
                picked += [np.mean([value[i] for i in range(7) if reward[i] == reward[list(chosen)].max()])]
            by_hand.append(np.mean(picked))
        assert expected(rewards, values, n) == pytest.approx(by_hand)


def made_case(edge: float, push: float, seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """4,000 prompts, four meetings each: the judge prefers the longer answer by `push` logits and mine by `edge`, and
    mine is longer by one standard deviation."""
    rng = np.random.default_rng(seed)
    longer = rng.normal(40.0, 40.0, (4000, 4))
    chance = 1 / (1 + np.exp(-(edge + push * np.tanh(longer / 40.0))))
    outcome = (rng.random((4000, 4)) < chance).astype(float)
    return outcome.ravel(), longer.ravel(), np.repeat(np.arange(4000), 4)


def test_where_only_length_differs_the_length_controlled_win_rate_is_a_half() -> None:
    outcome, longer, prompt = made_case(edge=0.0, push=2.0)
    assert outcome.mean() > 0.7
    assert length_controlled(outcome, longer, prompt) == pytest.approx(0.5, abs=0.02)
    # Only length decides, and always: the longer one wins.
    assert length_controlled((longer > 0).astype(float), longer, prompt) == pytest.approx(0.5, abs=0.05)


def test_what_is_better_at_one_length_stays_so() -> None:
    outcome, longer, prompt = made_case(edge=0.8, push=1.0)
    assert outcome.mean() > 0.75
    assert length_controlled(outcome, longer, prompt) == pytest.approx(1 / (1 + math.exp(-0.8)), abs=0.02)
    outcome, longer, prompt = made_case(edge=0.8, push=0.0)
    assert length_controlled(outcome, longer, prompt) == pytest.approx(outcome.mean(), abs=0.02)
    assert length_controlled(outcome, np.zeros_like(longer), prompt) == pytest.approx(outcome.mean(), abs=0.005)


def test_a_prompt_counts_once_however_often_it_was_judged() -> None:
    """One prompt with 90 wins and ten with one loss each are no near thing."""
    outcome = np.array([1.0] * 90 + [0.0] * 10)
    prompt = np.array([0] * 90 + list(range(1, 11)))
    found = length_controlled(outcome, np.zeros(100), prompt)
    assert found is not None
    assert found < 0.2


def test_nothing_is_said_where_one_side_is_always_longer() -> None:
    prompt = np.arange(3)
    assert length_controlled(np.array([1.0, 0, 1]), np.array([1.0, 5, 9]), prompt) is None
    assert length_controlled(np.array([1.0, 0, 1]), np.array([-1.0, -5, -9]), prompt) is None
    assert length_controlled(np.array([1.0, 0, 1]), np.array([-1.0, 5, 9]), prompt) is not None
