"""The shape of an arena: few prompts, a response of every model to each, and very many votes between two of them."""

from functools import partial

import numpy as np

from rlhf.ratings import rate
from rlhf.ratings.agreement import measure_agreement
from rlhf.ratings.versions import compare, rank_versions
from tests.benchmarks.ratings_speed import peak, times

PROMPTS, VERSIONS, VOTES, PEOPLE = 80, 59, 8931, 100
TIE = 0.6
CLICKERS = 10


def draw_arena(seed, prompts=PROMPTS, votes=VOTES):
    """Levels (N, K), prompt (N,), annotator (N,): each vote shows two of the prompt's responses, drawn at random.

    A response's score is its version's plus its own luck, a logit each. People see differences more or less clearly
    (by a factor of e either way in two cases of three), and `CLICKERS` of them hardly see any.
    """
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1, VERSIONS) + rng.normal(0, 1, (prompts, VERSIONS))
    heat = np.exp(rng.normal(0, 1, PEOPLE))
    heat[:CLICKERS] = 0.05
    prompt, annotator = rng.integers(0, prompts, votes), rng.integers(0, PEOPLE, votes)
    one = rng.integers(0, VERSIONS, votes)
    other = (one + rng.integers(1, VERSIONS, votes)) % VERSIONS
    better = np.exp(0.5 * heat[annotator] * (scores[prompt, one] - scores[prompt, other]))
    drawn = rng.random(votes) * (better + TIE + 1 / better)
    levels, row = np.full((votes, VERSIONS), -1), np.arange(votes)
    levels[row, one] = np.where(drawn < better + TIE, 1, 2)
    levels[row, other] = np.where(drawn < better, 2, 1)
    return levels, prompt, annotator


def show_arena(rounds=3):
    """Processor seconds and added memory of all that the stage `rate` computes, and of agreement as votes grow."""
    levels, prompt, annotator = draw_arena(0)
    version = np.broadcast_to(np.arange(VERSIONS), levels.shape)
    fitted = rate(levels, prompt, annotator, reliability=True)
    print(f"{PROMPTS} prompts x {VERSIONS} responses, {VOTES} votes of {PEOPLE} people, medians of {rounds}")
    calls = {
        "scores with reliability": lambda: rate(levels, prompt, annotator, reliability=True),
        "agreement": lambda: measure_agreement(levels, prompt, annotator, gold=_gold(levels), fitted=fitted),
        "leaderboard": lambda: rank_versions(levels, prompt, version),
        "newest against base": lambda: compare(levels, prompt, version, newest=VERSIONS - 1),
    }
    total, most = 0.0, 0.0
    for name, call in calls.items():
        cpu, added = times(call, rounds)[1], peak(call) / 1e6
        total, most = total + cpu, max(most, added)
        print(f"  {name}: processor {cpu:.2f} s, added memory {added:.0f} MB")
    print(f"  all: processor {total:.2f} s, added memory {most:.0f} MB at most")
    for prompts, votes in ((1, 500), (1, 1000), (1, 2000), (80, 89_310)):
        cpu = times(partial(measure_agreement, *draw_arena(1, prompts, votes)), 1)[1]
        print(f"  agreement with its own fit, prompts {prompts}, votes {votes}: processor {cpu:.2f} s")


def _gold(levels):
    """Every seventh vote is on a known order."""
    return np.where(np.arange(len(levels))[:, None] % 7 == 0, levels, -1)
