"""PPO with a KL penalty on one quantised base with four roles: rollout, update, train_policy, top to bottom.

Schulman et al. 2017 for the algorithm; Ziegler et al. 2019 and Ouyang et al. 2022 for language models; the details
that decide (Huang et al. 2024, "The N+ Implementation Details of RLHF with PPO") are commented where they stand.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from rlhf.settings import PPOConfig
from rlhf.training.chat import Sequences
from rlhf.training.critic import fit_critic
from rlhf.training.looks import Limits, Look, Watch, reason_to_stop, why_kept
from rlhf.training.losses import (
    AdaptiveKL,
    gae,
    kl_k1,
    masked_mean,
    masked_std,
    paid_scores,
    policy_loss,
    token_rewards,
    value_loss,
    whiten,
)
from rlhf.training.models import RoleModel
from rlhf.training.progress import OnLog, OnProgress, no_log, silent
from rlhf.training.ptx import OwnText
from rlhf.training.rollout import Rollout, ScoreFn, calibrate, collect, endless_batches, rollout_metrics
from rlhf.training.sampling import check_room
from store.errors import WorkError
from store.records import Message

LEAST_ADVANTAGE = 0.02
"""In deviations of the starting policy's scores; advantages that differ by less are noise, and are not followed."""


@dataclass(frozen=True)
class PPOResult:
    """`shift` and `scale` are the starting policy's mean score and deviation; `stopped` says why it ended early.

    `kept` is the look at the policy that was put back in the end, `looks` are all of them, the first one at the
    starting policy, and `why` says why that one. `weights` are the policy's at that look, by its step; at every look
    where they were to be kept.
    """

    steps: int
    shift: float
    scale: float
    history: list[dict[str, float]]
    stopped: str
    looks: tuple[Look, ...]
    kept: Look
    why: str
    weights: Mapping[int, Sequence[torch.Tensor]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Beside:
    """What training looks at beside the chats that it answers for a reward.

    `heldout` are chats whose answers choose the policy that is kept; `own_text` are texts of the base's own, whose
    loss is added where `ptx_coef` is above 0.
    """

    heldout: Sequence[Sequence[Message]] = ()
    own_text: Sequences | None = None


def train_policy(
    model: RoleModel,
    chats: Sequence[Sequence[Message]],
    score: ScoreFn,
    config: PPOConfig,
    *,
    beside: Beside = Beside(),
    progress: OnProgress = silent,
    log: OnLog = no_log,
) -> PPOResult:
    """Train the `policy` role on `chats`; `value` must be there already (copied from the reward role).

    The policy is looked at on held-out chats every `check_every` steps, or on some of the `chats` where there are
    none, and the weights of the best look are those that it has in the end. The reference is copied from the policy
    first, so that KL starts at 0. Raises BadInput for a chat beyond the context, WorkError when a loss stops being
    finite.
    """
    prompts, unseen = ([model.chat.prompt(chat) for chat in some] for some in (chats, beside.heldout))
    check_room(model, [*prompts, *unseen], config.max_new_tokens)
    model.copy("policy", "reference")
    batches = endless_batches(prompts, config.prompts_per_step, config.seed)
    start = calibrate(model, prompts, score, config)
    fit_critic(model, start, config)

    def normalised(seq: Sequences) -> torch.Tensor:
        return (score(seq) - start.shift) / start.scale

    watch = Watch(model, (unseen or prompts)[: config.check_prompts], normalised, config)
    watch.look(0)
    controller = AdaptiveKL(config.kl_coef, config.kl_target, config.kl_horizon)
    optimizer = model.optimizer(
        [("policy", config.learning_rate), ("value", config.value_learning_rate)], eps=config.adam_eps
    )
    reminds = _reminds(beside.own_text, config)
    history: list[dict[str, float]] = []
    stopped = ""
    while len(history) < config.steps and not stopped:
        step = len(history)
        rollout = collect(model, next(batches), normalised, config, seed=config.seed * 1_000_003 + step)
        if rollout.kl > config.max_kl:
            stopped = f"KL {rollout.kl:.1f} passed max_kl {config.max_kl:g} at step {step}"
            break
        metrics = update(model, optimizer, rollout, config, beta=controller.beta, reminds=reminds, warm_up=step == 0)
        controller.update(rollout.kl)
        history.append(metrics)
        if len(history) % config.check_every == 0 or len(history) == config.steps:
            metrics |= watch.look(len(history)).metrics()
            stopped = reason_to_stop(watch.looks, Limits.of(config))
        log(step, metrics)
        progress(step + 1, config.steps, f"PPO: reward {metrics['reward/score']:+.2f}, KL {rollout.kl:.1f}")
    kept, why = watch.put_back(), why_kept(watch.looks, Limits.of(config))
    looks = tuple(watch.looks)
    return PPOResult(len(history), start.shift, start.scale, history, stopped, looks, kept, why, watch.weights)


def update(
    model: RoleModel,
    optimizer: torch.optim.Optimizer,
    rollout: Rollout,
    config: PPOConfig,
    *,
    beta: float,
    warm_up: bool = False,
    reminds: OwnText | None = None,
) -> dict[str, float]:
    """One iteration's optimiser steps on policy and value; returns every metric by name."""
    mask = rollout.seq.response_mask
    kl = kl_k1(rollout.logprobs, rollout.reference)
    scores = paid_scores(rollout.scores, rollout.ended, config.missing_eos_penalty)
    rewards = token_rewards(scores, kl, mask, beta)
    raw_advantages, returns = gae(rewards, rollout.values, mask, config.gamma, config.gae_lambda)
    advantages = whiten(raw_advantages, mask, LEAST_ADVANTAGE)
    metrics = rollout_metrics(rollout, scores, rewards, returns, beta)
    metrics["advantages/mean"] = float(masked_mean(advantages, mask))
    metrics["advantages/raw_std"] = float(masked_std(raw_advantages, mask))
    model.train_roles("policy", "value")
    for _ in range(config.warmup_epochs if warm_up else 0):
        for minibatch in rollout.plans[0]:
            _value_step(model, rollout, minibatch, returns, config)
            optimizer.step()
            optimizer.zero_grad()
    metrics |= _epochs(model, optimizer, rollout, (advantages, returns), config, reminds)
    model.train_roles()
    if not all(math.isfinite(value) for value in metrics.values()):
        bad = ", ".join(name for name, value in metrics.items() if not math.isfinite(value))
        raise WorkError(f"PPO stopped being finite ({bad}): lower the learning rate.")
    return metrics


def _epochs(
    model: RoleModel,
    optimizer: torch.optim.Optimizer,
    rollout: Rollout,
    taught: tuple[torch.Tensor, torch.Tensor],
    config: PPOConfig,
    reminds: OwnText | None,
) -> dict[str, float]:
    """Passes over the rollout, each in other minibatches, until the policy has left it; means over minibatches.

    `taught` are the advantages and the returns, (B, T) each.
    """
    advantages, returns = taught
    seen: list[dict[str, float]] = []
    told = {"policy/epochs": 0.0, "policy/updates": 0.0}
    for epoch, plan in enumerate(rollout.plans, start=1):
        for minibatch in plan:
            step = _policy_step(model, rollout, minibatch, advantages, config, reminds)
            seen.append(step)
            if step["policy/approx_kl"] > config.stop_kl:
                optimizer.zero_grad()
                return told | _means(seen)
            step["losses/value"] = _value_step(model, rollout, minibatch, returns, config)
            # A mean ratio this far from 1 means the minibatch no longer speaks of this policy.
            if step["policy/ratio"] <= 10:
                optimizer.step()
                told["policy/updates"] += 1
            optimizer.zero_grad()
            told["policy/epochs"] = epoch
    return told | _means(seen)


def _means(seen: Sequence[dict[str, float]]) -> dict[str, float]:
    """Of each metric over the minibatches that have it; the first one's ratio is 1 where log-probs are right."""
    names = dict.fromkeys(name for step in seen for name in step)
    means = {name: sum(s[name] for s in seen if name in s) / sum(name in s for s in seen) for name in names}
    return means | {"policy/first_ratio": seen[0]["policy/ratio"]}


def _reminds(texts: Sequences | None, config: PPOConfig) -> OwnText | None:
    return OwnText(texts, config.ptx_coef, config.microbatch_tokens) if texts and config.ptx_coef else None


def _policy_step(
    model: RoleModel,
    rollout: Rollout,
    minibatch: list[torch.Tensor],
    advantages: torch.Tensor,
    config: PPOConfig,
    reminds: OwnText | None,
) -> dict[str, float]:
    """Accumulate the policy's gradient over a minibatch; metrics are means over its tokens.

    As many texts of the base's own as it has responses add theirs.
    """
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
        if reminds:
            sums["losses/ptx"] = reminds.backward(model, sum(map(len, minibatch)))
    norm = torch.nn.utils.clip_grad_norm_(model.parameters("policy"), config.max_grad_norm)
    return {**sums, "policy/grad_norm": float(norm)}


def _value_step(
    model: RoleModel, rollout: Rollout, minibatch: list[torch.Tensor], returns: torch.Tensor, config: PPOConfig
) -> float:
    """Accumulate the critic's gradient over a minibatch; returns its mean loss a token."""
    clip = config.value_clip * float(masked_std(returns, rollout.seq.response_mask))
    tokens = sum(int(rollout.seq.response_mask[rows].sum()) for rows in minibatch)
    total = 0.0
    with model.role("value"):
        for rows in minibatch:
            micro = rollout.seq.rows(rows)
            width = micro.response_ids.shape[1]
            values = model.values(micro)
            loss = value_loss(values, rollout.values[rows, :width], returns[rows, :width], micro.response_mask, clip)
            (loss / tokens).backward()
            total += float(loss.detach()) / tokens
    torch.nn.utils.clip_grad_norm_(model.parameters("value"), config.max_grad_norm)
    return total
