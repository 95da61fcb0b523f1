"""What is tuned on left-out rankings, how sure scores are, and whom to trust."""

import numpy as np
import pytest
from scipy.integrate import quad

from rlhf.ratings import left_out_loss, rate
from rlhf.ratings.leave_out import at_mean, leave_out
from rlhf.ratings.likelihood import Davidson, curvature_slope, slope_and_curvature
from rlhf.ratings.newton import ground, invert, pair_variance, unground
from rlhf.ratings.problem import Setting, make_problems
from rlhf.ratings.rankings import check_rankings, pair_index

LOGIT = np.log(10) / 400


def simulate(prompts, k, each, *, seed, sigma=1.4, tie=0.0):
    """True scores (P, K), levels (N, K), prompt (N,): Plackett-Luce, neighbours tied as Davidson has it."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, sigma, (prompts, k))
    prompt = np.repeat(np.arange(prompts), each)
    order = np.argsort(-(scores[prompt] + rng.gumbel(size=(len(prompt), k))), axis=1)
    gap = np.diff(np.take_along_axis(scores[prompt], order, 1), axis=1)
    parted = rng.random(gap.shape) > tie / (tie + 2 * np.cosh(gap / 2))
    steps = np.concatenate([np.ones((len(prompt), 1), int), parted], axis=1).cumsum(1)
    levels = np.empty_like(steps)
    np.put_along_axis(levels, order, steps, 1)
    return scores, levels, prompt


def coverage(ratings, scores):
    miss = np.abs((ratings.elo - 1000) * LOGIT - (scores - scores.mean(1, keepdims=True)))
    return np.mean(miss < 1.645 * ratings.stderr * LOGIT)


def mean_tau(ratings, scores):
    """Kendall's tau with the truth, a prompt that nobody ranked counting 0."""
    first, second = pair_index(scores.shape[1])
    gaps = ratings.elo[:, first] - ratings.elo[:, second]
    return np.mean(np.sign(np.nan_to_num(gaps)) * np.sign(scores[:, first] - scores[:, second]))


@pytest.mark.parametrize("tie", [0.0, 0.7, 5.0])
def test_derivatives_of_a_pair_are_those_of_its_log_probability(tie):
    d, step = np.linspace(-6, 6, 25), 1e-5

    def log_whole(x):
        return np.log(np.exp(x / 2) + np.exp(-x / 2) + tie)

    slope, curvature = slope_and_curvature(d, tie)
    np.testing.assert_allclose(slope, (log_whole(d + step) - log_whole(d - step)) / (2 * step), atol=1e-8)
    ahead, behind = slope_and_curvature(d + step, tie), slope_and_curvature(d - step, tie)
    np.testing.assert_allclose(curvature, (ahead[0] - behind[0]) / (2 * step), atol=1e-8)
    log_change = (np.log(ahead[1]) - np.log(behind[1])) / (2 * step)
    np.testing.assert_allclose(curvature_slope(d, tie), log_change, atol=1e-7)


@pytest.mark.parametrize("k", [1, 2, 5, 30])
def test_batched_inverse_is_that_of_numpy(k):
    rng = np.random.default_rng(k)
    weights = rng.random((k * (k - 1) // 2, 7)) + 0.1
    matrix = ground(weights, k)
    np.testing.assert_allclose(unground(matrix), weights, rtol=1e-8)
    expected = np.linalg.inv(np.moveaxis(matrix, -1, 0))
    np.testing.assert_allclose(np.moveaxis(invert(matrix), -1, 0), expected, rtol=1e-8)


def test_variance_of_a_difference_is_the_resistance_of_the_network():
    # Information 1 on AB and 1 on BC: A and C are two steps apart in series. With 1 on AC too: 2/3.
    chain = invert(ground(np.array([[1.0], [0.0], [1.0]]), 3))
    np.testing.assert_allclose(pair_variance(chain)[:, 0], [1, 2, 1])
    ring = invert(ground(np.ones((3, 1)), 3))
    np.testing.assert_allclose(pair_variance(ring)[:, 0], [2 / 3] * 3)


def posterior(won, lost, sigma):
    """Maximum and mean of the difference of two scores, by integrating over it: no approximation."""
    d = np.linspace(-15, 15, 200_001)
    log_density = -(d**2) / (4 * sigma**2) - won * np.logaddexp(0, -d) - lost * np.logaddexp(0, d)
    weight = np.exp(log_density - log_density.max())
    return d[weight.argmax()], (weight * d).sum() / weight.sum()


@pytest.mark.parametrize(("won", "lost"), [(12, 1), (40, 2), (60, 2)])
def test_an_error_counts_how_far_the_maximum_is_from_the_mean(won, lost):
    """What is reported is the maximum: a score that won nearly all is further out than that, by the posterior."""
    ratings = rate([[1, 2]] * won + [[2, 1]] * lost, [0] * (won + lost), sigma=1.4, tie=0.0)
    peak, mean = posterior(won, lost, 1.4)
    chance = 1 / (1 + np.exp(-mean))
    variance = 1 / ((won + lost) * chance * (1 - chance) + 1 / (2 * 1.4**2))
    assert (ratings.elo[0, 0] - ratings.elo[0, 1]) * LOGIT == pytest.approx(peak, abs=2e-4)
    # Without the distance it would be 2% to 3% less. A score is half of the difference.
    assert ratings.stderr[0, 0] * LOGIT == pytest.approx(0.5 * np.sqrt(variance + (mean - peak) ** 2), rel=0.006)


def test_the_mean_of_three_is_that_of_exact_integration():
    levels = np.array([[1, 2, 3]] * 9 + [[2, 1, 3]] * 3 + [[1, 3, 2]])
    (problem,) = make_problems(check_rankings(levels, np.zeros(len(levels), int), None), None)
    fit = problem.solve(Setting(Davidson(0.0), 1.4))
    # Scores that sum to 0: a normal prior on each, seen on the plane of the first two.
    one, two = np.meshgrid(np.linspace(-4, 6, 401), np.linspace(-6, 6, 401), indexing="ij")
    scores = np.stack([one, two, -one - two])
    log_density = -(scores**2).sum(0) / (2 * 1.4**2)
    for row in levels:
        for i, j in zip(*pair_index(3), strict=True):
            better, worse = (i, j) if row[i] < row[j] else (j, i)
            log_density -= np.logaddexp(0, scores[worse] - scores[better])
    weight = np.exp(log_density - log_density.max())
    mean = (scores * weight).sum((1, 2)) / weight.sum()
    moved = at_mean(fit, 0.0, 1.0).scores[:, 0]
    assert np.abs(mean - fit.scores[:, 0]).max() > 0.1
    np.testing.assert_allclose(moved, mean, atol=0.03)


def test_a_left_out_ranking_is_seen_as_by_a_fit_without_it():
    _, levels, prompt = simulate(40, 4, 8, seed=1)
    levels[::3, 1] = -1
    setting = Setting(Davidson(0.0), 1.4)
    (problem,) = make_problems(check_rankings(levels, prompt, None), None)
    apart = []
    for left, batch in zip(
        leave_out(problem.group, problem.solve(setting), setting.model, None, 1.0),
        problem.group.batches,
        strict=True,
    ):
        for at in range(0, len(batch.row), 9):
            ranking = batch.arrival[at]
            others = np.flatnonzero((prompt == prompt[ranking]) & (np.arange(len(prompt)) != ranking))
            fit = rate(levels[others], np.zeros(len(others), int), sigma=1.4, tie=0.0)
            scores = fit.elo[0] * LOGIT
            items = np.flatnonzero(levels[ranking] > 0)
            first, second = pair_index(len(items))
            apart.append(left.mean[:, at] - (scores[items[first]] - scores[items[second]]))
    assert np.abs(np.concatenate(apart)).mean() < 0.05


def exact_loss(levels, sigma):
    """Left-out log-loss of pairs ranked twice, by integrating over the difference: no approximation."""

    def integral(*others):
        def density(d):
            value = np.exp(-d * d / (4 * sigma**2))
            for won in others:
                value /= 1 + np.exp(-d if won else d)
            return value

        return quad(density, -12 * sigma, 12 * sigma)[0]

    agree = -np.log(integral(True, True) / integral(True))
    differ = -np.log(integral(True, False) / integral(True))
    won = levels[:, 0] < levels[:, 1]
    return np.mean(np.where(won[::2] == won[1::2], agree, differ))


def test_log_loss_is_that_of_exact_integration():
    _, levels, prompt = simulate(800, 2, 2, seed=4)
    for sigma in (0.7, 1.0, 1.4):
        ratings = rate(levels, prompt, sigma=sigma, tie=0.0)
        assert ratings.log_loss == pytest.approx(exact_loss(levels, sigma), abs=0.002)


@pytest.mark.parametrize("sigma", [0.8, 1.4, 2.2])
def test_sigma_and_tie_are_found(sigma):
    _, levels, prompt = simulate(2500, 4, 3, seed=6, sigma=sigma)
    assert rate(levels, prompt).sigma == pytest.approx(sigma, rel=0.2)
    _, levels, prompt = simulate(3000, 2, 3, seed=6, sigma=sigma, tie=0.6)
    assert rate(levels, prompt, sigma=sigma).tie == pytest.approx(0.6, rel=0.1)


def test_tuned_sigma_and_tie_are_no_worse_than_their_neighbours():
    _, levels, prompt = simulate(1500, 3, 3, seed=8, tie=0.5)
    best = rate(levels, prompt)
    for sigma, tie in (
        (best.sigma * 1.3, best.tie),
        (best.sigma / 1.3, best.tie),
        (best.sigma, best.tie * 1.3),
    ):
        assert best.log_loss < rate(levels, prompt, sigma=sigma, tie=tie).log_loss + 1e-5


def test_without_a_prompt_ranked_twice_sigma_stays():
    _, levels, prompt = simulate(50, 4, 1, seed=2)
    assert rate(levels, prompt).sigma == 1.4


@pytest.mark.parametrize(("k", "each", "tie"), [(2, 1, 0.0), (3, 3, 0.5), (4, 2, 0.2), (6, 5, 0.0), (9, 1, 0.3)])
def test_intervals_cover_the_truth(k, each, tie):
    scores, levels, prompt = simulate(6000 // k, k, each, seed=k, tie=tie)
    assert 0.88 <= coverage(rate(levels, prompt), scores) <= 0.95


def test_mixed_sizes_cover_too():
    scores, levels, prompt = simulate(800, 6, 3, seed=3)
    levels[1::3, 3:] = -1
    assert 0.88 <= coverage(rate(levels, prompt), scores) <= 0.95


def test_clickers_are_found_and_weigh_little():
    scores, levels, prompt = simulate(1500, 4, 3, seed=5)
    rng = np.random.default_rng(1)
    annotator = rng.integers(0, 30, len(prompt))
    clicks = annotator < 6
    levels[clicks] = np.argsort(rng.random((clicks.sum(), 4)), axis=1) + 1
    plain, told = rate(levels, prompt), rate(levels, prompt, annotator, reliability=True)
    known = rate(np.where(clicks[:, None], -1, levels), prompt)
    oracle = mean_tau(known, scores)
    assert told.reliability[:6].max() < 0.3 < told.reliability[6:].min()
    assert np.median(told.reliability) == pytest.approx(1)
    assert mean_tau(told, scores) > oracle - 0.01
    assert mean_tau(told, scores) > mean_tau(plain, scores) + 0.03
    assert told.log_loss < plain.log_loss


def test_a_thousand_random_clicks_on_one_prompt_hardly_move_it():
    _, levels, prompt = simulate(200, 4, 3, seed=9)
    rng = np.random.default_rng(2)
    annotator = np.arange(len(prompt)) % 3
    clean = rate(levels, prompt, annotator, reliability=True)
    clicks = np.argsort(rng.random((1000, 4)), axis=1) + 1
    where = np.concatenate([prompt, np.zeros(1000, int)])
    who = np.concatenate([annotator, np.full(1000, 3)])
    noisy = rate(np.concatenate([levels, clicks]), where, who, reliability=True)
    assert noisy.reliability[3] < 0.1
    np.testing.assert_allclose(noisy.elo[1:], clean.elo[1:], atol=25)
    assert (np.argsort(noisy.elo[0]) == np.argsort(clean.elo[0])).all()


def test_reliability_of_equal_annotators_is_about_1():
    _, levels, prompt = simulate(600, 4, 3, seed=10)
    ratings = rate(levels, prompt, np.arange(len(prompt)) % 5, reliability=True)
    np.testing.assert_allclose(ratings.reliability, 1, atol=0.2)


def test_left_out_loss_is_worst_for_one_who_clicks():
    _, levels, prompt = simulate(200, 4, 3, seed=12)
    annotator = np.arange(len(prompt)) % 3
    rng = np.random.default_rng(0)
    levels[annotator == 2] = np.argsort(rng.random((200, 4)), axis=1) + 1
    loss = left_out_loss(levels, prompt, annotator, sigma=1.4, tie=0.0)
    assert loss[2] > np.log(2) > loss[:2].max()
    assert np.isnan(left_out_loss([[1, 2]], [0], [1], sigma=1.0, tie=0.0)[0])


def test_camps_that_rank_in_reverse_are_rated_and_not_divided_by_zero():
    """Four of eight people reverse what they see; with seed 49 a temperature grew until a vote had probability 0."""
    rng = np.random.default_rng(49)
    prompts = int(rng.choice([20, 50, 100, 200]))
    worth = rng.normal(0, 1.4, (prompts, 4))
    reversing = set(rng.permutation(8)[:4].tolist())
    levels, prompt, annotator = [], [], []
    for p in range(prompts):
        for person in rng.permutation(8)[: 8 if rng.random() < 0.1 else 1].tolist():
            order = np.argsort(-(worth[p] + rng.gumbel(size=4)))
            said = np.empty(4, int)
            said[order] = np.arange(1, 5)
            if rng.random() < 0.3:
                said = np.minimum(said, 3)
            levels.append(said.max() + 1 - said if person in reversing else said)
            prompt.append(p)
            annotator.append(person)
    with np.errstate(all="raise", under="ignore"):
        found = rate(levels, prompt, annotator, reliability=True)
    assert np.isfinite(found.elo).all()
    assert (found.reliability > 0).all()
