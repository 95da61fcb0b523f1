"""Model versions against each other: one scale for all prompts, and when the newest has beaten the base.

`rank_versions` fits Bradley and Terry's model to which version wrote which response, over all prompts at
once. Rankings of one prompt share its difficulty and its responses, so errors are clustered by prompt.
`compare` answers the one question that people ask again and again while rankings come in, and is built to be
asked again and again.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rlhf.ratings.converter import ELO_PER_LOGIT
from rlhf.ratings.likelihood import slope_and_curvature
from rlhf.ratings.newton import MAX_STEPS
from rlhf.ratings.rankings import BadRankings, Floats, Ints, by_size, check_rankings, only_shown, pair_index
from store.errors import NotConverged

BEATS, LOSES, OPEN = "newest beats base", "base beats newest", "open"
"""The three decisions in words, as the store keeps them and the pages print them."""
BASE_ELO = 1000.0
"""Elo; where the base stands, so that all other versions are read against it."""
RIDGE_SIGMA = 3.0
"""Logits, 521 Elo: standard deviation of a version's score about the base before any evidence.

Wide enough to leave versions that were compared where they are; keeps one that won everything finite."""
NORMAL_QUANTILE = 1.959964
"""Standard errors on either side of a two-sided interval of 95%."""
LOOK_AT = 100
"""Shared prompts at which the confidence sequence is nearly as narrow as it can be: about where gaps worth
promoting for are decided (docs/ratings.md, "Leaderboard of model versions")."""
FEWEST = 10
"""Shared prompts before any decision: with fewer, the variance in the sequence is a guess."""
TOLERANCE = 1e-9
"""Logits; a last step this small is rounding. The fit is one small system, so more steps cost nothing."""
PRIOR_VOTES = 2.0
"""One made-up win and one made-up loss in the variance of a comparison."""


@dataclass(frozen=True)
class Leaderboard:
    """Versions on the Elo scale with the base at 1000.

    `elo`, `stderr` (V,) in Elo; `low` and `high` (V,) bound a 95% interval; `prompts` (V,) counts the prompts
    on which a version was compared with another, `comparisons` (V,) the pairs of responses. NaN for a version
    that never was. The base has no error: all others are relative to it.
    """

    elo: Floats
    stderr: Floats
    low: Floats
    high: Floats
    prompts: Ints
    comparisons: Ints
    base: int


@dataclass(frozen=True)
class VersionVerdict:
    """Whether `newest` beats `base`, after how many shared prompts.

    `winner` is the better version's number, or None while it is open. `share` is the newest's share of the
    comparisons, a tie being half, each prompt counted once; `low` and `high` bound it at every look together
    with probability 1 - alpha, however often one looks.
    """

    winner: int | None
    share: float
    low: float
    high: float
    prompts: int


@dataclass(frozen=True)
class _Pairs:
    """Comparisons of two different versions: `first` and `second` (n,) are versions, `outcome` (n,) is +1, 0
    or -1."""

    prompt: Ints
    first: Ints
    second: Ints
    outcome: Floats


def rank_versions(levels: ArrayLike, prompt: ArrayLike, version: ArrayLike, *, base: int = 0) -> Leaderboard:
    """Scores of V model versions from N rankings of up to K responses each.

    `levels` (N, K): 1 is best, equal is a tie, -1 was not shown; `prompt` (N,) numbers the prompt; `version`
    (N, K) the version that wrote each response, anything where not shown. Two responses of one version say
    nothing and are left out; a tie is half a win. A normal prior of `RIDGE_SIGMA` logits about the base keeps
    scores finite.

    Errors: V = A^-1 B A^-1 (White 1982), A the information and B the sum over prompts of the outer product of
    each prompt's gradient (Liang and Zeger 1986, Longitudinal data analysis using generalized linear models,
    theorem 2), times G / (G - 1) for G prompts, plus the prior's part. Raises `BadRankings` for shapes and
    numbers that do not fit.
    """
    pairs, versions = _read_pairs(levels, prompt, version)
    versions = max(versions, base + 1)
    if base < 0:
        raise BadRankings(f"base is {base}: give the number of the version that is to stand at 1000.")
    # Without its column the base is held at 0, and all others are differences from it.
    free = np.flatnonzero(np.arange(versions) != base)
    design = _design(pairs, versions)[:, free]
    scores, information = _fit(design, pairs.outcome)
    covariance = _clustered(design, pairs, scores, np.linalg.inv(information).astype(float))
    seen = _prompts_by_version(pairs, versions)
    elo, stderr = np.full(versions, BASE_ELO), np.zeros(versions)
    elo[free] += ELO_PER_LOGIT * scores
    stderr[free] = ELO_PER_LOGIT * np.sqrt(np.diag(covariance))
    unknown = (seen == 0) & (np.arange(versions) != base)
    elo[unknown] = stderr[unknown] = np.nan
    reach = NORMAL_QUANTILE * stderr
    compared = np.bincount(np.concatenate([pairs.first, pairs.second]), minlength=versions)
    return Leaderboard(elo, stderr, elo - reach, elo + reach, seen, compared, base)


def compare(
    levels: ArrayLike,
    prompt: ArrayLike,
    version: ArrayLike,
    *,
    newest: int,
    base: int = 0,
    alpha: float = 0.05,
) -> VersionVerdict:
    """Whether `newest` is preferred to `base`, by a test that may be looked at after every prompt.

    A fixed 95% interval looked at a hundred times is wrong far more often than 5%. This one is an asymptotic
    confidence sequence: with t prompts of mean x and standard deviation s, the mean lies within s sqrt(2 (t
    r^2 + 1) / (t^2 r^2) log(sqrt(t r^2 + 1) / alpha)) of x at all t at once (Waudby-Smith, Arbour, Sinha,
    Kennedy and Ramdas 2024, Time-uniform central limit theory and asymptotic confidence sequences, theorem
    2.2). Each prompt gives one number, its mean over the comparisons of the two versions, so overlapping
    rankings do not count as new evidence. `PRIOR_VOTES` made-up prompts go into s, so that no early run of
    equal outcomes makes it zero.

    The arguments are those of `rank_versions`. Raises `BadRankings` where `newest` is `base` or alpha is no
    probability.
    """
    if newest == base:
        raise BadRankings(f"newest and base are both version {base}: compare two different versions.")
    if not 0.0 < alpha < 1.0:
        raise BadRankings(f"alpha is {alpha}: give a probability between 0 and 1, such as 0.05.")
    pairs, _ = _read_pairs(levels, prompt, version)
    gains = _gain_by_prompt(pairs, newest, base)
    count = len(gains)
    if count == 0:
        return VersionVerdict(None, float("nan"), 0.0, 1.0, 0)
    mean = float(gains.mean())
    sd = np.sqrt((((gains - mean) ** 2).sum() + PRIOR_VOTES) / (count + PRIOR_VOTES))
    reach = float(sd) * sequence_width(count, alpha)
    # A mean of wins less losses lies between -1 and 1, which early on is narrower than the sequence.
    low, high = max(-1.0, mean - reach), min(1.0, mean + reach)
    winner = None
    if count >= FEWEST and (low > 0.0 or high < 0.0):
        winner = newest if low > 0.0 else base
    return VersionVerdict(winner, 0.5 + 0.5 * mean, 0.5 + 0.5 * low, 0.5 + 0.5 * high, count)


def winner_of(decision: str, newest: str, base: str) -> str | None:
    """The name of the version that a decision in words prefers; None while it is open."""
    return {BEATS: newest, LOSES: base}.get(decision)


def sequence_width(count: int, alpha: float) -> float:
    """Half the width of the confidence sequence after `count` observations of standard deviation 1.

    r^2 = (-2 log alpha + log(1 - 2 log alpha)) / t makes it nearly as tight as can be at t = `LOOK_AT` (the
    same paper, appendix B.2).
    """
    rho2 = (-2.0 * np.log(alpha) + np.log(1.0 - 2.0 * np.log(alpha))) / LOOK_AT
    grown = count * rho2 + 1.0
    return float(np.sqrt(2.0 * grown / (count * count * rho2) * np.log(np.sqrt(grown) / alpha)))


def _read_pairs(levels: ArrayLike, prompt: ArrayLike, version: ArrayLike) -> tuple[_Pairs, int]:
    """All comparisons of different versions, sorted by prompt, and the number of versions."""
    given = np.asarray(version)
    shape = np.shape(levels)
    if given.shape != shape or len(shape) != 2:
        raise BadRankings(f"version has shape {given.shape} and levels {shape}: give one version a response.")
    rankings = check_rankings(levels, prompt, np.arange(len(given)))
    writer = given[rankings.annotator]
    shown = rankings.levels > 0
    if shown.any() and (writer.dtype.kind not in "iu" or writer[shown].min() < 0):
        raise BadRankings("version must hold whole numbers from 0 wherever a response was shown.")
    found = [np.empty((4, 0), np.intp)]
    for size, at in by_size(shown):
        columns, own = only_shown(rankings.levels[at], size)
        wrote = writer[at] if columns is None else writer[at[:, None], columns]
        first, second = pair_index(size)
        row, pair = np.nonzero(wrote[:, first] != wrote[:, second])
        one, other = first[pair], second[pair]
        outcome = np.sign(own[row, other] - own[row, one])
        numbers = (at[row], wrote[row, one], wrote[row, other], outcome)
        found.append(np.stack(numbers, dtype=np.intp, casting="unsafe"))
    # Back in the order of the rankings, whose prompts are sorted: the pairs of a prompt lie together.
    every = np.concatenate(found, axis=1)
    ranking, one, other, outcome = every[:, np.argsort(every[0], kind="stable")]
    pairs = _Pairs(rankings.prompt[ranking], one, other, outcome.astype(float))
    return pairs, int(writer[shown].max(initial=-1)) + 1


def _design(pairs: _Pairs, versions: int) -> Floats:
    matrix = np.zeros((len(pairs.outcome), versions))
    every = np.arange(len(pairs.outcome))
    matrix[every, pairs.first] = 1.0
    matrix[every, pairs.second] = -1.0
    return matrix


def _fit(design: Floats, outcome: Floats) -> tuple[Floats, Floats]:
    """Scores (v,) in logits of greatest posterior density, and the information (v, v) there."""
    scores = np.zeros(design.shape[1])
    prior = np.eye(len(scores)) / RIDGE_SIGMA**2
    for _ in range(MAX_STEPS):
        slope, curvature = slope_and_curvature(design @ scores, 0.0)
        information = design.T @ (design * curvature[:, None]) + prior
        step = np.linalg.solve(information, design.T @ (0.5 * outcome - slope) - prior @ scores)
        reach = float(np.abs(step).max(initial=0.0))
        scores += step / max(1.0, reach)  # at most a logit a step: a full one may overshoot far from the maximum
        if reach < TOLERANCE:
            return scores, information
    raise NotConverged(
        f"The fit of {len(scores) + 1} versions still moves by {reach:.1e} logits after {MAX_STEPS} steps: "
        "report these rankings, no leaderboard can be made from them."
    )


def _clustered(design: Floats, pairs: _Pairs, scores: Floats, inverse: Floats) -> Floats:
    """The sandwich (v, v) with one term a prompt."""
    slope, _ = slope_and_curvature(design @ scores, 0.0)
    rows = design * (0.5 * pairs.outcome - slope)[:, None]
    start = np.flatnonzero(np.diff(pairs.prompt, prepend=-1))
    gradients = np.add.reduceat(rows, start, axis=0) if len(start) else rows
    # One prompt alone shows no variance between prompts; its correction is that of two.
    clusters = max(2, len(start))
    middle = gradients.T @ gradients * clusters / (clusters - 1) + np.eye(len(scores)) / RIDGE_SIGMA**2
    return inverse @ middle @ inverse


def _prompts_by_version(pairs: _Pairs, versions: int) -> Ints:
    # A byte for each version and prompt: sorting millions of comparisons for it took most of the time.
    seen = np.zeros((versions, int(pairs.prompt.max(initial=-1)) + 1), bool)
    seen[pairs.first, pairs.prompt] = True
    seen[pairs.second, pairs.prompt] = True
    prompts: Ints = seen.sum(1)
    return prompts


def _gain_by_prompt(pairs: _Pairs, newest: int, base: int) -> Floats:
    """For each prompt with both versions, wins of the newest less its losses, over the comparisons."""
    forward = (pairs.first == newest) & (pairs.second == base)
    backward = (pairs.first == base) & (pairs.second == newest)
    used = forward | backward
    outcome = np.where(forward, pairs.outcome, -pairs.outcome)[used]
    # Numbered anew: prompts without both versions are no observations.
    _, prompt = np.unique(pairs.prompt[used], return_inverse=True)
    return np.bincount(prompt, outcome) / np.bincount(prompt)
