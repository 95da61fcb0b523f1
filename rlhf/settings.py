"""Every option of a workspace: the stages' dataclasses, overlaid by workspace.toml, overlaid by flags."""

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from rlhf.gate import GateConfig
from rlhf.training.models import Quantization
from rlhf.training.ppo import PPOConfig
from rlhf.training.reward import RewardConfig
from rlhf.training.sampling import SamplingConfig
from store.errors import BadInput
from store.workspace import MIN_RANKINGS

Config = TypeVar("Config")


@dataclass(frozen=True)
class ModelConfig:
    """The base that every adapter of the workspace sits on."""

    base_model: str = "tiny"
    """`tiny` (embedded), a folder of a causal chat model, or a hub name."""
    quantization: Quantization = "nf4"
    """4-bit NF4 with double quantisation (Dettmers et al. 2023), or none."""
    rank: int = 16
    """LoRA rank of every role (Hu et al. 2022); 16 did as well as 64 in QLoRA's search."""


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


def overlay(config: Config, values: Mapping[str, Any], where: str = "") -> Config:
    """A copy of a configuration dataclass with some values replaced, nested tables included.

    Raises BadInput for a key that does not exist (with the nearest one) and for a value of another type.
    """
    hints = get_type_hints(type(config))
    changes: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{where}{key}"
        if key not in hints:
            near = difflib.get_close_matches(key, hints, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(hints)}."
            raise BadInput(f"There is no setting {name}: {hint}")
        current = getattr(config, key)
        if dataclasses.is_dataclass(current):
            if not isinstance(value, Mapping):
                raise BadInput(f"{name} is a table of settings, not {value!r}: write [{name}] above its keys.")
            changes[key] = overlay(current, value, f"{name}.")
        else:
            changes[key] = _checked(name, hints[key], value)
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]


def _checked(name: str, kind: Any, value: Any) -> Any:
    if choices := get_args(kind):
        if value not in choices:
            raise BadInput(f"{name} is {value!r}: choose one of {', '.join(map(repr, choices))}.")
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadInput(f"{name} is {value!r}: it must be of type {kind.__name__}.")
    return value
