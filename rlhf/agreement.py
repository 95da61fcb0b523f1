"""How far annotators agree with each other, with themselves and with known answers.

All of it looks at pairs of responses: a ranking puts the first of a pair above the second (+1), ties them (0)
or puts it below (-1). Tastes differ, so there is no level of agreement that every task should reach; what to
look for is one annotator far below the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlhf.ratings import BadRankings, left_out_loss, rate
from rlhf.ratings.rankings import Floats, Ints, Rankings, check_rankings, pair_index

GOLD_BAR = 0.7
"""Accuracy on gold prompts that an annotator should reach."""
GOLD_DOUBT = 0.95
"""How sure one must be that an annotator does not, before the annotator is flagged."""
RESAMPLES = 1000
BLOCK = 2**22
"""Numbers in one block of work: 32 megabytes."""


@dataclass(frozen=True)
class AnnotatorRow:
    """One annotator's line; NaN where there is nothing to tell from.

    `rankings` made; `tau`, the mean Kendall tau-b with others on shared prompts; `log_loss`, how badly others
    foretell this one, in nats a pair; `reliability`, the temperature that `rate` finds; `consistency`, the
    share of pairs that came out the same when a prompt was ranked again, over `repeats` such pairs of
    rankings; `gold_accuracy` over `gold` rankings of known prompts, `flagged` when it is below `GOLD_BAR`
    with probability over `GOLD_DOUBT`; `seconds`, the median time of a ranking.
    """

    annotator: int
    rankings: int
    tau: float
    log_loss: float
    reliability: float
    consistency: float
    repeats: int
    gold_accuracy: float
    gold: int
    flagged: bool
    seconds: float


@dataclass(frozen=True)
class Agreement:
    """`alpha` with its 95% interval, one row an annotator, and who agrees with whom.

    `tau` (A, A) is the mean Kendall tau-b of two annotators over the `shared` (A, A) pairs of rankings of one
    prompt, NaN where there is none. `disputed` (P,) is the chance that two people differ on a pair of the
    prompt's responses (a tie against an order is half), NaN for a prompt with fewer than two people.
    """

    alpha: float
    low: float
    high: float
    annotators: list[AnnotatorRow]
    tau: Floats
    shared: Ints
    disputed: Floats

    def most_disputed(self, count: int = 10) -> list[int]:
        """The numbers of at most `count` prompts on which people disagree, most disputed first."""
        disputed = np.nan_to_num(self.disputed)
        order = np.argsort(-disputed, kind="stable")[:count]
        return [int(prompt) for prompt in order if disputed[prompt] > 0.0]


def measure_agreement(
    levels: ArrayLike,
    prompt: ArrayLike,
    annotator: ArrayLike,
    *,
    seconds: ArrayLike | None = None,
    gold: ArrayLike | None = None,
    seed: int = 0,
) -> Agreement:
    """Agreement over N rankings of up to K responses; `levels`, `prompt` and `annotator` are those of `rate`.

    `seconds` (N,) is the time each took, NaN where unknown. `gold` (N, K) holds the right levels for each
    ranking of a prompt whose order is known, -1 elsewhere (as for whoever made the order known); pairs that it ties
    are not asked. `seed` is that of the bootstrap.
    Raises `BadRankings` where arrays do not fit.
    """
    rankings = check_rankings(levels, prompt, annotator)
    people = rankings.annotators
    fitted = rate(levels, prompt, annotator, reliability=True)
    met = _meetings(rankings)
    accuracy, asked = _gold_accuracy(levels, annotator, people, gold)
    columns = zip(
        np.bincount(rankings.annotator, minlength=people).tolist(),
        _ratio(met.tau.sum(1), met.shared.sum(1)).tolist(),
        left_out_loss(levels, prompt, annotator, sigma=fitted.sigma, tie=fitted.tie).tolist(),
        fitted.reliability.tolist(),
        _ratio(met.same, met.asked).tolist(),
        met.repeats.tolist(),
        accuracy.tolist(),
        asked.tolist(),
        (doubt_gold(accuracy, asked) > GOLD_DOUBT).tolist(),
        _median_seconds(annotator, people, seconds).tolist(),
        strict=True,
    )
    rows = [AnnotatorRow(person, *line) for person, line in enumerate(columns)]
    tau = _ratio(met.tau, met.shared)
    return Agreement(*_alpha(_once(rankings), seed), rows, tau, met.shared, _ratio(met.differ, met.pairs))


def _once(rankings: Rankings) -> Rankings:
    """The first ranking of the same responses by each person: whoever agrees with oneself tells nothing of others."""
    asked = np.column_stack([rankings.prompt, rankings.annotator, rankings.levels > 0])
    first: Ints = np.unique(asked, axis=0, return_index=True)[1]
    return rankings.pick(np.sort(first))


def krippendorff_alpha(levels: ArrayLike, prompt: ArrayLike, *, seed: int = 0) -> tuple[float, float, float]:
    """Krippendorff's alpha for the ordinal outcomes (-1, 0, 1) of pairs, and a 95% interval.

    alpha = 1 - D_o / D_e, observed over expected disagreement (Krippendorff 2011, Computing Krippendorff's
    alpha-reliability, section on ordinal data). A unit is a pair of responses of one prompt, in both
    orders, so that names do not matter. The interval is a Bayesian bootstrap (Rubin 1981) of whole prompts:
    pairs of one prompt come from the same rankings, and a bootstrap of single pairs is too narrow. NaN where
    no prompt is ranked twice or every pair is tied. The arguments are those of `rate`.
    """
    return _alpha(check_rankings(levels, prompt, None), seed)


def _alpha(rankings: Rankings, seed: int) -> tuple[float, float, float]:
    coincidences = _coincidences(rankings)
    alpha = float(_alpha_of(coincidences.sum(0, keepdims=True))[0])
    prompts = len(coincidences)
    if np.isnan(alpha):
        return alpha, alpha, alpha
    rng = np.random.default_rng(seed)
    at_once = max(1, BLOCK // prompts)
    sizes = [min(at_once, RESAMPLES - done) for done in range(0, RESAMPLES, at_once)]
    drawn = [
        _alpha_of((rng.standard_exponential((size, prompts)) @ coincidences.reshape(prompts, 9)).reshape(-1, 3, 3))
        for size in sizes
    ]
    low, high = np.nanquantile(np.concatenate(drawn), [0.025, 0.975])
    return alpha, float(low), float(high)


def _coincidences(rankings: Rankings) -> Floats:
    """For each prompt ranked twice, how often two rankings gave a pair the outcomes c and k (p, 3, 3)."""
    total = np.zeros((rankings.prompts, 3, 3))
    for first, second in zip(*pair_index(rankings.levels.shape[1]), strict=True):
        one, other = rankings.levels[:, first], rankings.levels[:, second]
        shown = (one > 0) & (other > 0)
        place = 3 * rankings.prompt[shown] + np.sign(other[shown] - one[shown]) + 1
        count = np.bincount(place, minlength=3 * rankings.prompts).reshape(-1, 3).astype(float)
        values = count.sum(1)
        pairs = count[:, :, None] * count[:, None]
        pairs[:, np.arange(3), np.arange(3)] -= count
        total += pairs / np.maximum(values - 1.0, 1.0)[:, None, None]
    total += total[:, ::-1, ::-1]
    return total[total.sum((1, 2)) > 0.0]


def _alpha_of(coincidences: Floats) -> Floats:
    """Alpha (b,) of coincidence matrices (b, 3, 3)."""
    margin = coincidences.sum(2)
    total = margin.sum(1)
    reached = np.cumsum(margin, axis=1)
    steps = reached[:, None] - reached[:, :, None] + 0.5 * (margin[:, :, None] - margin[:, None])
    distance = steps * steps
    observed = (coincidences * distance).sum((1, 2))
    expected = (margin[:, :, None] * margin[:, None] * distance).sum((1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0.0, 1.0 - (total - 1.0) * observed / expected, np.nan)


@dataclass
class _Meetings:
    """Sums over every two rankings of a prompt: by annotators (A, A), by annotator (A,) or by prompt (P,).

    `tau` over `shared` meetings of two people; pairs that were the `same` of those `asked` when one person
    met himself, in `repeats`; how much people `differ` over the `pairs` of a prompt.
    """

    tau: Floats
    shared: Ints
    same: Floats
    asked: Floats
    repeats: Ints
    differ: Floats
    pairs: Floats


def _meetings(rankings: Rankings) -> _Meetings:
    people, prompts = rankings.annotators, rankings.prompts
    met = _Meetings(
        tau=np.zeros((people, people)),
        shared=np.zeros((people, people), np.intp),
        same=np.zeros(people),
        asked=np.zeros(people),
        repeats=np.zeros(people, np.intp),
        differ=np.zeros(prompts),
        pairs=np.zeros(prompts),
    )
    for one, other in _pairs_of_rankings(rankings):
        _add_meetings(met, rankings, one, other)
    return met


def _add_meetings(met: _Meetings, rankings: Rankings, one: Ints, other: Ints) -> None:
    """Add the meetings of the rankings `one` (n,) with the rankings `other` (n,) to the sums."""
    x, x_shown = _outcomes(rankings.levels[one])
    y, y_shown = _outcomes(rankings.levels[other])
    both = x_shown & y_shown
    x, y = x * both, y * both
    pairs = both.sum(1)
    tau = _ratio((x * y).sum(1), np.sqrt(np.abs(x).sum(1) * np.abs(y).sum(1)))
    mine, yours, prompt = rankings.annotator[one], rankings.annotator[other], rankings.prompt[one]
    self_met = mine == yours
    counted = np.flatnonzero(~self_met & np.isfinite(tau))
    for left, right in ((mine, yours), (yours, mine)):
        np.add.at(met.tau, (left[counted], right[counted]), tau[counted])
        np.add.at(met.shared, (left[counted], right[counted]), 1)
    np.add.at(met.same, mine[self_met], ((x == y) & both).sum(1)[self_met])
    np.add.at(met.asked, mine[self_met], pairs[self_met])
    np.add.at(met.repeats, mine[self_met], 1)
    np.add.at(met.differ, prompt[~self_met], 0.5 * np.abs(x - y).sum(1)[~self_met])
    np.add.at(met.pairs, prompt[~self_met], pairs[~self_met])


def _outcomes(levels: NDArray[np.integer]) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Outcome (n, pairs) of every pair of `levels` (n, K), and whether both were shown."""
    first, second = pair_index(levels.shape[1])
    shown = (levels[:, first] > 0) & (levels[:, second] > 0)
    return np.sign(levels[:, second] - levels[:, first]).astype(np.int8) * shown, shown


def _pairs_of_rankings(rankings: Rankings) -> Iterator[tuple[Ints, Ints]]:
    """Places of every two rankings of one prompt, in blocks."""
    step = max(1, BLOCK // max(1, rankings.levels.shape[1] ** 2))
    for apart in range(1, len(rankings.prompt)):
        one = np.flatnonzero(rankings.prompt[apart:] == rankings.prompt[:-apart])
        if not len(one):
            return
        for at in range(0, len(one), step):
            yield one[at : at + step], one[at : at + step] + apart


def _gold_accuracy(
    levels: ArrayLike, annotator: ArrayLike, people: int, gold: ArrayLike | None
) -> tuple[Floats, Ints]:
    """Share of the known pairs that each annotator (A,) put right, over so many rankings (A,) of known order."""
    if gold is None:
        return np.full(people, np.nan), np.zeros(people, np.intp)
    given, who, known = np.asarray(levels), np.asarray(annotator, np.intp), np.asarray(gold)
    if known.shape != given.shape or known.dtype.kind not in "iu":
        raise BadRankings(f"gold is {known.dtype} {known.shape}: give whole numbers {given.shape}, -1 if unknown.")
    answer, has_answer = _outcomes(known)
    outcome, shown = _outcomes(given)
    asked = shown & has_answer & (answer != 0)
    share = _ratio(((outcome == answer) & asked).sum(1), asked.sum(1))
    judged = np.isfinite(share)
    count = np.bincount(who[judged], minlength=people)
    return _ratio(np.bincount(who[judged], share[judged], people), count), count


def doubt_gold(accuracy: Floats, count: Ints) -> Floats:
    """P(true accuracy < `GOLD_BAR`) for observed `accuracy` (A,) on `count` (A,) gold rankings.

    With a uniform prior it is Beta(1 + right, 1 + wrong), whose distribution function is summed on a fine
    grid. A ranking is one trial, of which a part may be right, for its pairs are not independent.
    """
    right = np.nan_to_num(accuracy) * count
    grid = (np.arange(20_000) + 0.5) / 20_000
    doubt = np.empty(len(right))
    for person, (hit, miss) in enumerate(zip(right, count - right, strict=True)):
        log_density = hit * np.log(grid) + miss * np.log1p(-grid)
        density = np.exp(log_density - log_density.max())
        doubt[person] = density[grid < GOLD_BAR].sum() / density.sum()
    return doubt


def _median_seconds(annotator: ArrayLike, people: int, seconds: ArrayLike | None) -> Floats:
    if seconds is None:
        return np.full(people, np.nan)
    who, times = np.asarray(annotator), np.asarray(seconds, float)
    if times.shape != who.shape:
        raise BadRankings(f"seconds has shape {times.shape}: give one time a ranking, {who.shape}.")
    known = [times[(who == person) & np.isfinite(times)] for person in range(people)]
    return np.array([np.median(own) if len(own) else np.nan for own in known])


def _ratio(part: NDArray, whole: NDArray) -> Floats:
    """part / whole, NaN where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)
