"""Every option of a workspace, without torch: read by the launcher, the worker, the pages and the stages alike."""

from rlhf.settings.kinds import KINDS, Kind
from rlhf.settings.overlay import overlay
from rlhf.settings.tables import (
    AnnotateConfig,
    EvaluateConfig,
    GenerateConfig,
    RatingConfig,
    RoundConfig,
    ServeConfig,
    Settings,
    ppo_config,
    settings_of,
    tables_of,
)
from rlhf.settings.training import (
    DPOConfig,
    ForgettingConfig,
    GateConfig,
    ModelConfig,
    PPOConfig,
    Quantization,
    RewardConfig,
    RolloutConfig,
    SamplingConfig,
    SFTConfig,
)

__all__ = [
    "KINDS",
    "AnnotateConfig",
    "DPOConfig",
    "EvaluateConfig",
    "ForgettingConfig",
    "GateConfig",
    "GenerateConfig",
    "Kind",
    "ModelConfig",
    "PPOConfig",
    "Quantization",
    "RatingConfig",
    "RewardConfig",
    "RolloutConfig",
    "RoundConfig",
    "SFTConfig",
    "SamplingConfig",
    "ServeConfig",
    "Settings",
    "overlay",
    "ppo_config",
    "settings_of",
    "tables_of",
]
