"""Is the reward model worth optimising against, and if not, how many more rankings would it take?

A policy trained against a poor reward model gets worse while its reward rises (Gao et al. 2023), so PPO asks first.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rlhf.settings import GateConfig
from store.records import Ranking


def agreement(rankings: Sequence[Ranking]) -> float | None:
    """Share of the pairs ordered by two people that they ordered alike; None where no pair was."""
    votes: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for ranking in rankings:
        for (a, level_a), (b, level_b) in itertools.combinations(sorted(ranking.levels.items()), 2):
            if level_a != level_b:
                votes[a, b][level_a > level_b] += 1
    alike = sum(math.comb(first, 2) + math.comb(second, 2) for first, second in votes.values())
    both = sum(math.comb(first + second, 2) for first, second in votes.values())
    return alike / both if both else None


def ceiling(agreement: float) -> float:
    """Accuracy of a perfect model against single rankings of people who agree on a share `agreement` of the pairs.

    If each is right with probability p, independently, two agree with p^2 + (1 - p)^2; solved for p >= 1/2.
    """
    return (1 + math.sqrt(max(2 * agreement - 1, 0.0))) / 2


def required(config: GateConfig, agreement: float | None) -> float:
    """The held-out accuracy that PPO asks for; `agreement` is None where nobody ranked what another had ranked."""
    if agreement is None:
        return config.min_accuracy
    return min(config.min_accuracy, config.ceiling_share * ceiling(agreement))


def passes(metrics: dict[str, Any], config: GateConfig, agreement: float | None) -> bool:
    """Whether the accuracy reaches what is required and its 95% interval excludes chance."""
    return metrics["accuracy"] >= required(config, agreement) and metrics["accuracy_low"] > 0.5


def heldout_needed(metrics: dict[str, Any]) -> int:
    """Held-out prompts at which this accuracy's interval would exclude chance: its width falls as 1 / sqrt(n)."""
    half_width, above = metrics["accuracy"] - metrics["accuracy_low"], max(metrics["accuracy"] - 0.5, 0.01)
    return math.ceil(metrics["heldout_prompts"] * (half_width / above) ** 2) + 1


def rankings_needed(curve: Sequence[tuple[int, float]], target: float) -> int | None:
    """Ranked prompts at which the learning curve reaches `target`, None if it levels off below it.

    `curve` holds (ranked prompts, accuracy) of at least two sizes. The curve is 1 - a - b / sqrt(n), the usual
    form of statistical learning bounds, fitted by least squares.
    """
    x = [n**-0.5 for n, _ in curve]
    y = [1 - accuracy for _, accuracy in curve]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((xi - mean_x) ** 2 for xi in x)
    slope = sum((xi - mean_x) * (yi - mean_y) for xi, yi in zip(x, y, strict=True)) / spread
    room = (1 - target) - (mean_y - slope * mean_x)
    if slope <= 0 or room <= 0:
        return None
    return math.ceil((slope / room) ** 2)
