"""Davidson's model of one pair: Bradley-Terry with a third outcome, the tie.

With d the difference of two scores in logits, P(first better) : P(tie) : P(second better) is
exp(d/2) : tie : exp(-d/2) (Davidson 1970, On extending the Bradley-Terry model to accommodate ties, with
pi = exp(score)). tie = 0 is the model of Bradley and Terry (1952). Everything is written in h = exp(-|d|/2)
<= 1, which cannot overflow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlhf.ratings.likelihood import pair_totals, sum_batches
from rlhf.ratings.newton import Terms
from rlhf.ratings.rankings import Batch, Floats, Group, add_by_response, differences


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
    chance = win_probability(d * outcome, tie)
    tied = outcome == 0
    chance[tied] = tie_probability(d[tied], tie)
    return chance


@dataclass(frozen=True)
class Davidson:
    """A ranking as if its pairs were independent votes; `inflation` tells how far they are from it."""

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
            curvature *= temperature * temperature
        return add_by_response(pull, batch.size, -1), curvature

    def of_group(self, group: Group, temperature: Floats | None) -> Terms:
        """The likelihood of all rankings of each prompt; without temperatures, from the totals by pair."""
        if temperature is not None:
            return sum_batches(self, group, temperature)
        size = len(group.columns)
        wins, votes = pair_totals(group)

        def terms(scores: Floats) -> tuple[Floats, Floats]:
            slope, curvature = slope_and_curvature(differences(scores), self.tie)
            return add_by_response(wins - votes * slope, size, -1), votes * curvature

        return terms
