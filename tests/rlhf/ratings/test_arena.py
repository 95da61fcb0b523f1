"""Votes between two of very many responses of a prompt: the numbers are those of definitions written out by hand."""

import itertools
import tracemalloc

import choix
import numpy as np
import pytest

from rlhf.ratings import rate
from rlhf.ratings.agreement import krippendorff_alpha, measure_agreement
from rlhf.ratings.newton import LARGE, ground, invert, solve
from rlhf.ratings.versions import compare, rank_versions

LOGIT = np.log(10) / 400
PROMPTS, K, VOTES, PEOPLE = 4, 36, 700, 7


def arena(prompts=PROMPTS, k=K, votes=VOTES, people=PEOPLE, *, pairs=60, seed=0):
    """Levels (N, K), prompt (N,), annotator (N,): votes on `pairs` pairs a prompt, so that some pairs meet again.

    One vote in ten ranks three responses and one in twenty shows one alone.
    """
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.4, (prompts, k))
    prompt, annotator = rng.integers(0, prompts, votes), rng.integers(0, people, votes)
    known = np.array([[rng.permutation(k)[:3] for _ in range(pairs)] for _ in range(prompts)])
    levels = np.full((votes, k), -1)
    for n, p in enumerate(prompt):
        shown = known[p, rng.integers(pairs)][: 3 if n % 10 == 0 else 1 if n % 20 == 7 else 2]
        utility = scores[p, shown] + rng.gumbel(size=len(shown))
        levels[n, shown] = np.round(2 - utility).clip(-2, 6).astype(int) + 3
    return levels, prompt, annotator


def outcomes(row):
    """The outcome of each pair (i, j) that a ranking shows, i before j."""
    shown = np.flatnonzero(row > 0)
    return {(i, j): int(np.sign(row[j] - row[i])) for i, j in itertools.combinations(shown, 2)}


def test_large_matrices_are_inverted_and_solved():
    rng = np.random.default_rng(0)
    for k in (LARGE, LARGE + 1, LARGE + 12):
        matrix = ground(rng.random((k * (k - 1) // 2, 5)) + 0.1, k)
        right = rng.random((k - 1, 5))
        inverse, (solution, _) = invert(matrix), solve(matrix, right)
        for p in range(5):
            np.testing.assert_allclose(matrix[:, :, p] @ inverse[:, :, p], np.eye(k - 1), atol=1e-9)
            np.testing.assert_allclose(matrix[:, :, p] @ solution[:, p], right[:, p], atol=1e-9)


def test_scores_of_many_responses_are_choix():
    levels, prompt, _ = arena(pairs=200)
    levels = np.where(levels > 0, levels * K - np.arange(K), -1)  # no ties
    ours = (rate(levels, prompt, sigma=1.4, tie=0.0).elo - 1000) * LOGIT
    for p in range(PROMPTS):
        told = [outcomes(row) for row in levels[prompt == p]]
        wins = [pair if won > 0 else pair[::-1] for row in told for pair, won in row.items()]
        seen = np.flatnonzero((levels[prompt == p] > 0).any(0))
        theirs = choix.opt_pairwise(K, wins, alpha=1 / (2 * 1.4**2), method="Newton-CG", tol=1e-12)[seen]
        assert len(seen) > LARGE
        np.testing.assert_allclose(ours[p, seen], theirs - theirs.mean(), atol=1e-6)


def test_large_and_small_matrices_give_the_same_ratings(monkeypatch):
    levels, prompt, annotator = arena(pairs=200)
    before = rate(levels, prompt, annotator, reliability=True)
    monkeypatch.setattr("rlhf.ratings.newton.LARGE", K + 1)
    after = rate(levels, prompt, annotator, reliability=True)
    np.testing.assert_allclose(after.elo, before.elo, atol=1e-6)
    np.testing.assert_allclose(after.stderr, before.stderr, atol=1e-6)
    np.testing.assert_allclose(after.reliability, before.reliability, atol=1e-6)
    assert after.log_loss == pytest.approx(before.log_loss, abs=1e-9)


def test_agreement_is_counted_meeting_by_meeting():
    levels, prompt, annotator = arena()
    tau, shared = np.zeros((PEOPLE, PEOPLE)), np.zeros((PEOPLE, PEOPLE), int)
    same, asked, repeats = np.zeros(PEOPLE), np.zeros(PEOPLE), np.zeros(PEOPLE, int)
    differ, compared = np.zeros(PROMPTS), np.zeros(PROMPTS)
    told = [outcomes(row) for row in levels]
    for m, n in itertools.combinations(range(VOTES), 2):
        common = told[m].keys() & told[n].keys()
        if prompt[m] != prompt[n] or not common:
            continue
        x, y = (np.array([told[at][pair] for pair in common]) for at in (m, n))
        a, b = annotator[m], annotator[n]
        if a == b:
            same[a] += (x == y).sum()
            asked[a] += len(common)
            repeats[a] += 1
            continue
        differ[prompt[m]] += np.abs(x - y).sum() / 2
        compared[prompt[m]] += len(common)
        if x.any() and y.any():
            tau[[a, b], [b, a]] += (x @ y) / np.sqrt((x @ x) * (y @ y))
            shared[[a, b], [b, a]] += 1
    agreement = measure_agreement(levels, prompt, annotator)
    assert shared.min(where=~np.eye(PEOPLE, dtype=bool), initial=99) > 5
    np.testing.assert_array_equal(agreement.shared, shared)
    np.testing.assert_allclose(agreement.tau[shared > 0], tau[shared > 0] / shared[shared > 0])
    np.testing.assert_allclose(agreement.disputed, differ / compared)
    np.testing.assert_array_equal(agreement.compared, compared)
    assert [row.repeats for row in agreement.annotators] == repeats.tolist()
    np.testing.assert_allclose([row.consistency for row in agreement.annotators], same / asked)


def test_meetings_are_counted_once_whatever_the_size_of_a_block(monkeypatch):
    levels, prompt, annotator = arena()
    whole = measure_agreement(levels, prompt, annotator)
    monkeypatch.setattr("rlhf.ratings.agreement.meetings.BLOCK", 5 * K * K)
    blocks = measure_agreement(levels, prompt, annotator)
    np.testing.assert_array_equal(blocks.shared, whole.shared)
    np.testing.assert_allclose(blocks.tau, whole.tau)
    np.testing.assert_allclose(blocks.disputed, whole.disputed)


def test_more_responses_than_a_word_has_bits_are_told_apart():
    levels = np.full((4, 130), -1)
    levels[:2, [0, 129]] = [[1, 2], [2, 1]]
    levels[2:, [64, 65]] = [[1, 2], [1, 2]]
    agreement = measure_agreement(levels, [0] * 4, [0, 1, 0, 1])
    assert agreement.shared.tolist() == [[0, 2], [2, 0]]
    assert agreement.tau[0, 1] == 0.0  # once the opposite, once the same
    assert agreement.disputed.tolist() == [0.5]


def test_alpha_is_that_of_single_pairs_of_outcomes():
    levels, prompt, _ = arena()
    coincidences = np.zeros((3, 3))
    for p in range(PROMPTS):
        given: dict[tuple[int, int], list[int]] = {}
        for row in levels[prompt == p]:
            for (i, j), outcome in outcomes(row).items():
                given.setdefault((i, j), []).append(outcome)
                given.setdefault((j, i), []).append(-outcome)
        for values in given.values():
            for x, y in itertools.permutations(values, 2):
                coincidences[x + 1, y + 1] += 1 / (len(values) - 1)
    margin = coincidences.sum(0)
    steps = [
        [margin[min(c, d) : max(c, d) + 1].sum() - (margin[c] + margin[d]) / 2 for d in range(3)] for c in range(3)
    ]
    distance = np.square(steps)
    observed, expected = (coincidences * distance).sum(), (np.outer(margin, margin) * distance).sum()
    alpha = 1 - (margin.sum() - 1) * observed / expected
    assert krippendorff_alpha(levels, prompt)[0] == pytest.approx(alpha, abs=1e-12)


def test_gold_is_judged_by_the_pairs_that_both_show():
    levels, prompt, annotator = arena()
    gold = np.where(np.arange(VOTES)[:, None] % 3 == 0, np.arange(K) // 12 + 1, -1)
    gold[::6, ::5] = -1
    right, rankings = np.zeros(PEOPLE), np.zeros(PEOPLE, int)
    for row, answer, who in zip(levels, gold, annotator, strict=True):
        told, known = outcomes(row), outcomes(answer)
        asked = [told[pair] == known[pair] for pair in told if known.get(pair)]
        if asked:
            right[who] += np.mean(asked)
            rankings[who] += 1
    rows = measure_agreement(levels, prompt, annotator, gold=gold).annotators
    assert [row.gold for row in rows] == rankings.tolist()
    np.testing.assert_allclose([row.gold_accuracy for row in rows], right / rankings)


def test_the_leaderboard_is_that_of_each_pair_as_a_ranking_of_its_own():
    levels, prompt, _ = arena()
    writer = np.arange(K) % 9  # several responses of a prompt by one version
    own = [(r, i, j) for r, row in enumerate(levels) for i, j in outcomes(row) if writer[i] != writer[j]]
    row, first, second = np.array(own).T
    pairs = np.stack([levels[row, first], levels[row, second]], axis=1)
    whole = levels, prompt, np.broadcast_to(writer, levels.shape)
    apart = pairs, prompt[row], np.stack([writer[first], writer[second]], axis=1)
    ours, theirs = rank_versions(*whole), rank_versions(*apart)
    np.testing.assert_allclose(ours.elo, theirs.elo)
    np.testing.assert_allclose(ours.stderr, theirs.stderr)
    for version in range(9):
        met = (writer[first] == version) | (writer[second] == version)
        assert ours.comparisons[version] == met.sum()
        assert ours.prompts[version] == len(set(prompt[row[met]]))
    assert compare(*whole, newest=3) == compare(*apart, newest=3)


def test_memory_grows_with_votes_and_not_with_the_pairs_of_a_prompt():
    levels, prompt, annotator = arena(prompts=30, k=59, votes=3000, pairs=90)
    fitted = rate(levels, prompt, annotator, reliability=True, sigma=1.4, tie=0.5)
    version = np.broadcast_to(np.arange(59), levels.shape)
    tracemalloc.start()
    measure_agreement(levels, prompt, annotator, fitted=fitted, gold=levels)
    rank_versions(levels, prompt, version)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6  # the outcomes of 1,711 pairs of 3,000 votes, in whole numbers, are 41e6
