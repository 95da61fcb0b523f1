"""The demo: the embedded model, simulated annotators, a few rounds, a table and a plot."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhf.commands.console import table as aligned
from rlhf.commands.init import fill
from rlhf.jobs.execute import execute, start
from store import jobs, models, responses, rounds, tasks
from store.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DemoConfig:
    """How much the demo does."""

    rounds: int = 2
    """Turns of the loop."""
    prompts: int = 1600
    """Prompts that the base answers and the annotators rank before the first round."""
    fresh: int = 400
    """Prompts that each new policy answers for the next round."""
    annotators: int = 8
    """Simulated annotators."""
    seed: int = 0
    """Of every draw."""


def run(workspace: Workspace, config: DemoConfig) -> list[dict[str, Any]]:
    """Close the loop `config.rounds` times on a workspace that `init` made; goes on where it was broken off.

    Returns the metrics of each round.
    """
    fill(workspace)
    seeds = {name: {"seed": config.seed} for name in ("sampling", "reward", "ppo")}
    fresh = {"generate": {"prompts": config.fresh}}
    with workspace.store() as db:
        done = len(rounds.every(db))
        first = responses.count(db) == 0
    if first:
        execute(
            workspace, start(workspace, "generate", {"settings": {**seeds, "generate": {"prompts": config.prompts}}})
        )
    for number in range(done, config.rounds):
        with workspace.store() as db:
            waiting = tasks.count_open(db)
        if waiting:
            rank = {"count": config.annotators, "seed": config.seed}
            execute(workspace, start(workspace, "simulate", {"settings": seeds, **rank}))
        log.info("round %d of %d", number + 1, config.rounds)
        execute(workspace, start(workspace, "round", {"settings": {**seeds, **fresh}}))
    with workspace.store() as db:
        return [r.metrics for r in rounds.every(db)][: config.rounds]


COLUMNS = (
    ("round", "round", "{:d}"),
    ("policy", "policy", "{}"),
    ("rankings", "rankings", "{:d}"),
    ("reward_accuracy", "reward acc.", "{:.3f}"),
    ("reward_before", "reward before", "{:+.2f}"),
    ("reward_after", "after", "{:+.2f}"),
    ("kl", "KL (nats)", "{:.1f}"),
    ("win_rate", "win rate", "{:.3f}"),
    ("win_rate_new_topics", "new topics", "{:.3f}"),
    ("seconds", "seconds", "{:.0f}"),
)


def table(rounds: list[dict[str, Any]]) -> str:
    """The rounds as lines of text; a column that no round has is left out."""
    columns = [c for c in COLUMNS if any(c[0] in r for r in rounds)]
    rows = [[title for _, title, _ in columns]]
    rows += [[form.format(r[key]) if key in r else "-" for key, _, form in columns] for r in rounds]
    return aligned(rows)


def plot(workspace: Workspace) -> Path:
    """Reward, KL and win rate over the rounds, as runs/rounds.png."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    with workspace.store() as db:
        done = rounds.every(db)
        series = [jobs.series(db, models.get(db, r.policy_id).job_id or 0) for r in done]
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), constrained_layout=True)
    for axis, name, title in (
        (axes[0], "reward/score", "reward (deviations)"),
        (axes[1], "kl/k1", "KL (nats a response)"),
    ):
        for r, metrics in zip(done, series, strict=True):
            axis.plot(*zip(*metrics[name], strict=True), label=f"round {r.number}")
        axis.set(xlabel="PPO step", title=title)
        axis.legend(frameon=False)
    numbers = [r.number for r in done]
    for key, label in (("win_rate", "held-out prompts"), ("win_rate_new_topics", "new topics")):
        if all(key in r.metrics for r in done):
            axes[2].plot(numbers, [r.metrics[key] for r in done], marker="o", label=label)
    axes[2].axhline(0.5, color="grey", linewidth=0.8)
    axes[2].set(xlabel="round", xticks=numbers, ylim=(0, 1), title="win rate against the base")
    axes[2].legend(frameon=False, loc="lower right")
    path = workspace.runs / "rounds.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
