"""The kinds of work that a job may be, each said once: its words, its settings, its button, and its stage by name.

The launcher's commands, the worker and the research page are read from this table. A stage is named and not imported,
so that nobody who only reads the table (a page, `--help`) loads what computes. To add a kind: a function in a file of
rlhf/stages/, its options here, one row in `KINDS`.
"""

from dataclasses import dataclass

from rlhf.settings.bounds import Count, Seed, Some


@dataclass(frozen=True)
class NoOptions:
    """Nothing beside the settings."""


@dataclass(frozen=True)
class GenerateOptions:
    """Which model version writes the responses."""

    model: str | None = None
    """Model version that writes the responses; the promoted one if not given, or else the latest policy."""


@dataclass(frozen=True)
class SimulateOptions:
    """How many simulated annotators rank, and how much."""

    count: Count = 8
    """Simulated annotators."""
    limit: Some = 0
    """Tasks to rank at most; 0 is all that are open."""
    seed: Seed = 0
    """Seed of the annotators' tastes and slips."""


@dataclass(frozen=True)
class AgainOptions:
    """Whether to do again what was done already."""

    again: bool = False
    """Do it again although nothing that it rests on has changed."""


@dataclass(frozen=True)
class PPOOptions(AgainOptions):
    """What to overrule."""

    force: bool = False
    """Train against a reward model that is not good enough."""


@dataclass(frozen=True)
class RoundOptions:
    """What to overrule."""

    force: bool = False
    """Train against a reward model that is not good enough."""


@dataclass(frozen=True)
class LoopOptions(RoundOptions):
    """When to end, and what to overrule."""

    rounds: Some = 0
    """Rounds to run; 0 is without end."""


@dataclass(frozen=True)
class Kind:
    """One kind of work.

    `summary` is the launcher's line, `title` what a job of this kind is called on the page, `stage` the module and
    function that does it, called with a context and with the fields of `options`. `tables` are settings whose dials
    are the command's own flags (`--steps`); `parts` are those of the stages inside it, whose flags carry the table's
    name (`--ppo.steps`). `button` is the label on the research page, empty where there is none.
    """

    summary: str
    title: str
    stage: str
    options: type = NoOptions
    tables: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    button: str = ""


_STAGES_OF_A_ROUND = ("rating", "reward", "gate", "ppo", "generate", "sampling")

KINDS = {
    "generate": Kind(
        "sample fresh responses for the page",
        "Fresh responses",
        "rlhf.stages.generate:generate",
        GenerateOptions,
        ("generate", "sampling"),
    ),
    "simulate": Kind(
        "let simulated annotators rank the open tasks",
        "Simulated annotators",
        "rlhf.stages.simulate:simulate",
        SimulateOptions,
    ),
    "rate": Kind(
        "turn rankings into scores",
        "Rating",
        "rlhf.stages.rate:rate",
        AgainOptions,
        ("rating",),
        button="Rate the rankings",
    ),
    "reward": Kind(
        "train the reward model on the scores",
        "Reward model",
        "rlhf.stages.reward:reward",
        AgainOptions,
        ("reward", "gate"),
        button="Retrain reward model",
    ),
    "ppo": Kind(
        "train a policy against the reward model",
        "PPO",
        "rlhf.stages.ppo:ppo",
        PPOOptions,
        ("ppo",),
    ),
    "round": Kind(
        "rate, reward, ppo, generate; finished stages are skipped",
        "PPO round",
        "rlhf.loop:run_round",
        RoundOptions,
        ("round",),
        _STAGES_OF_A_ROUND,
        button="Run PPO round",
    ),
    "loop": Kind(
        "a round whenever enough new rankings are there",
        "Loop",
        "rlhf.loop:run_loop",
        LoopOptions,
        ("round",),
        _STAGES_OF_A_ROUND,
    ),
}
"""Every kind of work by its name, which is that of the launcher's command and of the job in the store."""

BUTTONS = {name: kind.button for name, kind in KINDS.items() if kind.button}
"""The research page's buttons, in the order in which they stand."""
