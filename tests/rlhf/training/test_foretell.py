"""Foretelling of left-out prompts against worlds whose answer is known, and against a regression done by hand."""

import numpy as np
import pytest

from rlhf.training.foretell import FOLDS, RIDGE, Foretold, _left_out, _ridge, foretell

Worlds = tuple[list[np.ndarray], list[np.ndarray]]


def world(prompts: int, signal: float, seed: int, width: int = 24, k: int = 4) -> Worlds:
    """Features of k responses a prompt, scores that follow from them with noise of deviation 1."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=width) / np.sqrt(width)
    features = [rng.normal(size=(k, width)) for _ in range(prompts)]
    return features, [signal * (x @ weight) + rng.normal(size=k) for x in features]


def test_a_signal_is_found_and_its_gain_is_what_the_pick_is_worth() -> None:
    features, scores = world(200, 3.0, 0)
    found = foretell(features, scores)
    assert found.p == 1 / 500
    assert found.z > 5
    assert found.correlation > 0.8
    assert found.gain_low < found.gain < found.gain_high
    # A perfect pick would gain what the best of four is above the mean.
    best = float(np.mean([s.max() - s.mean() for s in scores]))
    assert 0.7 * best < found.gain < best


def test_where_nothing_can_be_learned_p_is_uniform() -> None:
    """Whatever the number of prompts: P(p <= alpha) is at most alpha, here over 200 worlds without a signal."""
    p = np.array([foretell(*world(12 + seed % 30, 0.0, seed), permutations=99).p for seed in range(200)])
    for alpha in (0.05, 0.2, 0.5):
        assert (p <= alpha).mean() <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / 200)
    assert 0.4 < p.mean() < 0.6


def test_each_prompt_is_foretold_by_the_others_alone() -> None:
    features, scores = world(40, 2.0, 1, width=6)
    x, y = np.concatenate(features), np.concatenate(scores)[:, None]
    fold = np.repeat(np.arange(40) % FOLDS, 4)
    expected = np.zeros_like(y)
    for part in range(FOLDS):
        a = x[fold != part]
        strength = RIDGE * (a**2).sum() / 6
        # Ridge as least squares on rows of its own: sqrt(strength) times the identity, with target 0.
        stacked = np.concatenate([a, np.sqrt(strength) * np.eye(6)])
        weights = np.linalg.lstsq(stacked, np.concatenate([y[fold != part], np.zeros((6, 1))]), rcond=None)[0]
        expected[fold == part] = x[fold == part] @ weights
    np.testing.assert_allclose(_left_out(x, y, fold), expected, atol=1e-10)


def test_both_forms_of_the_ridge_are_one() -> None:
    rng = np.random.default_rng(2)
    for rows, width in ((8, 30), (30, 8)):
        x, y = rng.normal(size=(rows, width)), rng.normal(size=(rows, 2))
        primal = np.linalg.solve(x.T @ x + 0.3 * np.eye(width), x.T @ y)
        np.testing.assert_allclose(_ridge(x, y, 0.3), primal, atol=1e-10)


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_where_the_scores_of_a_prompt_lie_changes_nothing(shift: float) -> None:
    features, scores = world(30, 2.0, 3)
    moved = [s + shift * i for i, s in enumerate(scores)]
    assert foretell(features, moved).correlation == pytest.approx(foretell(features, scores).correlation, abs=1e-4)


def test_too_few_ordered_prompts_tell_nothing() -> None:
    features, scores = world(FOLDS - 1, 5.0, 4)
    tied = [np.zeros(4)] * 10
    assert foretell(features + features * 3, [*scores, *tied, np.zeros(4), np.zeros(4)]).p == 1.0
    assert foretell([], []) == Foretold(0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0)


def test_features_that_are_all_alike_foretell_nothing() -> None:
    _, scores = world(30, 1.0, 5)
    found = foretell([np.ones((4, 7))] * 30, scores)
    assert (found.correlation, found.p) == (0.0, 1.0)


def test_the_same_seed_gives_the_same_answer() -> None:
    features, scores = world(30, 1.0, 6)
    assert foretell(features, scores, seed=3) == foretell(features, scores, seed=3)
