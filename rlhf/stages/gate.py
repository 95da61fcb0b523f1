"""Is the reward model worth optimising against, and if not, how many more rankings would it take?

A policy trained against a poor reward model gets worse while its reward rises (Gao et al. 2023), so PPO asks first.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence

from rlhf.settings import GateConfig
from store.records import Ranking

SMALLEST_GAIN = 0.01
"""Accuracy above chance below which no number of prompts would be worth naming."""


def vote_agreement(rankings: Sequence[Ranking]) -> float | None:
    """Share of the pairs ordered by two people that they ordered alike; None where no pair was."""
    votes: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for ranking in rankings:
        for (a, level_a), (b, level_b) in itertools.combinations(sorted(ranking.levels.items()), 2):
            if level_a != level_b:
                votes[a, b][level_a > level_b] += 1
    alike = sum(math.comb(first, 2) + math.comb(second, 2) for first, second in votes.values())
    both = sum(math.comb(first + second, 2) for first, second in votes.values())
    return alike / both if both else None


def ceiling(agreed: float) -> float:
    """Accuracy of a perfect model against single rankings of people who agree on a share `agreed` of the pairs.

    If each is right with probability p, independently, two agree with p^2 + (1 - p)^2; solved for p >= 1/2.
    """
    return (1 + math.sqrt(max(2 * agreed - 1, 0.0))) / 2


def required(config: GateConfig, agreed: float | None) -> float:
    """The held-out accuracy that PPO asks for; `agreed` is None where nobody ranked what another had ranked."""
    if agreed is None:
        return config.min_accuracy
    return min(config.min_accuracy, config.ceiling_share * ceiling(agreed))


def passes(accuracy: float, low: float, config: GateConfig, agreed: float | None) -> bool:
    """Whether the accuracy reaches what is required and the lower end of its 95% interval is above chance."""
    return accuracy >= required(config, agreed) and low > 0.5


def heldout_needed(accuracy: float, low: float, heldout: int) -> int:
    """Held-out prompts at which this accuracy's interval would exclude chance: its width falls as 1 / sqrt(n).

    `low` is the lower end of the interval that `heldout` prompts gave.
    """
    half_width, above = accuracy - low, max(accuracy - 0.5, SMALLEST_GAIN)
    return math.ceil(heldout * (half_width / above) ** 2) + 1


def prompts_needed(curve: Sequence[tuple[int, float]], target: float) -> int | None:
    """Ranked prompts at which the learning curve reaches `target`, None if it levels off below it.

    `curve` holds (ranked prompts, accuracy) of at least two sizes. The curve is 1 - a - b / sqrt(n), the usual
    form of statistical learning bounds, fitted by least squares.
    """
    x = [math.pow(n, -0.5) for n, _ in curve]
    y = [1 - accuracy for _, accuracy in curve]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((xi - mean_x) ** 2 for xi in x)
    slope = sum((xi - mean_x) * (yi - mean_y) for xi, yi in zip(x, y, strict=True)) / spread
    room = (1 - target) - (mean_y - slope * mean_x)
    if slope <= 0 or room <= 0:
        return None
    return math.ceil((slope / room) ** 2)
