"""PPO with a KL penalty on one quantised base with four roles: rollout, update, train_policy, top to bottom.

Schulman et al. 2017 for the algorithm; Ziegler et al. 2019 and Ouyang et al. 2022 for language models; the details
that decide (Huang et al. 2024, "The N+ Implementation Details of RLHF with PPO") are commented where they stand.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rlhf.chat import Sequences
from rlhf.losses import (
    AdaptiveKL,
    gae,
    kl_k1,
    kl_k3,
    masked_mean,
    masked_sum,
    policy_loss,
    token_rewards,
    value_loss,
    whiten,
)
from rlhf.models import Role, RoleModel
from rlhf.sampling import Progress, SamplingConfig, check_room, generate, silent
from store.errors import WorkError
from store.records import Message

Score = Callable[[Sequences], torch.Tensor]
"""Rewards (B,) of a batch of responses; called outside any role scope."""
Log = Callable[[int, dict[str, float]], None]
Plan = list[list[torch.Tensor]]
"""Minibatches of microbatches of row numbers."""


@dataclass(frozen=True)
class PPOConfig:
    """How the policy is trained."""

    steps: int = 100
    """Iterations of rollout and update."""
    prompts_per_step: int = 64
    """Responses in one rollout, each to another prompt."""
    max_new_tokens: int = 64
    """Longest response in tokens."""
    temperature: float = 1.0
    """Divides the logits in sampling and in every log-probability."""
    learning_rate: float = 2e-5
    """Of the policy's adapter."""
    value_learning_rate: float = 1e-4
    """Of the value role's adapter and head: 2 to 5 times the policy's, since it has an adapter of its own."""
    epochs: int = 2
    """Passes over each rollout (PPO's K; 4 in Ouyang et al. 2022)."""
    minibatches: int = 2
    """Optimiser steps in an epoch."""
    microbatch_tokens: int = 16384
    """Tokens, padding included, in one forward; smaller needs less memory and gives the same update."""
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
    calibration: int = 256
    """Responses of the starting policy whose mean and deviation normalise the scores."""
    seed: int = 0
    """Order of the prompts and every draw."""


@dataclass(frozen=True)
class Rollout:
    """What one iteration learns from; (B, T) tensors but for `scores` and `ended`, (B,)."""

    seq: Sequences
    plan: Plan
    logprobs: torch.Tensor
    reference: torch.Tensor
    values: torch.Tensor
    entropy: torch.Tensor
    scores: torch.Tensor
    ended: torch.Tensor


@dataclass(frozen=True)
class PPOResult:
    """`shift` and `scale` are the starting policy's mean score and deviation; `stopped` says why it ended early."""

    steps: int
    shift: float
    scale: float
    history: list[dict[str, float]]
    stopped: str = ""


def train_policy(
    model: RoleModel,
    chats: Sequence[Sequence[Message]],
    score: Score,
    config: PPOConfig,
    *,
    progress: Progress = silent,
    log: Log = lambda step, metrics: None,
) -> PPOResult:
    """Train the `policy` role on `chats`; `value` must be there already (copied from the reward role).

    The reference is copied from the policy first, so that KL starts at 0. Raises BadInput for a chat beyond the
    context, WorkError when a loss stops being finite.
    """
    prompts = [model.chat.prompt(chat) for chat in chats]
    check_room(model, prompts, config.max_new_tokens)
    model.copy("policy", "reference")
    batches = _prompt_batches(prompts, config)
    shift, scale = calibrate(model, itertools.islice(_prompt_batches(prompts, config), 8), score, config)

    def normalised(seq: Sequences) -> torch.Tensor:
        return (score(seq) - shift) / scale

    controller = AdaptiveKL(config.kl_coef, config.kl_target, config.kl_horizon)
    optimizer = model.optimizer(
        [("policy", config.learning_rate), ("value", config.value_learning_rate)], eps=config.adam_eps
    )
    history: list[dict[str, float]] = []
    stopped = ""
    for step in range(config.steps):
        rollout = collect(model, next(batches), normalised, config, seed=config.seed * 1_000_003 + step)
        metrics = update(model, optimizer, rollout, config, beta=controller.beta, warm_up=step == 0)
        controller.update(metrics["kl/k1"], len(rollout.scores))
        history.append(metrics)
        log(step, metrics)
        note = f"PPO: reward {metrics['reward/score']:+.2f}, KL {metrics['kl/k1']:.1f}"
        progress(step + 1, config.steps, note)
        if metrics["kl/k1"] > config.max_kl:
            stopped = f"KL {metrics['kl/k1']:.1f} passed max_kl {config.max_kl:g} at step {step + 1}"
            break
    return PPOResult(len(history), shift, scale, history, stopped)


def calibrate(
    model: RoleModel, batches: Iterator[list[list[int]]], score: Score, config: PPOConfig
) -> tuple[float, float]:
    """Mean and standard deviation of the starting policy's scores over about `config.calibration` responses."""
    scores: list[float] = []
    for n, batch in enumerate(batches):
        if len(scores) < config.calibration:
            seq = _sample(model, batch, config, seed=config.seed * 1_000_003 + 500_000 + n)
            scores += score(seq).tolist()
    return float(np.mean(scores)), float(np.std(scores) + 1e-8)


@torch.no_grad()
def collect(model: RoleModel, prompts: list[list[int]], score: Score, config: PPOConfig, *, seed: int) -> Rollout:
    """Sample a response to each prompt; log-probabilities, values and scores of what was sampled.

    The rollout's own logits are never kept: log-probabilities are teacher-forced on the microbatches that the
    update will use, so that its first ratio is exactly 1.
    """
    seq = _sample(model, prompts, config, seed=seed)
    plan = plan_minibatches(seq, config, np.random.default_rng(seed))
    logprobs, entropy, reference, values = (torch.zeros_like(seq.response_ids, dtype=torch.float32) for _ in range(4))
    # Train mode from here on, as in the update: the modules must be the same ones in both.
    model.train_roles("policy", "value")
    for rows in itertools.chain.from_iterable(plan):
        micro = seq.rows(rows)
        width = micro.response_ids.shape[1]
        with model.role("policy"):
            logprobs[rows, :width], entropy[rows, :width] = model.logprobs(micro, config.temperature)
        with model.role("reference"):
            reference[rows, :width] = model.logprobs(micro, config.temperature)[0]
        with model.role("value"):
            values[rows, :width] = model.values(micro)
    model.train_roles()
    last = seq.response_ids.gather(1, (seq.lengths - 1)[:, None]).squeeze(1)
    ended = torch.isin(last, torch.tensor(model.chat.eos_ids, device=model.device))
    return Rollout(seq, plan, logprobs, reference, values, entropy, score(seq).float(), ended)


def update(
    model: RoleModel,
    optimizer: torch.optim.Optimizer,
    rollout: Rollout,
    config: PPOConfig,
    *,
    beta: float,
    warm_up: bool = False,
) -> dict[str, float]:
    """One iteration's optimiser steps on policy and value; returns every metric by name."""
    mask = rollout.seq.response_mask
    kl = kl_k1(rollout.logprobs, rollout.reference)
    scores = rollout.scores - config.missing_eos_penalty * (~rollout.ended).float()
    rewards = token_rewards(scores, kl, mask, beta)
    raw_advantages, returns = gae(rewards, rollout.values, mask, config.gamma, config.gae_lambda)
    advantages = whiten(raw_advantages, mask)
    metrics = _rollout_metrics(rollout, rewards, returns, beta)
    metrics["kl/k1"] = float(masked_sum(kl, mask) / len(scores))
    metrics["advantages/mean"] = float(masked_mean(advantages, mask))
    model.train_roles("policy", "value")
    for _ in range(config.warmup_epochs if warm_up else 0):
        for minibatch in rollout.plan:
            _value_step(model, rollout, minibatch, returns, config)
            optimizer.step()
            optimizer.zero_grad()
    sums: dict[str, float] = {}
    updates = 0
    for epoch in range(config.epochs):
        epoch_kl = 0.0
        for minibatch in rollout.plan:
            step = _policy_step(model, rollout, minibatch, advantages, config)
            if not updates:
                metrics["policy/first_ratio"] = step["policy/ratio"]
            step["losses/value"] = _value_step(model, rollout, minibatch, returns, config)
            # A mean ratio this far from 1 means the minibatch no longer speaks of this policy.
            if step["policy/ratio"] <= 10:
                optimizer.step()
            optimizer.zero_grad()
            updates += 1
            epoch_kl += step["policy/approx_kl"] / len(rollout.plan)
            sums = {name: sums.get(name, 0.0) + value for name, value in step.items()}
        metrics["policy/epochs"] = epoch + 1
        if epoch_kl > config.stop_kl:
            break
    model.train_roles()
    metrics |= {name: value / updates for name, value in sums.items()}
    if not all(math.isfinite(value) for value in metrics.values()):
        bad = ", ".join(name for name, value in metrics.items() if not math.isfinite(value))
        raise WorkError(f"PPO stopped being finite ({bad}): lower the learning rate.")
    return metrics


def _policy_step(
    model: RoleModel, rollout: Rollout, minibatch: list[torch.Tensor], advantages: torch.Tensor, config: PPOConfig
) -> dict[str, float]:
    """Accumulate the policy's gradient over a minibatch; metrics are means over its tokens."""
    # Divided by the token count of the whole minibatch, so that any cut into microbatches gives the same gradient.
    tokens = sum(int(rollout.seq.response_mask[rows].sum()) for rows in minibatch)
    sums: dict[str, float] = {}
    with model.role("policy"):
        for rows in minibatch:
            micro = rollout.seq.rows(rows)
            width = micro.response_ids.shape[1]
            logprobs, _ = model.logprobs(micro, config.temperature)
            loss, stats = policy_loss(
                logprobs, rollout.logprobs[rows, :width], advantages[rows, :width], micro.response_mask, config.clip
            )
            (loss / tokens).backward()
            for name, value in {
                "losses/policy": loss.detach(),
                **{f"policy/{k}": v for k, v in stats.items()},
            }.items():
                sums[name] = sums.get(name, 0.0) + float(value) / tokens
    norm = torch.nn.utils.clip_grad_norm_(model.parameters("policy"), config.max_grad_norm)
    return {**sums, "policy/grad_norm": float(norm)}


def _value_step(
    model: RoleModel, rollout: Rollout, minibatch: list[torch.Tensor], returns: torch.Tensor, config: PPOConfig
) -> float:
    """Accumulate the critic's gradient over a minibatch; returns its mean loss a token."""
    tokens = sum(int(rollout.seq.response_mask[rows].sum()) for rows in minibatch)
    total = 0.0
    with model.role("value"):
        for rows in minibatch:
            micro = rollout.seq.rows(rows)
            width = micro.response_ids.shape[1]
            values = model.values(micro)
            loss = value_loss(
                values, rollout.values[rows, :width], returns[rows, :width], micro.response_mask, config.value_clip
            )
            (loss / tokens).backward()
            total += float(loss.detach()) / tokens
    torch.nn.utils.clip_grad_norm_(model.parameters("value"), config.max_grad_norm)
    return total


def plan_minibatches(seq: Sequences, config: PPOConfig, rng: np.random.Generator) -> Plan:
    """Rows drawn into minibatches, each sorted by length and cut into microbatches of a token budget."""
    width = seq.prompt_ids.shape[1]
    length = (seq.lengths + width).tolist()
    plan: Plan = []
    for part in np.array_split(rng.permutation(len(length)), config.minibatches):
        micros: list[list[int]] = [[]]
        for row in sorted(part.tolist(), key=lambda r: length[r]):
            if micros[-1] and (len(micros[-1]) + 1) * length[row] > config.microbatch_tokens:
                micros.append([])
            micros[-1].append(row)
        plan.append([torch.tensor(rows, device=seq.prompt_ids.device) for rows in micros])
    return plan


def _sample(model: RoleModel, prompts: list[list[int]], config: PPOConfig, *, seed: int) -> Sequences:
    sampling = SamplingConfig(max_new_tokens=config.max_new_tokens, temperature=config.temperature)
    role: Role = "policy"
    return generate(model, prompts, sampling, role=role, seed=seed)


def _prompt_batches(prompts: Sequence[list[int]], config: PPOConfig) -> Iterator[list[list[int]]]:
    """Batches for ever; each pass over the prompts in a new order."""
    rng = np.random.default_rng(config.seed)
    queue: list[int] = []
    while True:
        while len(queue) < config.prompts_per_step:
            queue += rng.permutation(len(prompts)).tolist()
        yield [prompts[i] for i in queue[: config.prompts_per_step]]
        queue = queue[config.prompts_per_step :]


def _rollout_metrics(rollout: Rollout, rewards: torch.Tensor, returns: torch.Tensor, beta: float) -> dict[str, float]:
    mask = rollout.seq.response_mask
    residual = masked_mean((returns - rollout.values) ** 2, mask)
    spread = masked_mean((returns - masked_mean(returns, mask)) ** 2, mask)
    k3 = kl_k3(rollout.logprobs, rollout.reference)
    return {
        "reward/score": float(rollout.scores.mean()),
        "reward/score_std": float(rollout.scores.std(correction=0)),
        "reward/total": float(rewards.sum(dim=1).mean()),
        "kl/k3": float(masked_sum(k3, mask) / len(rollout.scores)),
        "kl/beta": beta,
        "policy/entropy": float(masked_mean(rollout.entropy, mask)),
        "value/explained_variance": float(1 - residual / spread.clamp(min=1e-8)),
        "responses/length": float(rollout.seq.lengths.float().mean()),
        "responses/ended": float(rollout.ended.float().mean()),
    }
