"""Worlds with a known truth, for the benchmarks of the ratings."""

import numpy as np

LOGIT = np.log(10) / 400


def draw_rankings(rng, scores, *, tie=0.0, clicking=None):
    """Levels (N, K) of one ranking for each row of `scores` (N, K) in logits.

    Plackett-Luce: the order of scores with Gumbel noise. Neighbours in that order are then tied as Davidson's
    model with parameter `tie` has it. Rows marked in `clicking` (N,) are in random order.
    """
    order = np.argsort(-(scores + rng.gumbel(size=scores.shape)), axis=1)
    if clicking is not None:
        order = np.where(clicking[:, None], np.argsort(rng.random(scores.shape), axis=1), order)
    gap = np.diff(np.take_along_axis(scores, order, 1), axis=1)
    parted = rng.random(gap.shape) > tie / (tie + 2 * np.cosh(gap / 2))
    steps = np.concatenate([np.ones((len(scores), 1), int), parted], axis=1).cumsum(1)
    levels = np.empty_like(steps)
    np.put_along_axis(levels, order, steps, 1)
    return levels


def draw_world(seed, prompts, k, each, *, sigma=1.4, tie=0.0):
    """True scores (P, K) in logits, and `each` rankings of every prompt: levels (N, K), prompt (N,)."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, sigma, (prompts, k))
    prompt = np.repeat(np.arange(prompts), each)
    return scores, draw_rankings(rng, scores[prompt], tie=tie), prompt


def mean_taus(ratings, scores):
    """Kendall's tau-b and tau-a of each prompt with the truth, averaged over prompts.

    Two scores closer than a fifth of the standard error of their difference are tied. tau-a counts a tie as
    half right, as if a coin were thrown; tau-b does not ask about it. A prompt without scores counts 0.
    """
    first, second = np.triu_indices(scores.shape[1], 1)
    gap, error = np.nan_to_num(ratings.elo), np.nan_to_num(ratings.stderr)
    gap = gap[:, first] - gap[:, second]
    spread = np.sqrt((error[:, first] ** 2 + error[:, second] ** 2) * scores.shape[1] / (scores.shape[1] - 1))
    ordered = np.where(np.abs(gap) > 0.2 * spread + 1e-6, np.sign(gap), 0)
    agree = (ordered * np.sign(scores[:, first] - scores[:, second])).sum(1)
    told = np.maximum(np.abs(ordered).sum(1), 1)
    return float(np.mean(agree / np.sqrt(told * len(first)))), float(np.mean(agree / len(first)))


def coverage(ratings, scores):
    """Share of true centred scores within 1.645 standard errors: 90% if the errors were normal and right."""
    miss = np.abs((ratings.elo - 1000) * LOGIT - (scores - scores.mean(1, keepdims=True)))
    return float(np.mean(miss < 1.645 * ratings.stderr * LOGIT))
