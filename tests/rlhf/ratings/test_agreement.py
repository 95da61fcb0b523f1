"""Agreement against evalica, scipy and published or hand-made examples."""

import evalica
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rlhf.ratings import BadRankings, rate
from rlhf.ratings.agreement import doubt_gold, krippendorff_alpha, measure_agreement


def noisy_rankings(prompts=30, k=4, people=5, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.4, (prompts, k))
    prompt = np.repeat(np.arange(prompts), people)
    annotator = np.tile(np.arange(people), prompts)
    utility = scores[prompt] + noise * rng.gumbel(size=(len(prompt), k))
    levels = np.round(2 - utility).clip(-2, 6).astype(int) + 3
    return levels, prompt, annotator


def unit_table(levels, prompt):
    """Every pair in both orders as a unit, the rankings of its prompt as observers."""
    columns = []
    for p in np.unique(prompt):
        rows = levels[prompt == p]
        for i in range(rows.shape[1]):
            for j in range(rows.shape[1]):
                if i != j:
                    shown = (rows[:, i] > 0) & (rows[:, j] > 0)
                    columns.append(np.where(shown, np.sign(rows[:, j] - rows[:, i]), np.nan))
    width = max(len(column) for column in columns)
    padded = [np.pad(column.astype(float), (0, width - len(column)), constant_values=np.nan) for column in columns]
    return pd.DataFrame(np.array(padded).T)


def test_alpha_is_that_of_evalica():
    levels, prompt, _ = noisy_rankings()
    levels[::7, 2] = -1
    keep = np.arange(len(prompt)) % 9 != 0
    levels, prompt = levels[keep], prompt[keep]
    theirs = evalica.alpha(unit_table(levels, prompt), distance="ordinal").alpha
    assert krippendorff_alpha(levels, prompt)[0] == pytest.approx(theirs, abs=1e-12)


def test_alpha_is_1_when_all_agree_and_near_0_when_none_do():
    levels = np.tile([[1, 2, 3]], (20, 1))
    prompt = np.arange(20) // 2
    assert krippendorff_alpha(levels, prompt) == (1.0, 1.0, 1.0)
    rng = np.random.default_rng(0)
    random = np.argsort(rng.random((600, 3)), axis=1) + 1
    alpha, low, high = krippendorff_alpha(random, np.arange(600) // 2)
    assert low < 0 < high
    assert abs(alpha) < 0.1


def test_alpha_does_not_depend_on_names_or_order():
    levels, prompt, _ = noisy_rankings()
    order = np.random.default_rng(1).permutation(len(prompt))
    assert krippendorff_alpha(levels[order][:, [2, 0, 3, 1]], prompt[order]) == pytest.approx(
        krippendorff_alpha(levels, prompt), abs=1e-9
    )


def test_alpha_of_nothing_shared_or_everything_tied_is_nan():
    assert np.isnan(krippendorff_alpha([[1, 2], [2, 1]], [0, 1])).all()
    assert np.isnan(krippendorff_alpha([[1, 1], [1, 1]], [0, 0])).all()


def test_the_interval_covers_the_alpha_of_many_prompts():
    truth = krippendorff_alpha(*noisy_rankings(prompts=4000, people=3, seed=99)[:2])[0]
    inside = 0
    for seed in range(60):
        _, low, high = krippendorff_alpha(*noisy_rankings(prompts=60, people=3, seed=seed)[:2])
        inside += low <= truth <= high
    assert 52 <= inside <= 60


def test_tau_of_two_annotators_is_scipys_tau_b():
    levels, prompt, annotator = noisy_rankings(prompts=12, people=3)
    agreement = measure_agreement(levels, prompt, annotator)
    one, other = levels[annotator == 0], levels[annotator == 2]
    expected = np.nanmean([stats.kendalltau(x, y).statistic for x, y in zip(one, other, strict=True)])
    assert agreement.tau[0, 2] == pytest.approx(expected)
    assert agreement.tau[2, 0] == agreement.tau[0, 2]
    assert agreement.shared[0, 2] == 12
    assert np.isnan(agreement.tau[1, 1])


def test_one_who_clicks_at_random_stands_out_in_every_column():
    levels, prompt, annotator = noisy_rankings(prompts=150, people=5, noise=0.7)
    rng = np.random.default_rng(3)
    clicks = annotator == 4
    gold = np.full((150, 4), -1)
    gold[:20] = np.argsort(np.argsort(levels[annotator == 0][:20].astype(float), axis=1), axis=1) + 1
    levels[clicks] = np.argsort(rng.random((clicks.sum(), 4)), axis=1) + 1
    agreement = measure_agreement(levels, prompt, annotator, gold=gold[prompt], seconds=np.where(clicks, 2.0, 40.0))
    clicker, others = agreement.annotators[4], agreement.annotators[:4]
    assert clicker.tau < 0.15 < min(row.tau for row in others)
    assert clicker.log_loss > max(row.log_loss for row in others)
    assert clicker.reliability < 0.3 < min(row.reliability for row in others)
    assert clicker.flagged
    assert not any(row.flagged for row in others)
    assert clicker.seconds == 2.0


def test_repeats_gold_and_time_of_a_hand_made_table():
    levels = [[1, 2, 3], [1, 3, 2], [3, 2, 1], [1, 2, -1]]
    prompt = [0, 0, 1, 1]
    annotator = [0, 0, 0, 1]
    unknown = [-1, -1, -1]
    gold = [unknown, unknown, [1, 2, 2], [1, 2, 2]]
    agreement = measure_agreement(levels, prompt, annotator, gold=gold, seconds=[10, 30, np.nan, np.nan])
    first, second = agreement.annotators
    assert (first.rankings, first.repeats, first.gold, second.gold) == (3, 1, 1, 1)
    assert first.consistency == pytest.approx(2 / 3)  # of AB, AC and BC only BC turned round
    assert np.isnan(second.consistency)
    assert (first.gold_accuracy, second.gold_accuracy) == (0.0, 1.0)  # of AB and AC; BC is not asked
    assert first.seconds == 20.0
    assert np.isnan(second.seconds)
    # Whoever made the order known is not judged by it.
    of_second = measure_agreement(levels, prompt, annotator, gold=[unknown, unknown, [1, 2, 2], unknown])
    assert [row.gold for row in of_second.annotators] == [1, 0]


def test_one_who_repeats_oneself_does_not_raise_alpha():
    levels, prompt, annotator = noisy_rankings()
    again = np.flatnonzero(annotator == 0)
    twice = [np.concatenate([column, column[again]]) for column in (levels, prompt, annotator)]
    alpha = measure_agreement(levels, prompt, annotator).alpha
    assert measure_agreement(*twice).alpha == pytest.approx(alpha)
    # Other responses of the prompt are another question.
    other = np.where(np.arange(4) < 2, twice[0], -1)
    other[: len(levels)] = levels
    assert measure_agreement(other, *twice[1:]).alpha != pytest.approx(alpha)


def test_a_fit_that_is_there_already_gives_the_same_table():
    levels, prompt, annotator = noisy_rankings()
    fitted = rate(levels, prompt, annotator, reliability=True)
    anew = measure_agreement(levels, prompt, annotator)
    given = measure_agreement(levels, prompt, annotator, fitted=fitted)
    assert [(row.reliability, row.log_loss) for row in given.annotators] == [
        (row.reliability, row.log_loss) for row in anew.annotators
    ]
    assert given.alpha == anew.alpha


def test_disputed_prompts_come_first():
    levels = [[1, 2, 3], [3, 2, 1], [1, 2, 3], [1, 3, 2], [1, 1, 2], [1, 2, 3], [1, 2, 3]]
    agreement = measure_agreement(levels, [0, 0, 1, 1, 2, 2, 3], [0, 1, 0, 1, 0, 1, 0])
    np.testing.assert_allclose(agreement.disputed, [1, 1 / 3, 1 / 6, np.nan])
    assert agreement.most_disputed() == [0, 1, 2]
    assert agreement.most_disputed(1) == [0]


def test_a_lone_disagreement_on_one_pair_is_no_great_dispute():
    """Two people who differ on the only pair they share come behind four who differ on most of theirs."""
    levels = [[1, 2, -1], [2, 1, -1], [1, 2, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1], *([[1, 2, 3]] * 4)]
    prompt, annotator = [0, 0, 1, 1, 1, 1, 2, 2, 2, 2], [0, 1, 0, 1, 2, 3, 0, 1, 2, 3]
    agreement = measure_agreement(levels, prompt, annotator)
    assert agreement.disputed[0] == 1.0 > agreement.disputed[1] > 0.5
    assert agreement.most_disputed() == [1, 0]


def test_other_responses_of_a_prompt_are_no_repeat():
    levels = [[1, 2, -1, -1], [-1, -1, 1, 2], [2, 1, 3, -1]]
    (row,) = measure_agreement(levels, [0, 0, 0], [0, 0, 0]).annotators
    assert (row.repeats, row.consistency) == (1, 0.0)  # only the first and the third share a pair


def test_doubt_in_gold_accuracy_is_the_beta_distribution():
    accuracy, count = np.array([0.5, 1.0, 0.25, np.nan]), np.array([10, 3, 8, 0])
    expected = [stats.beta(6, 6).cdf(0.7), stats.beta(4, 1).cdf(0.7), stats.beta(3, 7).cdf(0.7), 0.7]
    np.testing.assert_allclose(doubt_gold(accuracy, count), expected, atol=1e-4)


def test_bad_input_is_named():
    with pytest.raises(BadRankings, match="gold is"):
        measure_agreement([[1, 2]], [0], [0], gold=[[1, 2, 3]])
    with pytest.raises(BadRankings, match="seconds has shape"):
        measure_agreement([[1, 2]], [0], [0], seconds=[1.0, 2.0])


def test_no_rankings_give_an_empty_table():
    agreement = measure_agreement(np.empty((0, 3), int), [], [])
    assert agreement.annotators == []
    assert np.isnan(agreement.alpha)
