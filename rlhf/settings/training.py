"""The settings of what needs torch, kept apart from it: models, sampling, reward model, gate, PPO.

The docstring under a field is what `--help` and the pages say of it; its bounds stand in its type.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from rlhf.settings.bounds import Count, NotNegative, Positive, Seed, Share, Some

Quantization = Literal["nf4", "none"]
LearningRate = Annotated[float, Gt(0.0), Le(1.0)]


@dataclass(frozen=True)
class ModelConfig:
    """The base model that every adapter of the workspace sits on."""

    base_model: str = "tiny"
    """`tiny` (embedded), a folder of a causal chat model, or a hub name; `./NAME` is a folder in the workspace."""
    quantization: Quantization = "nf4"
    """4-bit NF4 with double quantisation (Dettmers et al. 2023), or none."""
    rank: Annotated[int, Ge(1), Le(4096)] = 16
    """LoRA rank of every role's adapter (Hu et al. 2022); 16 did as well as 64 in QLoRA's search."""
    alpha: Annotated[int, Ge(1), Le(8192)] | None = None
    """LoRA alpha: what an adapter adds is scaled by alpha / rank; twice the rank if not given."""
    targets: str = "all-linear"
    """Layers that get an adapter: `all-linear`, or names of linear layers of the base with commas between them, such
    as `q_proj,v_proj`. With fewer layers an adapter is smaller and learns less."""


@dataclass(frozen=True)
class SamplingConfig:
    """How responses are drawn."""

    responses: Annotated[int, Ge(1), Le(26)] = 4
    """Responses to a prompt, A to Z on the page; four is what a person can rank in one look (InstructGPT, Ouyang et
    al. 2022: 4 to 9)."""
    max_new_tokens: Count = 64
    """Longest response in tokens; one that has not ended by then is cut and marked `length`."""
    temperature: NotNegative = 1.0
    """Divides the logits; 1 samples the policy itself, which PPO needs; 0 takes the likeliest token."""
    top_p: Annotated[float, Gt(0.0), Le(1.0)] = 1.0
    """Nucleus sampling (Holtzman et al. 2020): the likeliest tokens that hold this much probability; 1 is off."""
    batch_size: Count = 256
    """Sequences decoded at once."""
    seed: Seed = 0
    """Seed of every draw: the same seed, model and prompts give the same responses."""


@dataclass(frozen=True)
class TunedConfig:
    """What supervised fine-tuning and DPO share."""

    epochs: Count = 1
    """Passes over the data; more overfit (on `tiny` three of DPO gave garbled answers at 19 nats from the base)."""
    learning_rate: LearningRate = 2e-4
    """Learning rate of the policy's adapter, which falls to 0 along a line; QLoRA (Dettmers et al. 2023, table 9)."""
    batch_size: Count = 16
    """Examples in one update."""
    microbatch_size: Count = 16
    """Examples in one forward pass; fewer need less memory and give the same update. It divides `batch_size`."""
    warmup: Share = 0.0
    """Share of the updates in which the learning rate rises."""
    replay: Share = 0.0
    """Texts of the base's own that are mixed in, as a share of the examples: they keep what the base knows (PTX,
    Ouyang et al. 2022, section 3.5) and cost as much time as examples do. 0 mixes in none."""
    max_grad_norm: Positive = 1.0
    """Gradients are scaled down to this norm."""
    seed: Seed = 0
    """Seed of the adapter's first weights and of the order of the data."""


@dataclass(frozen=True)
class SFTConfig(TunedConfig):
    """How the policy is trained on demonstrations."""


@dataclass(frozen=True)
class DPOConfig(TunedConfig):
    """How the policy is trained on pairs of responses, straight from the scores."""

    learning_rate: LearningRate = 2e-5
    """Learning rate of the policy's adapter, which falls to 0 along a line."""
    batch_size: Count = 32
    """Pairs in one update."""
    microbatch_size: Count = 16
    """Pairs in one forward pass; fewer need less memory and give the same update. It divides `batch_size`."""
    beta: Positive = 0.3
    """How dearly leaving the reference is paid (Rafailov et al. 2023, eq. 7): it divides the reward that is implied,
    so that a small one lets the policy go far for a small preference."""
    replay: Share = 0.0
    """Weight of the loss on texts of the base's own, nats a token, beside that of the pairs: it keeps what the base
    knows (PTX, Ouyang et al. 2022, section 3.5) and takes a text for each pair. 0 takes none."""
    sft: NotNegative = 0.0
    """Weight of the supervised loss on the chosen response beside the DPO loss (Pang et al. 2024, RPO): it keeps the
    chosen responses likely, where DPO alone may make both less likely."""
    pairs: Literal["all", "extremes"] = "all"
    """Pairs of a prompt: all that the scores put in an order, or the best response against the worst."""
    min_margin: NotNegative = 0.0
    """Pairs whose scores differ by fewer standard errors of that difference are left out; 0 leaves out ties alone."""
    max_pairs: Some = 3200
    """At most this many pairs, drawn evenly over the prompts; 0 takes all. More pairs of the same prompts move the
    policy further from the reference and make it little better."""


@dataclass(frozen=True)
class ForgettingConfig:
    """How it is measured what a policy forgets of the base."""

    text: str = ""
    """File of plain text, one passage a line, that the base writes well and a policy should go on writing as well;
    its path is relative to the workspace. If not given: on `tiny` its own corpus, else what the base itself answers
    to held-out prompts when it takes the likeliest words."""
    limit: NotNegative = 0.2
    """Nats a token on that text beyond which a warning is given: .2 makes each token a fifth less likely."""


@dataclass(frozen=True)
class RewardConfig:
    """How the reward model is trained."""

    epochs: Count = 1
    """Passes over the ranked prompts; InstructGPT (Ouyang et al. 2022, appendix C.2) uses 1 against overfitting."""
    learning_rate: LearningRate = 2e-4
    """Learning rate of the LoRA adapter and the head; QLoRA (Dettmers et al. 2023, table 9) uses 2e-4 up to 13B."""
    prompts_per_step: Count = 16
    """Ranked prompts in one update; all pairs of one prompt stay together, since splitting them overfits."""
    warmup: Share = 0.1
    """Share of the updates in which the learning rate rises; it falls to 0 along a cosine after that."""
    probe_prompts: Count = 512
    """Ranked prompts on which a fresh head is fitted before anything else moves; a zero head would hold the adapter
    back until it has grown."""
    continued_epochs: Count = 1
    """Passes over the ranked prompts where a previous reward model goes on: it has seen most of the rankings."""
    microbatch_tokens: Count = 2048
    """Tokens in one forward pass; smaller pads less and needs less memory."""
    mean_penalty: NotNegative = 1e-3
    """Weight of a prompt's squared mean reward in the loss: pairs leave the scale's origin free, this pins it."""
    max_grad_norm: Positive = 1.0
    """Gradients are scaled down to this norm."""
    seed: Seed = 0
    """Seed of the adapter's first weights and of the order of the prompts."""


@dataclass(frozen=True)
class GateConfig:
    """What a reward model must show before PPO may use it."""

    alpha: Annotated[float, Gt(0.0), Le(0.5)] = 0.01
    """Chance with which rankings that teach nothing may pass: the level of the test whether preferences can be
    foretold on prompts left out."""
    permutations: Annotated[int, Ge(99)] = 499
    """Permutations of that test; the smallest p it can show is 1 / (permutations + 1)."""
    prompts: Annotated[int, Ge(5)] = 300
    """Ranked prompts on which it looks at most, drawn at random: more would only take longer."""
    min_accuracy: Share = 0.0
    """Accuracy on held-out pairs that is asked for besides; 0 asks for none."""


@dataclass(frozen=True)
class RolloutConfig:
    """How the policy's responses are drawn and cut into batches."""

    prompts_per_step: Count = 64
    """Responses in one rollout, each to another prompt."""
    max_new_tokens: Count = 64
    """Longest response in tokens."""
    temperature: Positive = 1.0
    """Divides the logits in sampling and in every log-probability."""
    minibatches: Count = 2
    """Optimiser steps in an epoch."""
    microbatch_tokens: Count = 512
    """Tokens in one forward pass, padding included; fewer pad less, need less memory and give the same update."""
    calibration: Annotated[int, Ge(2)] = 256
    """Responses of the starting policy whose mean and standard deviation normalise the scores."""
    seed: Seed = 0
    """Seed of the adapters' first weights, of the order of the prompts and of every draw."""


@dataclass(frozen=True)
class PPOConfig(RolloutConfig):
    """How the policy is trained."""

    steps: Count = 100
    """Iterations of rollout and update."""
    learning_rate: LearningRate = 2e-5
    """Learning rate of the policy's adapter."""
    value_learning_rate: LearningRate = 1e-4
    """Learning rate of the value adapter and its head: 2 to 5 times the policy's, since its adapter is its own."""
    epochs: Count = 2
    """Passes over each rollout (PPO's K; 4 in Ouyang et al. 2022)."""
    kl_coef: NotNegative = 0.05
    """First weight (beta) of the KL penalty, which the controller then changes."""
    kl_target: Positive = 6.0
    """KL in nats a response that the adaptive controller steers to (Ziegler et al. 2019, section 2.2)."""
    kl_horizon: Count = 5
    """Steps over which the controller acts: at 5 beta doubles in 18 steps of too high a KL (Ziegler et al. 2019 count
    responses, 10,000 of them, for runs of a million)."""
    max_kl: Positive = 12.0
    """Training ends when a rollout's KL, in nats a response, is beyond this, and no policy beyond it is kept."""
    max_drift: Positive = 24.0
    """The same for the KL from the base, which grows over the rounds: a round that would pass it starts from an
    earlier version."""
    ptx_coef: NotNegative = 0.0
    """Weight of the loss on texts of the base's own, nats a token, beside PPO's (PTX, Ouyang et al. 2022, eq. 2): it
    keeps what the base knows and takes a text for each response. 0 takes none; on `tiny` .2 took a third off what was
    forgotten, in half as much time again."""
    gamma: Share = 1.0
    """Discount of later rewards; 1 judges an answer as a whole."""
    gae_lambda: Share = 0.95
    """Bias against variance of the advantages (Schulman et al. 2016): 0 trusts the critic alone, 1 not at all."""
    clip: Annotated[float, Gt(0.0), Le(1.0)] = 0.2
    """Probability ratios beyond 1 +- clip earn nothing more (Schulman et al. 2017)."""
    value_clip: Positive = 0.5
    """How far a value may move from the rollout's in one iteration, in standard deviations of the returns."""
    max_grad_norm: Positive = 1.0
    """The gradient of each role is scaled down to this norm."""
    adam_eps: Positive = 1e-5
    """Adam's epsilon (Huang et al. 2022, detail 3)."""
    stop_kl: Positive = 0.02
    """An iteration ends before the first minibatch whose mean KL a token from the rollout's policy is beyond this."""
    missing_eos_penalty: NotNegative = 1.0
    """How far a response that did not end within the limit scores below the worst of its batch that did, in standard
    deviations of the scores; 0 leaves it its own score."""
    warmup_epochs: Some = 0
    """Extra passes over the first rollout for the critic alone, which starts from a regression already."""
    check_every: Count = 5
    """Steps between two looks at held-out prompts; the policy of the best look is the one that is kept."""
    check_prompts: Count = 32
    """Held-out prompts in a look, which choose the policy and are not those that it is compared on afterwards."""
    keep_looks: bool = False
    """Keep the policy of every look beside the one that is kept, an adapter each: `evaluate --models policy-1@all`
    shows what the reward and a judge say along the way."""
    compare_prompts: Count = 200
    """Held-out prompts at most on which the new policy is compared with the base afterwards."""


@dataclass(frozen=True)
class PPOTable(PPOConfig):
    """How the policy is trained, as [ppo] has it: what is left open there is that of [sampling]."""

    # Wider than the trainer's own types, which never are None: rlhf.settings.ppo_config makes those of these.
    max_new_tokens: Count | None = None  # type: ignore[assignment]
    """Longest response in tokens; that of [sampling] if not given, so that what is ranked is what is trained."""
    temperature: Positive | None = None  # type: ignore[assignment]
    """Divides the logits in sampling and in every log-probability; that of [sampling] if not given."""
