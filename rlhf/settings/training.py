"""The settings of what needs torch, kept apart from it: models, sampling, reward model, gate, PPO."""

from dataclasses import dataclass
from typing import Literal

Quantization = Literal["nf4", "none"]


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
class SamplingConfig:
    """How responses are drawn."""

    responses: int = 4
    """Responses to a prompt; four is what a person can rank in one look (InstructGPT, Ouyang et al. 2022: 4 to 9)."""
    max_new_tokens: int = 64
    """Longest response in tokens; one that has not ended by then is cut and marked `length`."""
    temperature: float = 1.0
    """Divides the logits; 1 samples the policy itself, which PPO needs."""
    top_p: float = 1.0
    """Nucleus (Holtzman et al. 2020); 1 is off."""
    batch_size: int = 256
    """Sequences decoded at once."""
    seed: int = 0
    """The same seed, model and prompts give the same responses."""


@dataclass(frozen=True)
class RewardConfig:
    """How the reward model is trained."""

    epochs: int = 1
    """Passes over the ranked prompts; InstructGPT (Ouyang et al. 2022, appendix C.2) uses 1 against overfitting."""
    learning_rate: float = 2e-4
    """Of the LoRA adapter and the head; QLoRA (Dettmers et al. 2023, table 9) uses 2e-4 up to 13B."""
    prompts_per_step: int = 16
    """Ranked prompts in one update; all pairs of one prompt stay together, since splitting them overfits."""
    warmup: float = 0.1
    """Share of the updates in which the learning rate rises; it falls to 0 along a cosine after that."""
    probe_prompts: int = 512
    """Ranked prompts on which a fresh head is fitted before anything else moves; a zero head would hold the adapter
    back until it has grown."""
    continued_epochs: int = 1
    """The same where a previous reward model goes on: it has seen most of the rankings already."""
    microbatch_tokens: int = 2048
    """Tokens in one forward; smaller pads less and needs less memory."""
    mean_penalty: float = 1e-3
    """Times the squared mean reward of a prompt: pairs leave the scale's origin free, this pins it."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""
    seed: int = 0
    """Order of the prompts."""


@dataclass(frozen=True)
class GateConfig:
    """What a reward model must reach before PPO may use it."""

    min_accuracy: float = 0.75
    """Held-out pair accuracy that is always enough."""
    ceiling_share: float = 0.9
    """Where people disagree: this share of the accuracy that a perfect model would have against their rankings."""


@dataclass(frozen=True)
class RolloutConfig:
    """How the policy's responses are drawn and cut into batches."""

    prompts_per_step: int = 64
    """Responses in one rollout, each to another prompt."""
    max_new_tokens: int = 64
    """Longest response in tokens."""
    temperature: float = 1.0
    """Divides the logits in sampling and in every log-probability."""
    minibatches: int = 2
    """Optimiser steps in an epoch."""
    microbatch_tokens: int = 2048
    """Tokens in one forward; smaller pads less, needs less memory and gives the same update."""
    calibration: int = 256
    """Responses of the starting policy whose mean and deviation normalise the scores."""
    seed: int = 0
    """Order of the prompts and every draw."""


@dataclass(frozen=True)
class PPOConfig(RolloutConfig):
    """How the policy is trained."""

    steps: int = 100
    """Iterations of rollout and update."""
    learning_rate: float = 2e-5
    """Of the policy's adapter."""
    value_learning_rate: float = 1e-4
    """Of the value role's adapter and head: 2 to 5 times the policy's, since it has an adapter of its own."""
    epochs: int = 2
    """Passes over each rollout (PPO's K; 4 in Ouyang et al. 2022)."""
    kl_coef: float = 0.05
    """Initial beta of the KL penalty."""
    kl_target: float = 6.0
    """Nats a response that the adaptive controller steers to (Ziegler et al. 2019, section 2.2)."""
    kl_horizon: int = 10000
    """Responses over which the controller acts (Ziegler et al. 2019: 10,000 episodes)."""
    max_kl: float = 12.0
    """Training ends when a rollout's KL, in nats a response, is beyond this."""
    gamma: float = 1.0
    """Discount: an answer is judged as a whole."""
    gae_lambda: float = 0.95
    """Bias against variance of the advantages (Schulman et al. 2016)."""
    clip: float = 0.2
    """Probability ratios beyond 1 +- clip earn nothing more."""
    value_clip: float = 0.2
    """How far a value may move from the rollout's in one iteration."""
    max_grad_norm: float = 1.0
    """Of each role's gradient."""
    adam_eps: float = 1e-5
    """Adam's epsilon (Huang et al. 2022, detail 3)."""
    stop_kl: float = 0.1
    """An epoch is the last of its iteration when the mean per-token KL from the rollout's policy passes this."""
    missing_eos_penalty: float = 1.0
    """Taken from the score of a response that did not end within the limit."""
    warmup_epochs: int = 4
    """Extra passes for the critic alone in the first iteration."""
