"""Sequential Elo against evalica, Plackett-Luce with ties against its formula, and what to rank next."""

import evalica
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from rlhf.ratings import BadRankings, flip_risk, rate
from rlhf.ratings.distinct import find_kinds
from rlhf.ratings.flip_risk import normal_tail
from rlhf.ratings.rankings import check_rankings

LOGIT = np.log(10) / 400


def test_elo_of_pairs_in_order_is_that_of_evalica():
    rng = np.random.default_rng(0)
    items = np.array([rng.choice(5, 2, replace=False) for _ in range(60)])
    outcome = rng.integers(-1, 2, 60)
    levels = np.full((60, 5), -1)
    levels[np.arange(60), items[:, 0]] = np.where(outcome >= 0, 1, 2)
    levels[np.arange(60), items[:, 1]] = np.where(outcome <= 0, 1, 2)
    winner = {1: evalica.Winner.X, -1: evalica.Winner.Y, 0: evalica.Winner.Draw}
    theirs = evalica.elo(
        [f"r{i}" for i in items[:, 0]], [f"r{i}" for i in items[:, 1]], [winner[o] for o in outcome], k=32.0
    ).scores
    ours = rate(levels, np.zeros(60, int), method="elo")
    np.testing.assert_allclose(ours.elo[0], [theirs[f"r{i}"] for i in range(5)], atol=1e-9)
    assert np.isnan(ours.stderr).all()
    assert np.isnan(ours.log_loss)


def test_elo_plays_each_prompt_in_its_own_order_of_arrival():
    levels, prompt = [[1, 2], [2, 1], [1, 2], [2, 1], [1, 2], [1, -1]], [1, 0, 0, 1, 1, 2]
    together = rate(levels, prompt, method="elo")
    alone = rate([[1, 2], [2, 1], [1, 2]], [0, 0, 0], method="elo")
    np.testing.assert_allclose(together.elo[1], alone.elo[0])
    assert together.elo[0, 0] > 1000 > together.elo[0, 1]  # the last game weighs most
    assert together.elo[2, 0] == 1000


def test_elo_plays_all_pairs_of_a_ranking_against_the_ratings_before_it():
    ratings = rate([[1, 2, 3]], [0], method="elo")
    np.testing.assert_allclose(ratings.elo[0], [1032, 1000, 968])  # two wins, each worth 32 (1 - 1/2)


def test_elo_starts_from_the_prior_mean():
    ratings = rate([[1, 1]], [0], method="elo", prior_mean=[[1200.0, 1000.0]])
    moved = 32 * (0.5 - 1 / (1 + 10 ** (-200 / 400)))
    np.testing.assert_allclose(ratings.elo[0], [1100 + moved, 900 - moved])


def breslow_loss(scores, rows, sigma):
    loss = np.sum(scores**2) / (2 * sigma**2)
    for row in rows:
        shown = row > 0
        for i in np.flatnonzero(shown):
            loss -= scores[i] - np.log(np.exp(scores[shown & (row >= row[i])]).sum())
    return loss


def test_plackett_luce_with_ties_and_missing_items_is_its_formula():
    rows = np.array([[1, 2, 2, 3], [2, -1, 1, 1], [1, 1, 1, 1], [3, 1, -1, 2]])
    ours = (rate(rows, np.zeros(4, int), method="plackett_luce", sigma=1.3).elo[0] - 1000) * LOGIT
    theirs = minimize(breslow_loss, np.zeros(4), (rows, 1.3), tol=1e-12).x
    np.testing.assert_allclose(ours, theirs - theirs.mean(), atol=1e-5)


def test_plackett_luce_of_pairs_is_bradley_terry():
    rows = [[1, 2, -1], [2, -1, 1], [-1, 1, 2], [1, 2, -1]]
    pairs = rate(rows, [0] * 4, sigma=1.0, tie=0.0)
    whole = rate(rows, [0] * 4, sigma=1.0, method="plackett_luce")
    np.testing.assert_allclose(whole.elo, pairs.elo, atol=1e-6)
    np.testing.assert_allclose(whole.stderr, pairs.stderr, atol=1e-6)


def test_flip_risk_is_the_sum_of_normal_tails():
    elo, stderr = np.array([[1100.0, 1000, 900]]), np.array([[60.0, 50, 60]])
    risk = 0.0
    for i, j in ((0, 1), (0, 2), (1, 2)):
        sd = np.sqrt((stderr[0, i] ** 2 + stderr[0, j] ** 2) * 3 / 2)
        risk += norm.sf(abs(elo[0, i] - elo[0, j]) / sd)
    np.testing.assert_allclose(flip_risk(elo, stderr, [2]), [risk / 3], atol=1e-6)


def test_the_spread_of_a_difference_is_exact_for_a_pair():
    ratings = rate([[1, 2], [2, 1]], [0, 0], sigma=1.0, tie=0.0)
    variance = 1 / (2 * 0.25 + 1 / 2)  # of the difference: two votes at even odds, and the prior's 2 sigma^2
    assert ratings.stderr[0, 0] * LOGIT * 2 == pytest.approx(np.sqrt(variance), rel=1e-6)
    assert flip_risk([[1100.0, 900.0]], [[50.0, 50.0]], [0])[0] == pytest.approx(norm.sf(2), abs=1e-7)


def test_unranked_prompts_come_first_and_the_certain_last():
    elo = np.array([[np.nan, np.nan], [1200, 800], [1000, 1000], [1000, np.nan]])
    stderr = np.array([[np.nan, np.nan], [10, 10], [100, 100], [0, np.nan]])
    risk = flip_risk(elo, stderr, [0, 5, 1, 1])
    assert risk[0] == np.inf
    np.testing.assert_allclose(risk[1:], [0, 0.25, 0], atol=1e-7)
    assert flip_risk([[1000.0, 1000]], [[0.0, 0]], [1])[0] == pytest.approx(0.25, abs=1e-7)


def test_normal_tail_is_that_of_scipy():
    x = np.linspace(0, 8, 200)
    np.testing.assert_allclose(normal_tail(x), norm.sf(x), atol=1e-7)
    assert normal_tail(np.array([np.inf]))[0] == 0


def test_flip_risk_names_what_does_not_fit():
    with pytest.raises(BadRankings, match="do not fit"):
        flip_risk([[1000.0, 1000]], [[1.0]], [1])
    played = rate([[1, 2]], [0], method="elo")
    with pytest.raises(BadRankings, match="without standard errors"):
        flip_risk(played.elo, played.stderr, [1])


@pytest.mark.parametrize("method", ["davidson", "plackett_luce"])
def test_prompts_of_one_kind_get_what_each_would_get_alone(method):
    rng = np.random.default_rng(3)
    levels = rng.integers(1, 4, (600, 3))
    levels[rng.random(levels.shape) < 0.15] = -1
    prompt = np.sort(rng.integers(0, 250, 600))
    flat = np.full((prompt.max() + 1, 3), 1000.0)  # a prior mean that says nothing, but keeps prompts apart
    shared = rate(levels, prompt, method=method, sigma=1.4, tie=0.5)
    apart = rate(levels, prompt, method=method, sigma=1.4, tie=0.5, prior_mean=flat)
    np.testing.assert_allclose(shared.elo, apart.elo, atol=1e-6)
    np.testing.assert_allclose(shared.stderr, apart.stderr, atol=1e-6)


def test_kinds_are_as_many_as_there_are_different_prompts():
    levels = [[1, 2, 3], [3, 2, 1], [3, 2, 1], [1, 2, 3], [1, 2, 3], [1, 2, -1], [1, 3, 2], [2, 1, 3]]
    rankings = check_rankings(levels, [0, 0, 1, 1, 2, 3, 5, 5], None)
    # 0 and 1 hold the same two rankings; 2 and 3 differ in what was shown; 4 was not ranked; 5 stands alone
    assert find_kinds(rankings, whole=False).stands_for.tolist() == [0, 0, 2, 3, 4, 5]
    assert find_kinds(rankings, whole=True).stands_for.tolist() == [0, 0, 2, 3, 4, 5]
    cycle = check_rankings(
        [[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 1, 1], [1, 1, 1], [1, 1, 1]], [0] * 3 + [1] * 3, None
    )
    assert find_kinds(cycle, whole=False).stands_for.tolist() == [0, 0]
    assert find_kinds(cycle, whole=True).stands_for.tolist() == [0, 1]
