"""The tables of workspace.toml."""

from dataclasses import dataclass, field
from typing import Literal

from rlhf.settings.training import GateConfig, ModelConfig, PPOConfig, RewardConfig, SamplingConfig
from store.workspace import MIN_RANKINGS


@dataclass(frozen=True)
class RatingConfig:
    """How rankings become scores."""

    method: Literal["davidson", "elo", "plackett_luce"] = "davidson"
    """MAP Davidson (Bradley-Terry with ties), sequential Elo, or Plackett-Luce."""
    reliability: bool = True
    """Weigh annotators by how well the others predict them."""


@dataclass(frozen=True)
class GenerateConfig:
    """Which prompts get fresh responses, and who is to rank them."""

    prompts: int = 0
    """At most so many prompts, the least ranked first; 0 is all that need responses."""
    overlap_share: float = 0.15
    """Of the prompts, ranked by several people, which shows how far they agree: the held-out ones (15%), since what
    measures the reward model must be surer than what teaches it, and as many of the others as it takes."""
    overlap_annotators: int = 3
    """People who rank each of those."""
    repeat_share: float = 0.1
    """Tasks that rank again what is rated, as a share of the rated prompts: four in five where the order is least
    sure, the others drawn at random."""
    previous: int = 1
    """Responses of the version before (the promoted one, or else the parent) in each task, so that versions are
    compared by ordinary work."""
    base: int = 1
    """Responses of the base model in each task."""


@dataclass(frozen=True)
class RoundConfig:
    """When a round starts and who judges it."""

    min_rankings: int = MIN_RANKINGS
    """New rankings that a round waits for."""
    auto_promote: bool = False
    """Make the newest policy the default generator at the start of a round, if people prefer it by then."""
    judge: Literal["reward", "simulated"] = "reward"
    """Whose word `win_rate` is: the reward model's on held-out prompts, or (on `tiny`) the simulated annotators'."""


@dataclass(frozen=True)
class AnnotateConfig:
    """What the annotators' page says."""

    guideline: str = ""
    """The line above each task; empty is the page's own."""


@dataclass(frozen=True)
class Settings:
    """The tables of workspace.toml."""

    model: ModelConfig = field(default_factory=ModelConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    generate: GenerateConfig = field(default_factory=GenerateConfig)
    rating: RatingConfig = field(default_factory=RatingConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    round: RoundConfig = field(default_factory=RoundConfig)
    annotate: AnnotateConfig = field(default_factory=AnnotateConfig)
