"""The kinds of work that a job may be, each said once: its words, its settings, its button, and its stage by name.

The launcher's commands, the worker and the research page are read from this table. A stage is named and not imported,
so that nobody who only reads the table (a page, `--help`) loads what computes. To add a kind: a function in a file of
rlhf/stages/, its options here, one row in `KINDS`.
"""

from dataclasses import dataclass
from typing import Literal

from rlhf.settings.bounds import Count, FileName, PolicyName, Seed, Share, Some


@dataclass(frozen=True)
class NoOptions:
    """A kind of work with no options of its own beside the settings."""


@dataclass(frozen=True)
class OwnerOptions:
    """Whether to wait for another job that trains or writes responses in this workspace."""

    wait: bool = False
    """Wait while another job trains or writes responses in this workspace, instead of ending at once."""


@dataclass(frozen=True)
class TrainOptions(OwnerOptions):
    """Who is told what training measures."""

    report_to: str = ""
    """Trackers that get the metrics beside the store, by comma: tensorboard, wandb, trackio, mlflow. Nothing leaves
    this machine without it."""


@dataclass(frozen=True)
class GenerateOptions(OwnerOptions):
    """Which model version writes the responses."""

    model: PolicyName | None = None
    """Model version that writes the responses; the promoted one if not given, or else the latest policy."""


@dataclass(frozen=True)
class ExpandOptions(OwnerOptions):
    """How many prompts a version proposes, and how new they must be."""

    count: Count = 100
    """Prompts to propose."""
    model: PolicyName | None = None
    """Model version that proposes; the promoted one if not given, or else the latest policy."""
    likeness: Share = 0.7
    """A proposal is left out from this likeness on (ROUGE-L) with any stored prompt or other proposal: 0 leaves out
    all, 1 only what has the very same words. Self-Instruct (Wang et al. 2023) takes .7."""
    seed: Seed = 0
    """Seed of every draw; a second call with the same seed goes on where the first one ended."""


@dataclass(frozen=True)
class SimulateOptions:
    """How many simulated annotators rank, and how much."""

    count: Count = 8
    """How many simulated annotators rank."""
    limit: Some = 0
    """At most this many tasks are ranked; 0 ranks all that are open."""
    seed: Seed = 0
    """Seed that draws each annotator's taste and mistakes."""


@dataclass(frozen=True)
class AgainOptions:
    """Whether to repeat work whose result is there already."""

    again: bool = False
    """Do the work again although neither its input nor its settings have changed since the last time."""


@dataclass(frozen=True)
class RewardOptions(AgainOptions, TrainOptions):
    """Whether to repeat work whose result is there already."""


@dataclass(frozen=True)
class PPOOptions(AgainOptions, TrainOptions):
    """Whether to train once more, or against the advice of the gate."""

    force: bool = False
    """Train although the gate refuses the reward model as not good enough."""


@dataclass(frozen=True)
class SFTOptions(AgainOptions, TrainOptions):
    """What the policy is shown, and where it starts."""

    data: FileName | None = None
    """File of demonstrations, as JSON Lines or a JSON array: `prompt` and `completion`, chats in `messages` or
    `conversations`, `instruction`, `input` and `output`, or `text` with `### Human:` and `### Assistant:`."""
    from_: Literal["file", "rankings"] = "file"
    """Learn from a file, or from the responses that people ranked highest (rejection sampling)."""
    top: Count = 1
    """With rankings: how many of the best responses of each prompt are shown."""
    skip_long: bool = False
    """Leave out demonstrations that exceed the model's context; otherwise one refuses the file."""
    start: PolicyName | None = None
    """Policy that training starts from; if not given, the latest that was not shown the same."""


@dataclass(frozen=True)
class DPOOptions(AgainOptions, TrainOptions):
    """Whether to train once more, and where it starts."""

    start: PolicyName | None = None
    """Policy that training starts from; if not given, the latest that the same scores have not trained."""


@dataclass(frozen=True)
class RoundOptions(TrainOptions):
    """How the policy is trained, and whether PPO may train against the advice of the gate."""

    with_: Literal["ppo", "dpo"] = "ppo"
    """Train the policy by a reward model and PPO, or by DPO straight from the same scores."""
    force: bool = False
    """Let PPO train although the gate refuses the reward model as not good enough."""


@dataclass(frozen=True)
class LoopOptions(RoundOptions):
    """How many rounds to run, and whether PPO may train against the advice of the gate."""

    rounds: Some = 0
    """Rounds to run before the command ends; with 0 it never ends."""


@dataclass(frozen=True)
class AnswerOptions:
    """What is asked of whom."""

    prompt: str
    """What is asked."""
    versions: tuple[str, ...] = ()
    """One or two versions that answer; if not given, the promoted one, or else the latest policy."""


@dataclass(frozen=True)
class EvaluateOptions(AgainOptions):
    """Which versions are compared with which, and who judges."""

    models: tuple[PolicyName, ...] = ()
    """Policies to evaluate; if not given, the latest one and all that it was trained on from. `policy-1@all` names
    every look of its run, where `ppo --keep-looks` kept them, `policy-1@5` that at step 5."""
    baseline: PolicyName = "base"
    """Version that each of them is compared with, answer by answer."""
    judge: Literal["reward", "people", "simulated"] | None = None
    """Who says which answer is better: the latest reward model, people by their rankings so far, or (on `tiny`) the
    simulated annotators; if not given, whoever judges the rounds ([round] judge)."""
    judge_command: str | None = None
    """Program that judges instead, with its arguments: it reads a JSON object a line on standard input (id, prompt,
    messages, a, b) and writes one for each: id, and winner (a, b or tie) or scores (a list of two numbers)."""


@dataclass(frozen=True)
class Kind:
    """One kind of work.

    `summary` is the launcher's line, `title` what a job of this kind is called on the page, `stage` the module and
    function that does it, called with a context and with the fields of `options`. `tables` are settings whose dials
    are the command's own flags (`--steps`); `parts` are those of the stages inside it, whose flags carry the table's
    name (`--ppo.steps`). `button` is the label on the research page, empty where there is none. `owns` says that it
    trains or writes responses: of such jobs a workspace does one at a time. `by_hand` names options that only the
    launcher may be given, since they run a program: a job in the queue that has one is refused. `form` names the
    options and dials that the research page offers in its form, the first ones first; where it is empty, there is
    none.
    """

    summary: str
    title: str
    stage: str
    options: type = NoOptions
    tables: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    button: str = ""
    owns: bool = False
    by_hand: tuple[str, ...] = ()
    form: tuple[str, ...] = ()


_STAGES_OF_A_ROUND = ("rating", "reward", "gate", "ppo", "dpo", "generate", "sampling")

KINDS = {
    "generate": Kind(
        "let a model version answer prompts, and open tasks to rank the answers",
        "Fresh responses",
        "rlhf.stages.generate:generate",
        GenerateOptions,
        ("generate", "sampling"),
        owns=True,
        form=("model", "prompts", "temperature", "max_new_tokens"),
    ),
    "expand-prompts": Kind(
        "let a model version propose prompts, which wait for a researcher's yes",
        "Proposed prompts",
        "rlhf.stages.expand:expand",
        ExpandOptions,
        owns=True,
        form=("count", "model", "likeness"),
    ),
    "answer": Kind(
        "let one version, or two side by side, answer a prompt",
        "Answer",
        "rlhf.stages.answer:answer",
        AnswerOptions,
        ("sampling",),
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
        RewardOptions,
        ("reward", "gate"),
        button="Retrain reward model",
        owns=True,
        form=("epochs", "learning_rate", "again"),
    ),
    "ppo": Kind(
        "train a policy against the reward model",
        "PPO",
        "rlhf.stages.ppo:ppo",
        PPOOptions,
        ("ppo",),
        owns=True,
        form=("steps", "learning_rate", "kl_target", "prompts_per_step", "force"),
    ),
    "sft": Kind(
        "train a policy on demonstrations, or on the responses that people ranked highest",
        "Supervised fine-tuning",
        "rlhf.stages.sft:sft",
        SFTOptions,
        ("sft",),
        owns=True,
        form=("from_", "data", "top", "epochs", "learning_rate", "start"),
    ),
    "dpo": Kind(
        "train a policy straight from the scores, without a reward model",
        "DPO",
        "rlhf.stages.dpo:dpo",
        DPOOptions,
        ("dpo",),
        owns=True,
        form=("beta", "epochs", "learning_rate", "pairs", "max_pairs", "start"),
    ),
    "round": Kind(
        "run rate, reward, ppo (or dpo) and generate; stages that are finished already are skipped",
        "PPO round",
        "rlhf.loop:run_round",
        RoundOptions,
        ("round",),
        _STAGES_OF_A_ROUND,
        button="Run PPO round",
        owns=True,
        form=("with_", "min_rankings", "ppo.steps", "dpo.beta", "generate.prompts", "force"),
    ),
    "loop": Kind(
        "run a round whenever enough new rankings have come",
        "Loop",
        "rlhf.loop:run_loop",
        LoopOptions,
        ("round",),
        _STAGES_OF_A_ROUND,
        owns=True,
    ),
    "evaluate": Kind(
        "compare policies with a baseline on held-out prompts: win rate, reward, KL, length, best-of-n",
        "Evaluation",
        "rlhf.stages.evaluate:evaluate",
        EvaluateOptions,
        ("evaluate",),
        by_hand=("judge_command",),
        form=("models", "baseline", "judge", "prompts", "samples", "best_of"),
    ),
}
"""Every kind of work by its name, which is that of the launcher's command and of the job in the store."""

OWNERS = tuple(name for name, kind in KINDS.items() if kind.owns)
"""The kinds of work that have a workspace to themselves."""
