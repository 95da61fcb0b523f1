"""What one PPO iteration learns from: responses of the policy, and what the four roles say of them."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rlhf.settings import RolloutConfig, SamplingConfig
from rlhf.training.chat import Sequences
from rlhf.training.losses import kl_k3, masked_mean, masked_sum
from rlhf.training.models import RoleModel
from rlhf.training.sampling import generate

ScoreFn = Callable[[Sequences], torch.Tensor]
"""Rewards (B,) of a batch of responses; called outside any role scope."""
Plan = list[list[torch.Tensor]]
"""Minibatches of microbatches of row numbers."""


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


def endless_batches(prompts: Sequence[list[int]], size: int, seed: int) -> Iterator[list[list[int]]]:
    """Batches for ever; each pass over the prompts in a new order."""
    rng = np.random.default_rng(seed)
    queue: list[int] = []
    while True:
        while len(queue) < size:
            queue += rng.permutation(len(prompts)).tolist()
        yield [prompts[i] for i in queue[:size]]
        queue = queue[size:]


def calibrate(
    model: RoleModel, prompts: Sequence[list[int]], score: ScoreFn, config: RolloutConfig
) -> tuple[float, float]:
    """Mean and standard deviation of the starting policy's scores over `config.calibration` responses."""
    drawn = itertools.islice(endless_batches(prompts, config.prompts_per_step, config.seed), 1000)
    scores: list[float] = []
    for n, batch in enumerate(drawn):
        scores += score(_sample(model, batch, config, seed=config.seed * 1_000_003 + 500_000 + n)).tolist()
        if len(scores) >= config.calibration:
            break
    return float(np.mean(scores)), float(np.std(scores) + 1e-8)


@torch.no_grad()
def collect(
    model: RoleModel, prompts: list[list[int]], score: ScoreFn, config: RolloutConfig, *, seed: int
) -> Rollout:
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
    ended = torch.isin(last, torch.tensor(model.chat.stop_ids, device=model.device))
    return Rollout(seq, plan, logprobs, reference, values, entropy, score(seq).float(), ended)


def plan_minibatches(seq: Sequences, config: RolloutConfig, rng: np.random.Generator) -> Plan:
    """Rows drawn into minibatches, each sorted by length and cut into microbatches of a token budget.

    Fewer rows than minibatches make as many minibatches as there are rows.
    """
    parts = np.array_split(rng.permutation(len(seq.lengths)), min(config.minibatches, len(seq.lengths)))
    return [seq.by_length(config.microbatch_tokens, part.tolist()) for part in parts]


def _sample(model: RoleModel, prompts: list[list[int]], config: RolloutConfig, *, seed: int) -> Sequences:
    sampling = SamplingConfig(max_new_tokens=config.max_new_tokens, temperature=config.temperature)
    return generate(model, prompts, sampling, role="policy", seed=seed)


def rollout_metrics(rollout: Rollout, rewards: torch.Tensor, returns: torch.Tensor, beta: float) -> dict[str, float]:
    """The metrics that are known before the update."""
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
