"""PPO with a KL penalty on one quantised base with four roles: rollout, update, train_policy, top to bottom.

Schulman et al. 2017 for the algorithm; Ziegler et al. 2019 and Ouyang et al. 2022 for language models; the details
that decide (Huang et al. 2024, "The N+ Implementation Details of RLHF with PPO") are commented where they stand.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from rlhf.settings import PPOConfig
from rlhf.training.chat import Sequences
from rlhf.training.losses import (
    AdaptiveKL,
    gae,
    kl_k1,
    masked_mean,
    masked_sum,
    policy_loss,
    token_rewards,
    value_loss,
    whiten,
)
from rlhf.training.models import RoleModel
from rlhf.training.progress import OnLog, OnProgress, no_log, silent
from rlhf.training.rollout import Rollout, ScoreFn, calibrate, collect, endless_batches, rollout_metrics
from rlhf.training.sampling import check_room
from store.errors import WorkError
from store.records import Message


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
    score: ScoreFn,
    config: PPOConfig,
    *,
    progress: OnProgress = silent,
    log: OnLog = no_log,
) -> PPOResult:
    """Train the `policy` role on `chats`; `value` must be there already (copied from the reward role).

    The reference is copied from the policy first, so that KL starts at 0. Raises BadInput for a chat beyond the
    context, WorkError when a loss stops being finite.
    """
    prompts = [model.chat.prompt(chat) for chat in chats]
    check_room(model, prompts, config.max_new_tokens)
    model.copy("policy", "reference")
    batches = endless_batches(prompts, config.prompts_per_step, config.seed)
    shift, scale = calibrate(model, prompts, score, config)

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
    metrics = rollout_metrics(rollout, rewards, returns, beta)
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
