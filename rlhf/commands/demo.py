"""The demo: the embedded model, simulated annotators, a few rounds, a table and a plot."""

import itertools
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlhf.commands.console import table as aligned
from rlhf.commands.evaluation import shown
from rlhf.commands.init import begin, fill
from rlhf.commands.options import DemoOptions, InitOptions
from rlhf.commands.parse import Call
from rlhf.jobs.execute import execute, start
from store import jobs, models, responses, rounds, scores, tasks
from store.called import CHECKOUT, as_called
from store.results import Evaluation, RoundFigures, as_json, figures, read, round_figures, tuned
from store.workspace import Workspace

log = logging.getLogger(__name__)

FEW = {"prompts": 75, "samples": 2, "best_of": 8}
"""What `evaluate` takes less of in the demo: a quarter of the work, intervals about half as wide again."""


@dataclass(frozen=True)
class Trained:
    """A policy of the demo, and what it took."""

    policy: str
    made_by: str
    rankings: int
    """Rankings that it was taught by, through a reward model or by themselves."""
    seconds: float
    """With PPO those of all rounds up to its own, fresh responses and judging included; with DPO those of its
    training and of what was measured afterwards."""


@dataclass(frozen=True)
class DemoResult:
    """Each round in figures; `win_rate_new_topics` is that of the last round, `evaluation` of all its policies.

    `trained` says of each policy what made it, and what that took.
    """

    rounds: tuple[RoundFigures, ...]
    win_rate_new_topics: float | None
    evaluation: Evaluation
    trained: tuple[Trained, ...]


def demo(call: Call[DemoOptions]) -> DemoResult:
    """The command `demo`: a workspace where there is none, the rounds, a table, a plot, and how to go on."""
    if not call.workspace.database.exists():
        begin(call.workspace.folder, InitOptions())
    done = run(call.workspace, call.options)
    trained = [
        *by_rounds(done),
        *([by_pairs(call.workspace, call.options.seed)] if call.options.with_ == "dpo" else []),
    ]
    evaluation = evaluated(call.workspace, call.options.seed, [one.policy for one in trained])
    print(f"\n{table(done)}\n\n{shown(as_json(evaluation))}\n\n{costs(trained)}\n", file=sys.stderr)
    print(f"Plot: {plot(call.workspace)}", file=sys.stderr)
    print(f"Open the pages: {as_called(CHECKOUT)} serve --workspace {call.workspace.folder}", file=sys.stderr)
    return DemoResult(tuple(done), done[-1].win_rate_new_topics, evaluation, tuple(trained))


def by_rounds(done: Sequence[RoundFigures]) -> list[Trained]:
    """The policies of the rounds, each with the seconds of all that led to it."""
    seconds = itertools.accumulate(turn.seconds for turn in done)
    return [Trained(turn.policy, "ppo", turn.rankings, lasted) for turn, lasted in zip(done, seconds, strict=True)]


def by_pairs(workspace: Workspace, seed: int) -> Trained:
    """A policy that DPO makes of the base by the scores of the last round, straight from all rankings so far."""
    told = execute(workspace, start(workspace, "dpo", {"settings": {"dpo": {"seed": seed}}, "start": "base"}))
    with workspace.store() as db:
        policy = models.named(db, told["policy"])
        rating = scores.require_latest(db)
    measured = tuned(policy)
    assert measured is not None  # DPO made its metrics
    return Trained(policy.name, "dpo", figures(rating).rankings, measured.seconds)


def costs(trained: Sequence[Trained]) -> str:
    """What each policy took, as lines of text."""
    rows = [["policy", "made by", "rankings", "seconds"]]
    return aligned([*rows, *([t.policy, t.made_by, str(t.rankings), f"{t.seconds:.0f}"] for t in trained)])


def evaluated(workspace: Workspace, seed: int, policies: Sequence[str]) -> Evaluation:
    """Policies against the base, by the simulated annotators; on few prompts, so that it is done in seconds."""
    asked = {"settings": {"evaluate": {**FEW, "seed": seed}}, "models": list(policies)}
    return read(Evaluation, execute(workspace, start(workspace, "evaluate", asked)) | {"skipped": None})


def run(workspace: Workspace, config: DemoOptions) -> list[RoundFigures]:
    """Close the loop `config.rounds` times on a workspace that `init` made; goes on where it was broken off.

    Returns each round in figures.
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
        return [round_figures(turn) for turn in rounds.every(db)][: config.rounds]


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


def table(turns: Sequence[RoundFigures]) -> str:
    """The rounds as lines of text; a column that no round has is left out."""
    columns = [c for c in COLUMNS if any(getattr(turn, c[0]) is not None for turn in turns)]
    rows = [[title for _, title, _ in columns]]
    rows += [[_cell(getattr(turn, key), form) for key, _, form in columns] for turn in turns]
    return aligned(rows)


def _cell(value: object, form: str) -> str:
    return "-" if value is None else form.format(value)


def plot(workspace: Workspace) -> Path:
    """Reward, KL and win rate over the rounds, as runs/rounds.png."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    with workspace.store() as db:
        done = rounds.every(db)
        told = [round_figures(turn) for turn in done]
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
        if all(getattr(turn, key) is not None for turn in told):
            axes[2].plot(numbers, [getattr(turn, key) for turn in told], marker="o", label=label)
    axes[2].axhline(0.5, color="grey", linewidth=0.8)
    axes[2].set(xlabel="round", xticks=numbers, ylim=(0, 1), title="win rate against the base")
    axes[2].legend(frameon=False, loc="lower right")
    path = workspace.runs / "rounds.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
