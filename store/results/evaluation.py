"""What `evaluate` measured: versions against a baseline on one set of prompts, with best-of-n beside them.

docs/evaluation.md explains each figure at length.
"""

from dataclasses import dataclass, field

from store.records import Json


@dataclass(frozen=True)
class AnswerFigures:
    """What the answers of one version are like, all versions at one temperature and on the same prompts."""

    name: str
    """Name of the version."""
    reward: float | None
    """Mean reward by the latest reward model, in standard deviations of its scores; unknown where there is none."""
    score: float | None
    """Mean score by the judge, in its own unit; unknown for a judge who only names the better answer."""
    length: float
    """Mean tokens of an answer."""
    ended: float
    """Share of the answers that ended within the limit."""
    distinct: float
    """Distinct pairs of words over all of them, in the answers to all prompts; mean over the draws."""
    repeated: float
    """Share of the pairs of words of an answer that it had before; mean over the answers."""
    forgetting: float | None
    """Nats a token of the base's own text, by this version: more than the base's is what it forgot."""


@dataclass(frozen=True)
class BestOfN:
    """The baseline's best of n answers by the reward model, against one answer of the baseline."""

    n: int
    win_rate: float | None
    """How often the judge prefers it to one answer of the baseline; None where he was not asked."""
    low: float | None
    """Lower end of the win rate's 95% interval, over prompts."""
    high: float | None
    """Its upper end."""
    reward: float
    """Its mean reward."""
    score: float | None
    """Its mean score by the judge."""
    kl: float
    """KL from the baseline in nats a response, at most: log n - (n - 1) / n."""


@dataclass(frozen=True)
class PolicyEvaluation(AnswerFigures):
    """One version against the baseline."""

    win_rate: float | None
    """Share of the meetings of its answers with the baseline's that the judge gives to it; equal is half."""
    low: float | None
    """Where the win rate's 95% interval begins and ends; it is over prompts, not over answers."""
    high: float | None
    """Its upper end."""
    win_rate_length_controlled: float | None
    """The win rate foretold for answers of one length; unknown where all of its answers are longer, or shorter."""
    prompts: int
    """Prompts that the win rate rests on."""
    kl: float
    """How far it is from the baseline, KL in nats a response, with its standard error."""
    kl_error: float | None
    """Standard error of the KL, over prompts."""
    best_of_n: tuple[BestOfN, ...] = ()
    """What taking the best of n answers of the baseline reaches without any training."""


@dataclass(frozen=True)
class Evaluation:
    """Versions against a baseline, oldest first, and what everything rests on."""

    baseline: str
    """Version that all others are compared with."""
    judge: str
    """Who judges the win rates."""
    reward_model: str | None
    """The reward model behind `reward` and best-of-n."""
    prompts: int
    """Held-out prompts that each version answered."""
    samples: int
    """Answers of each version to each of them."""
    temperature: float
    """At which all of them were drawn."""
    of_baseline: AnswerFigures
    policies: tuple[PolicyEvaluation, ...]
    basis: Json = field(default_factory=dict)
    """Ids and settings that all of this rests on: what has the same need not be measured again."""
    notes: tuple[str, ...] = ()
    """What is to be known before these figures are used, a sentence each."""
    plot: str = ""
    """File of the over-optimisation curve, under the workspace."""
    seconds: float = 0.0
    skipped: str | None = None
    """Why nothing was measured anew."""
