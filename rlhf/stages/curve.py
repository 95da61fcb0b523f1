"""The over-optimisation curve: reward and win rate against the distance from the baseline, best-of-n beside them.

Where the reward goes on rising and the win rate by another judge falls, a policy has learned to please the reward
model and nobody else (Gao et al. 2023, figure 1).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from store.results import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KEYS = (("reward", "reward (deviations)"), ("win_rate", "win rate"))


def plot(evaluation: Evaluation, path: Path) -> Path:
    """Draw the versions in order of age, and the best of n of the baseline, over the root of the KL, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), constrained_layout=True)
    who = {"reward": f"by {evaluation.reward_model}", "win_rate": f"by {evaluation.judge}"}
    for axis, (key, title) in zip(axes, KEYS, strict=True):
        _versions(axis, evaluation, key)
        _best(axis, evaluation, key)
        axis.margins(x=0.12)  # room for the names
        axis.set(xlabel="√KL from the baseline (nats a response)", title=f"{title}, {who[key]}")
        if axis.get_legend_handles_labels()[0]:
            axis.legend(frameon=False)
    axes[1].axhline(0.5, color="grey", linewidth=0.8)
    axes[1].set(ylim=(0, 1))
    half = path.with_suffix(".part.png")
    figure.savefig(half, dpi=120)
    plt.close(figure)
    return half.replace(path)


def _versions(axis: Axes, evaluation: Evaluation, key: str) -> None:
    start = [(0.0, getattr(evaluation.of_baseline, key, 0.5), evaluation.baseline, 0.0, 0.0)]
    points = start + [
        (_root(row.kl), getattr(row, key), row.name, *_reach(row.win_rate, row.low, row.high, key))
        for row in evaluation.policies
    ]
    known = [point for point in points if point[1] is not None]
    if len(known) < 2:
        return
    x, y, names, below, above = zip(*known, strict=True)
    axis.errorbar(x, y, yerr=(below, above), marker="o", capsize=3, label="versions, oldest first")
    for at, value, name in zip(x, y, names, strict=True):
        axis.annotate(name, (at, value), xytext=(5, -11), textcoords="offset points", fontsize=8)


def _best(axis: Axes, evaluation: Evaluation, key: str) -> None:
    known = [row for row in evaluation.policies[0].best_of_n if getattr(row, key) is not None]
    if known:
        x, y = [_root(row.kl) for row in known], [getattr(row, key) for row in known]
        label = f"best of n of {evaluation.baseline} (KL at most)"
        axis.plot(x, y, marker="s", markersize=4, linestyle="--", label=label)
        for at, value, row in zip(x, y, known, strict=True):
            axis.annotate(str(row.n), (at, value), xytext=(-9, 4), textcoords="offset points", fontsize=8)


def _reach(rate: float | None, low: float | None, high: float | None, key: str) -> tuple[float, float]:
    """How far the interval goes down and up from the win rate; of a reward none is drawn."""
    if key != "win_rate" or rate is None or low is None or high is None:
        return 0.0, 0.0
    return rate - low, high - rate


def _root(kl: float) -> float:
    """The estimate of a KL may come out a little below 0."""
    return math.sqrt(max(kl, 0.0))
