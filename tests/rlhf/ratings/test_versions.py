"""The leaderboard against choix, a brute-force sandwich and simulation."""

import choix
import numpy as np
import pytest

from rlhf.ratings import BadRankings
from rlhf.ratings.versions import RIDGE_SIGMA, compare, rank_versions, sequence_width

LOGIT = np.log(10) / 400


def simulate(theta, prompts, *, k=3, each=2, seed=0, spread=1.0):
    """Rankings of `k` responses of different versions; each is its version's score and its own luck."""
    rng = np.random.default_rng(seed)
    version = np.argsort(rng.random((prompts, len(theta))), axis=1)[:, :k]
    quality = np.asarray(theta)[version] + rng.normal(0, spread, (prompts, k))
    prompt = np.repeat(np.arange(prompts), each)
    order = np.argsort(-(quality[prompt] + rng.gumbel(size=(len(prompt), k))), axis=1)
    levels = np.empty_like(order)
    np.put_along_axis(levels, order, np.broadcast_to(np.arange(1, k + 1), order.shape), 1)
    return levels, prompt, version[prompt]


def all_pairs(levels, version):
    rows, k = levels.shape
    return [
        (version[r, i], version[r, j])
        for r in range(rows)
        for i in range(k)
        for j in range(k)
        if 0 < levels[r, i] < levels[r, j] and version[r, i] != version[r, j]
    ]


def test_scores_are_those_of_choix_when_the_prior_is_wide(monkeypatch):
    monkeypatch.setattr("rlhf.ratings.versions.RIDGE_SIGMA", 1e4)
    levels, prompt, version = simulate([0, 0.5, 1.0, -0.5], 60)
    board = rank_versions(levels, prompt, version)
    theirs = choix.opt_pairwise(4, all_pairs(levels, version), alpha=1e-9, method="Newton-CG", tol=1e-12)
    np.testing.assert_allclose((board.elo - 1000) * LOGIT, theirs - theirs[0], atol=1e-5)


def test_errors_are_the_sandwich_written_out():
    levels, prompt, version = simulate([0, 0.4, 0.8], 25, k=3)
    board = rank_versions(levels, prompt, version)
    scores = (board.elo - 1000) * LOGIT
    information = np.eye(2) / RIDGE_SIGMA**2
    gradients = np.zeros((25, 2))
    for row, p, who in zip(levels, prompt, version, strict=True):
        for i in range(3):
            for j in range(i + 1, 3):
                chance = 1 / (1 + np.exp(scores[who[j]] - scores[who[i]]))
                x = (np.eye(3)[who[i]] - np.eye(3)[who[j]])[1:]
                information += chance * (1 - chance) * np.outer(x, x)
                gradients[p] += x * (float(row[i] < row[j]) - chance)
    middle = gradients.T @ gradients * 25 / 24 + np.eye(2) / RIDGE_SIGMA**2
    bread = np.linalg.inv(information)
    expected = np.sqrt(np.diag(bread @ middle @ bread)) / LOGIT
    np.testing.assert_allclose(board.stderr, [0, *expected], rtol=1e-6)
    np.testing.assert_allclose(board.high - board.elo, 1.959964 * board.stderr)


def test_the_base_stands_at_1000_and_only_differences_move_with_it():
    levels, prompt, version = simulate([0, 0.5, 1.0], 300)
    one, other = rank_versions(levels, prompt, version), rank_versions(levels, prompt, version, base=2)
    assert (one.elo[0], other.elo[2]) == (1000, 1000)
    assert other.stderr[2] == 0
    assert one.elo[2] - one.elo[0] == pytest.approx(other.elo[2] - other.elo[0], rel=0.02)


def test_order_of_rankings_and_of_responses_changes_nothing():
    levels, prompt, version = simulate([0, 0.5, 1.0, 0.2], 80)
    before = rank_versions(levels, prompt, version)
    order = np.random.default_rng(0).permutation(len(prompt))
    after = rank_versions(levels[order][:, ::-1], prompt[order], version[order][:, ::-1])
    np.testing.assert_allclose(after.elo, before.elo, atol=1e-6)
    np.testing.assert_allclose(after.stderr, before.stderr, atol=1e-6)


def test_a_version_that_won_all_is_finite_and_one_never_compared_is_nan():
    board = rank_versions([[1, 2], [1, 2], [1, 1]], [0, 1, 2], [[3, 0], [3, 0], [2, 2]])
    assert np.isfinite(board.elo[[0, 3]]).all()
    assert board.elo[3] > 1000
    assert board.low[3] < board.elo[3] < board.high[3]
    assert np.isnan(board.elo[[1, 2]]).all()
    assert board.prompts.tolist() == [2, 0, 0, 2]


def test_no_rankings_leave_the_base_alone():
    board = rank_versions(np.empty((0, 3), int), [], np.empty((0, 3), int))
    assert board.elo.tolist() == [1000]


def test_intervals_cover_when_responses_differ_in_luck():
    theta = [0, 0.2, 0.5, 0.9]
    truth = rank_versions(*simulate(theta, 40_000, each=1, seed=1000)).elo
    covered = []
    for seed in range(200):
        board = rank_versions(*simulate(theta, 100, seed=seed))
        covered.append((board.low[1:] <= truth[1:]) & (truth[1:] <= board.high[1:]))
    assert 0.92 <= np.mean(covered) <= 0.98


def test_the_sequence_is_the_formula_and_wider_than_a_fixed_interval():
    rho2 = (-2 * np.log(0.05) + np.log(1 - 2 * np.log(0.05))) / 100
    expected = np.sqrt(2 * (50 * rho2 + 1) / (50**2 * rho2) * np.log(np.sqrt(50 * rho2 + 1) / 0.05))
    assert sequence_width(50, 0.05) == pytest.approx(expected)
    widths = np.array([sequence_width(count, 0.05) for count in range(1, 2000)])
    assert (widths > 1.96 / np.sqrt(np.arange(1, 2000))).all()
    assert (np.diff(widths) < 0).all()


@pytest.mark.slow
def test_peeking_rarely_makes_a_winner():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(200):
        gains = rng.choice([1, 2], 400)
        levels, version = np.stack([gains, 3 - gains], 1), np.tile([1, 0], (400, 1))
        looks = (compare(levels[:t], np.arange(t), version[:t], newest=1) for t in range(20, 401, 20))
        alarms += any(look.winner is not None for look in looks)
    assert alarms <= 0.05 * 200


def test_a_better_version_wins_whichever_stands_first_and_not_before_it_is_sure():
    better = compare([[1, 2]] * 40 + [[2, 1]] * 8, np.arange(48), [[1, 0]] * 48, newest=1)
    worse = compare([[1, 2]] * 40 + [[2, 1]] * 8, np.arange(48), [[0, 1]] * 48, newest=1)
    assert (better.winner, worse.winner) == (1, 0)
    assert better.share == pytest.approx(40 / 48)
    assert better.low == pytest.approx(1 - worse.high)
    # 33 of 48: an interval of 95% for a single look ends above a half, and would call it won.
    assert 33 / 48 - 1.96 * np.sqrt(33 * 15) / 48 / np.sqrt(48) > 0.5
    assert compare([[1, 2]] * 33 + [[2, 1]] * 15, np.arange(48), [[1, 0]] * 48, newest=1).winner is None


def test_more_rankings_of_one_prompt_are_not_more_evidence():
    once = compare([[1, 2]] * 20, np.arange(20), [[1, 0]] * 20, newest=1)
    thrice = compare([[1, 2]] * 60, np.arange(60) // 3, [[1, 0]] * 60, newest=1)
    assert once == thrice


def test_a_few_wins_decide_nothing():
    assert compare([[1, 2]] * 5, np.arange(5), [[1, 0]] * 5, newest=1).winner is None
    nothing = compare(np.empty((0, 2), int), [], np.empty((0, 2), int), newest=1)
    assert (nothing.winner, nothing.low, nothing.high, nothing.prompts) == (None, 0.0, 1.0, 0)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: rank_versions([[1, 2]], [0], [[0, 1, 2]]), "version has shape"),
        (lambda: rank_versions([[1, 2]], [0], [[0, -1]]), "whole numbers from 0"),
        (lambda: rank_versions([[1, 2]], [0], [[0, 1]], base=-1), "base is -1"),
        (lambda: compare([[1, 2]], [0], [[0, 1]], newest=0), "both version 0"),
        (lambda: compare([[1, 2]], [0], [[0, 1]], newest=1, alpha=1.0), "alpha is 1"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(BadRankings, match=says):
        call()
