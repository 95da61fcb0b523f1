"""The converter against choix, brute force, and what must hold for any data."""

import choix
import numpy as np
import pytest
from scipy.optimize import minimize

from rlhf.ratings import BadRankings, rate

LOGIT = np.log(10) / 400


def logits(ratings):
    return (ratings.elo - 1000) * LOGIT


def simulate(prompts, k, each, *, seed, sigma=1.4, tie_gap=0.0):
    """True scores (P, K) in logits, levels (N, K) and prompt (N,): Gumbel utilities, near ones tied."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, sigma, (prompts, k))
    prompt = np.repeat(np.arange(prompts), each)
    utility = scores[prompt] + rng.gumbel(size=(prompts * each, k))
    order = np.argsort(-utility, axis=1)
    gaps = -np.diff(np.take_along_axis(utility, order, 1), axis=1)
    sorted_levels = np.ones(order.shape, int)
    sorted_levels[:, 1:] += np.cumsum(gaps > tie_gap, axis=1)
    levels = np.empty_like(sorted_levels)
    np.put_along_axis(levels, order, sorted_levels, 1)
    return scores, levels, prompt


@pytest.mark.parametrize("k", [2, 3, 5, 9])
def test_without_ties_the_optimum_is_choix(k):
    _, levels, prompt = simulate(4, k, 3, seed=k)
    ours = logits(rate(levels, prompt, sigma=1.4, tie=0.0))
    for p in range(4):
        rows = levels[prompt == p]
        pairs = [(i, j) for row in rows for i in range(k) for j in range(k) if row[i] < row[j]]
        theirs = choix.opt_pairwise(k, pairs, alpha=1 / (2 * 1.4**2), method="Newton-CG", tol=1e-12)
        np.testing.assert_allclose(ours[p], theirs - theirs.mean(), atol=1e-6)


def test_plackett_luce_is_choix():
    _, levels, prompt = simulate(3, 5, 4, seed=1)
    ours = logits(rate(levels, prompt, method="plackett_luce", sigma=1.0))
    for p in range(3):
        rankings = [tuple(np.argsort(row)) for row in levels[prompt == p]]
        theirs = choix.opt_rankings(5, rankings, alpha=0.5, method="Newton-CG", tol=1e-12)
        np.testing.assert_allclose(ours[p], theirs - theirs.mean(), atol=1e-6)


def davidson_loss(scores, levels, sigma, tie):
    """Negative log posterior of one prompt, written as in the paper."""
    loss = np.sum(scores**2) / (2 * sigma**2)
    for row in levels:
        for i in range(len(row)):
            for j in range(i + 1, len(row)):
                if row[i] < 0 or row[j] < 0:
                    continue
                a, b = np.exp(scores[i]), np.exp(scores[j])
                whole = a + b + tie * np.sqrt(a * b)
                won = {-1: a, 1: b, 0: tie * np.sqrt(a * b)}[np.sign(row[i] - row[j])]
                loss -= np.log(won / whole)
    return loss


def test_with_ties_and_missing_items_the_optimum_is_that_of_the_formula():
    levels = np.array([[1, 2, 2, -1, 3], [2, -1, 1, 1, -1], [1, 1, 1, 1, 1], [-1, 4, 9, 9, 1]])
    ours = logits(rate(levels, np.zeros(4, int), sigma=1.2, tie=0.8))[0]
    theirs = minimize(davidson_loss, np.zeros(5), (levels, 1.2, 0.8), tol=1e-12).x
    np.testing.assert_allclose(ours, theirs - theirs.mean(), atol=1e-5)


def test_mixed_sizes_in_one_call_are_rated_as_if_alone():
    rng = np.random.default_rng(5)
    rows, prompt = [], []
    for p, k in enumerate([2, 50, 4, 7, 2, 33]):
        for _ in range(3):
            row = np.full(50, -1)
            shown = rng.permutation(50)[:k] if p == 1 else np.arange(k)
            row[shown] = rng.integers(1, k + 1, k)
            rows.append(row)
            prompt.append(p)
    levels, prompt = np.array(rows), np.array(prompt)
    together = rate(levels, prompt, sigma=1.4, tie=0.5)
    for p in range(6):
        alone = rate(levels[prompt == p], np.zeros(3, int), sigma=1.4, tie=0.5)
        np.testing.assert_allclose(together.elo[p], alone.elo[0], atol=1e-6)
        np.testing.assert_allclose(together.stderr[p], alone.stderr[0], atol=1e-6)


def test_what_was_never_shown_is_nan():
    ratings = rate([[1, 2, -1], [-1, -1, -1]], [0, 2])
    assert np.isnan(ratings.elo).tolist() == [[False, False, True], [True] * 3, [True] * 3]
    assert np.isnan(ratings.stderr).tolist() == np.isnan(ratings.elo).tolist()


@pytest.mark.parametrize("method", ["davidson", "plackett_luce"])
def test_order_of_rankings_and_names_of_items_change_nothing(method):
    _, levels, prompt = simulate(60, 5, 3, seed=3, tie_gap=0.3)
    annotator = np.arange(len(prompt)) % 7
    plain = method == "plackett_luce"
    before = rate(levels, prompt, annotator, method=method, reliability=not plain)
    rng = np.random.default_rng(0)
    shuffle, rename = rng.permutation(len(prompt)), rng.permutation(5)
    after = rate(
        levels[shuffle][:, rename], prompt[shuffle], annotator[shuffle], method=method, reliability=not plain
    )
    np.testing.assert_allclose(after.elo, before.elo[:, rename], atol=1e-6)
    np.testing.assert_allclose(after.stderr, before.stderr[:, rename], atol=1e-6)


def test_levels_with_gaps_are_their_order():
    a = rate([[1, 2, 3], [2, 1, 1]], [0, 0])
    b = rate([[1, 50, 3_000_000], [9, 2, 2]], [0, 0])
    np.testing.assert_array_equal(a.elo, b.elo)
    np.testing.assert_array_equal(a.elo, rate(np.array([[1.0, 2, 3], [2, 1, 1]]), [0, 0]).elo)


@pytest.mark.parametrize(
    ("levels", "prompt", "says"),
    [
        ([[1.0, np.nan]], [0], "Ranking 0 gives response 1 the level nan"),
        ([[1, 2], [1, -3]], [0, 0], "Ranking 1 gives response 1 the level -3"),
        ([[0, 1]], [0], "the level 0"),
        ([[1.5, 1]], [0], "the level 1.5"),
        ([1, 2], [0], "1 dimensions"),
        ([["a", "b"]], [0], "not numbers"),
        ([[1, 2]], [0, 1], "shape"),
        ([[1, 2]], [-1], "whole numbers from 0"),
        ([[1, 2]], [0.5], "whole numbers from 0"),
    ],
)
def test_bad_rankings_are_named(levels, prompt, says):
    with pytest.raises(BadRankings, match=says):
        rate(levels, prompt)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"method": "glicko"}, "no method 'glicko'"),
        ({"sigma": 0.0}, "sigma is 0"),
        ({"tie": float("nan")}, "tie is nan"),
        ({"reliability": True}, "annotator is None"),
        ({"prior_mean": [[1000.0]]}, "prior_mean has shape"),
        ({"prior_mean": [[1000.0, np.nan]]}, "for response 1"),
    ],
)
def test_bad_options_are_named(options, says):
    with pytest.raises(BadRankings, match=says):
        rate([[1, 2]], [0], **options)


def test_no_rankings_at_all():
    ratings = rate(np.empty((0, 4), int), [])
    assert ratings.elo.shape == (0, 4)
    assert np.isnan(ratings.log_loss)


def test_an_undefeated_response_is_finite_and_first():
    ratings = rate([[1, 2, 3]] * 20, [0] * 20)
    assert np.isfinite(ratings.elo).all()
    best, middle, worst = ratings.elo[0]
    assert best > middle > worst
    assert best - middle == pytest.approx(middle - worst)


def test_a_prompt_where_all_are_tied_is_all_1000():
    ratings = rate([[1, 1, 1]] * 5, [0] * 5)
    np.testing.assert_allclose(ratings.elo, 1000)
    assert np.isfinite(ratings.stderr).all()
    assert np.isfinite(ratings.tie)


def test_two_groups_never_compared_are_symmetric():
    ratings = rate([[1, 2, -1, -1], [-1, -1, 1, 2]], [0, 0])
    assert ratings.elo[0, 0] == pytest.approx(ratings.elo[0, 2])
    assert ratings.elo[0, 1] == pytest.approx(ratings.elo[0, 3])
    assert ratings.elo[0, 0] > 1000
    np.testing.assert_allclose(ratings.stderr[0], ratings.stderr[0, 0])


def test_one_ranking_of_two_is_the_root_of_its_equation():
    ratings = rate([[1, 2]], [0])
    half_gap = logits(ratings)[0, 0]
    assert half_gap / 1.4**2 == pytest.approx(1 / (1 + np.exp(2 * half_gap)))  # prior's pull = likelihood's
    assert ratings.sigma == 1.4


def test_a_response_shown_alone_is_1000_and_certain_for_there_is_nothing_to_order():
    ratings = rate([[1, -1]], [0])
    assert ratings.elo[0, 0] == 1000
    assert ratings.stderr[0, 0] == 0


def test_rankings_of_one_response_change_nothing():
    with_single = rate([[1, 2, 3], [-1, 1, -1], [-1, -1, -1]], [0, 0, 0])
    np.testing.assert_allclose(with_single.elo, rate([[1, 2, 3]], [0]).elo)


def test_a_response_only_ever_shown_alone_keeps_the_prior():
    ratings = rate([[1, 2, -1], [-1, -1, 1]], [0, 0])
    assert ratings.elo[0, 2] == pytest.approx(1000)
    assert ratings.stderr[0, 2] > ratings.stderr[0, 0]


def test_the_same_ranking_twice_is_two_observations():
    once, twice = rate([[1, 2]], [0]), rate([[1, 2]] * 2, [0, 0], sigma=1.4)
    assert twice.elo[0, 0] > once.elo[0, 0]
    assert twice.stderr[0, 0] < once.stderr[0, 0]


def test_the_prior_mean_is_where_scores_start():
    nothing = rate([[1, 1]], [0], sigma=1.0, tie=0.0, prior_mean=[[1300.0, 1100.0]])
    assert 1000 < nothing.elo[0, 0] < 1100  # a tie pulls 1100 to the middle
    level = rate([[1, 2], [2, 1]], [0, 1], prior_mean=[[1500.0, 1500.0], [1500.0, 1500.0]])
    np.testing.assert_allclose(level.elo, rate([[1, 2], [2, 1]], [0, 1]).elo)
    unshown = rate([[1, 2, -1]], [0], prior_mean=[[1000, 1000, np.nan]])
    np.testing.assert_allclose(unshown.elo[0, :2], rate([[1, 2]], [0]).elo[0])


def test_win_probability():
    ratings = rate([[1, 2, 3, -1]], [0])
    assert ratings.win_probability(0, 0, 1) + ratings.win_probability(0, 1, 0) == pytest.approx(1)
    assert 0.5 < ratings.win_probability(0, 0, 1) < ratings.win_probability(0, 0, 2) < 1
    assert ratings.win_probability(0, 1, 1) == 0.5
    assert np.isnan(ratings.win_probability(0, 0, 3))
    plain = 1 / (1 + 10 ** ((ratings.elo[0, 1] - ratings.elo[0, 0]) / 400))
    assert ratings.win_probability(0, 0, 1) < plain  # one ranking is not much evidence


def test_win_probability_is_calibrated_on_fresh_votes():
    scores, levels, prompt = simulate(3000, 4, 2, seed=11)
    ratings = rate(levels, prompt)
    foretold = ratings.win_probability(np.arange(3000), 0, 1)
    assert foretold[7] == pytest.approx(ratings.win_probability(7, 0, 1))
    truth = 1 / (1 + np.exp(scores[:, 1] - scores[:, 0]))
    for low in (0.05, 0.25, 0.5, 0.75):
        near = (foretold >= low) & (foretold < low + 0.2)
        assert foretold[near].mean() == pytest.approx(truth[near].mean(), abs=0.04)
