"""The two models of rankings, and how the gradients and the information of rankings add up to those of prompts.

Davidson's model of one pair is that of Bradley and Terry with a third outcome, the tie.

With d the difference of two scores in logits, P(first better) : P(tie) : P(second better) is
exp(d/2) : tie : exp(-d/2) (Davidson 1970, On extending the Bradley-Terry model to accommodate ties, with
pi = exp(score)). tie = 0 is the model of Bradley and Terry (1952). Everything is written in h = exp(-|d|/2)
<= 1, which cannot overflow.

In the model of Plackett and Luce the best is chosen first, then the best of the rest, and so on.

Luce (1959), Individual Choice Behavior; Plackett (1975), The analysis of permutations. The choice is in
proportion to exp(score), so a ranking's log-likelihood is the sum over its responses of score - log of the
sum of exp(score) over all that are not ranked above it. Tied responses share that sum (Breslow 1974,
Covariance analysis of censored survival data), so a ranking that ties everything says nothing.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rlhf.ratings.newton import Terms
from rlhf.ratings.rankings import Batch, Floats, Group, Ints, add_by_response, differences, pair_index, pair_numbers


class Likelihood(Protocol):
    """A log-concave model of rankings that depends on differences of scores only."""

    @property
    def tie(self) -> float:
        """Davidson's tie parameter of the model's pairs; 0 leaves ties unpredicted."""

    def inflation(self, size: int) -> float:
        """How many times the information of a ranking of `size` responses is counted by adding up its pairs."""

    def of_batch(self, batch: Batch, scores: Floats, temperature: Floats | None) -> tuple[Floats, Floats]:
        """Gradient (m, n) and information by pair (pairs, n) of each ranking at `scores` (m, n).

        `temperature` (n,) multiplies the scores of each ranking; None is 1 everywhere.
        """

    def of_group(self, group: Group, temperature: Floats | None) -> Terms:
        """The same summed over the rankings of each prompt; `temperature` is by annotator (A,)."""


def gather(batch: Batch, values: Floats) -> Floats:
    """The prompts' `values` (k, p) at each ranking's responses, (m, n)."""
    if batch.items is None:
        return values.take(batch.row, axis=1)
    return values[batch.items, batch.row]


def scatter_items(batch: Batch, group: Group, values: Floats) -> Floats:
    """`values` (m, n) by ranked response, added up to (k, p) by response of the prompt."""
    k, prompts = group.columns.shape
    if batch.items is None:
        return np.array([_add_up(batch.row, line, prompts) for line in values])
    place = batch.items * prompts + batch.row
    return _add_up(place, values, k * prompts).reshape(k, prompts)


def scatter_pairs(batch: Batch, group: Group, values: Floats) -> Floats:
    """`values` (pairs, n) by pair of a ranking, added up to (pairs, p) by pair of the prompt."""
    k, prompts = group.columns.shape
    if batch.items is None:
        return np.array([_add_up(batch.row, line, prompts) for line in values])
    pairs = k * (k - 1) // 2
    return _add_up(pair_numbers(batch, k) * prompts + batch.row, values, pairs * prompts).reshape(pairs, prompts)


def _add_up(place: Ints, values: Floats, length: int) -> Floats:
    # Of nothing at all bincount makes whole numbers, hence the type.
    return np.bincount(place.ravel(), values.ravel(), length).astype(np.float64, copy=False)


def sum_batches(model: Likelihood, group: Group, temperature: Floats | None) -> Terms:
    """The likelihood of prompts as the sum over rankings; `temperature` is by annotator (A,)."""
    k, prompts = group.columns.shape
    heat = [None if temperature is None else temperature[batch.annotator] for batch in group.batches]

    def terms(scores: Floats) -> tuple[Floats, Floats]:
        gradient = np.zeros((k, prompts))
        curvature = np.zeros((k * (k - 1) // 2, prompts))
        for batch, own in zip(group.batches, heat, strict=True):
            pull, weight = model.of_batch(batch, gather(batch, scores), own)
            gradient += scatter_items(batch, group, pull)
            curvature += scatter_pairs(batch, group, weight)
        return gradient, curvature

    return terms


def pair_totals(group: Group) -> tuple[Floats, Floats]:
    """Half the wins less losses of each pair's first response, and the votes on it, (pairs, p) each."""
    k, prompts = group.columns.shape
    wins = np.zeros((k * (k - 1) // 2, prompts))
    votes = np.zeros_like(wins)
    for batch in group.batches:
        wins += scatter_pairs(batch, group, batch.outcome * np.float64(0.5))
        if batch.items is None:
            votes += np.bincount(batch.row, minlength=prompts)
        else:
            votes += scatter_pairs(batch, group, np.ones(batch.outcome.shape))
    return wins, votes


def slope_and_curvature(d: Floats, tie: float) -> tuple[Floats, Floats]:
    """First and second derivative of log(exp(d/2) + exp(-d/2) + tie) in d, shaped like `d`.

    The log-likelihood of an outcome y in {-1, 0, 1} is y d/2 minus that logarithm (plus log tie for a tie),
    so its gradient is y/2 - slope and its information is the curvature, whatever the outcome.
    """
    h = np.exp(-0.5 * np.abs(d))
    square = h * h
    inverse = 1.0 / (1.0 + square + tie * h)
    slope = np.copysign(0.5 * (1.0 - square) * inverse, d)
    curvature = (square + (0.25 * tie) * h * (1.0 + square)) * inverse * inverse
    return slope, curvature


def curvature_slope(d: Floats, tie: float) -> Floats:
    """Derivative of the logarithm of the curvature in d: -tanh(d/2) without ties."""
    h = np.exp(-0.5 * np.abs(d))
    square = h * h
    bracket = h * (0.25 * tie * tie - 2.0) - 0.25 * tie * (1.0 + square)
    whole = (h + 0.25 * tie * (1.0 + square)) * (1.0 + square + tie * h)
    return np.sign(d) * 0.5 * (1.0 - square) * bracket / whole


def win_probability(d: Floats, tie: float) -> Floats:
    """Probability that the first is preferred, at the difference d in logits."""
    if tie == 0.0:
        return 1.0 / (1.0 + np.exp(-d))
    h = np.exp(-0.5 * d)
    return 1.0 / (1.0 + h * (h + tie))


def tie_probability(d: Floats, tie: float) -> Floats:
    """Probability of a tie at the difference d in logits."""
    h = np.exp(-0.5 * np.abs(d))
    return tie * h / (1.0 + h * (h + tie))


def outcome_probability(outcome: NDArray[np.int8], d: Floats, tie: float) -> Floats:
    """Probability of each outcome (+1 first preferred, 0 tie, -1 second) at the difference d in logits."""
    # The second is preferred at d with the probability of the first at -d.
    chance = win_probability(d * outcome, tie)
    tied = outcome == 0
    chance[tied] = tie_probability(d[tied], tie)
    return chance


@dataclass(frozen=True)
class Davidson:
    """A ranking taken as if its pairs were independent votes; `inflation` says how much too sure that is."""

    tie: float

    def inflation(self, size: int) -> float:
        """Variance of a response's wins in a ranking, over that in as many independent votes.

        It is 1 + (size - 2) c, with c the covariance of two wins of one response over the variance of one.
        Equal responses have c = 1/3, so (size + 1) / 3. But c falls as responses differ: in the model of
        Plackett and Luce with scores spread by the default 1.4 logits it is .244, which 1/4 stands for.
        """
        return (size + 2) / 4

    def of_batch(self, batch: Batch, scores: Floats, temperature: Floats | None) -> tuple[Floats, Floats]:
        """Gradient (m, n) and information by pair (pairs, n) of each ranking at `scores` (m, n)."""
        d = differences(scores)
        if temperature is None:
            slope, curvature = slope_and_curvature(d, self.tie)
            pull = 0.5 * batch.outcome - slope
        else:
            slope, curvature = slope_and_curvature(d * temperature, self.tie)
            pull = (0.5 * batch.outcome - slope) * temperature
            # The chain rule: d is multiplied by the temperature, once for each derivative.
            curvature *= temperature * temperature
        return add_by_response(pull, batch.size, -1), curvature

    def of_group(self, group: Group, temperature: Floats | None) -> Terms:
        """The likelihood of all rankings of each prompt; without temperatures, from the totals by pair."""
        if temperature is not None:
            return sum_batches(self, group, temperature)
        size = len(group.columns)
        # With one temperature for all, the likelihood needs no single ranking: totals make a step's cost independent
        # of how many rankings a prompt has.
        wins, votes = pair_totals(group)

        def terms(scores: Floats) -> tuple[Floats, Floats]:
            slope, curvature = slope_and_curvature(differences(scores), self.tie)
            return add_by_response(wins - votes * slope, size, -1), votes * curvature

        return terms


@dataclass(frozen=True)
class PlackettLuce:
    """The likelihood of whole rankings; its pairs are those of Bradley and Terry, without ties."""

    tie: float = 0.0

    def inflation(self, size: int) -> float:
        """1: a ranking is one observation here, nothing is counted twice."""
        return 1.0

    def of_batch(self, batch: Batch, scores: Floats, temperature: Floats | None) -> tuple[Floats, Floats]:
        """Gradient (m, n) and information by pair (pairs, n) of each ranking at `scores` (m, n)."""
        heat = 1.0 if temperature is None else temperature
        heated = scores * heat
        strength = np.exp(heated - heated.max(0))  # only ratios count, and the largest is 1: no overflow
        contends = _not_above(batch)
        first, second = pair_index(batch.size)
        gradient = np.ones_like(scores)
        curvature = np.zeros((len(first), scores.shape[1]))
        # One choice for each response that was ranked; tied ones choose from the same set (Breslow).
        for stage in range(batch.size):
            share = strength * contends[stage]
            share /= share.sum(0)
            gradient -= share
            curvature += share[first] * share[second]
        return gradient * heat, curvature * heat * heat

    def of_group(self, group: Group, temperature: Floats | None) -> Terms:
        """The likelihood of all rankings of each prompt."""
        return sum_batches(self, group, temperature)


def _not_above(batch: Batch) -> np.ndarray:
    """(m, m, n): whether the second response was still there to choose when the first was chosen."""
    first, second = pair_index(batch.size)
    there = np.ones((batch.size, batch.size, len(batch.row)), bool)
    there[first, second] = batch.outcome >= 0
    there[second, first] = batch.outcome <= 0
    return there
