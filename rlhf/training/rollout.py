"""What one PPO iteration learns from: responses of the policy, and what the four roles say of them."""

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rlhf.settings import PPOConfig, RolloutConfig, SamplingConfig
from rlhf.training.chat import Sequences
from rlhf.training.losses import kl_k1, kl_k3, masked_mean, masked_sum, score_scale
from rlhf.training.models import RoleModel
from rlhf.training.sampling import generate

log = logging.getLogger(__name__)

ScoreFn = Callable[[Sequences], torch.Tensor]
"""Rewards (B,) of a batch of responses; called outside any role scope."""
FEWEST_ENDED = 16
"""Responses that ended from which the deviation of the scores can be told."""
Plan = list[list[torch.Tensor]]
"""Minibatches of microbatches of row numbers."""


@dataclass(frozen=True)
class Rollout:
    """What one iteration learns from; (B, T) tensors but for `scores` and `ended`, (B,).

    `plans` are the minibatches of each epoch; the log-probabilities were made on the microbatches of the first.
    """

    seq: Sequences
    plans: tuple[Plan, ...]
    logprobs: torch.Tensor
    reference: torch.Tensor
    values: torch.Tensor
    entropy: torch.Tensor
    scores: torch.Tensor
    ended: torch.Tensor

    @property
    def kl(self) -> float:
        """KL(policy || reference) in nats a response, by the mean log-ratio."""
        ratio = kl_k1(self.logprobs, self.reference)
        return float(masked_sum(ratio, self.seq.response_mask) / len(self.scores))


@dataclass(frozen=True)
class Calibration:
    """What the starting policy says and gets: scores are shifted by its mean and divided by its deviation.

    `flat` says that the scores do not tell its responses apart; `drawn` are batches of responses with their raw
    scores (B,) and whether they ended (B,).
    """

    shift: float
    scale: float
    flat: bool
    drawn: list[tuple[Sequences, torch.Tensor, torch.Tensor]]


def endless_batches(prompts: Sequence[list[int]], size: int, seed: int) -> Iterator[list[list[int]]]:
    """Batches for ever; each pass over the prompts in a new order."""
    rng = np.random.default_rng(seed)
    queue: list[int] = []
    while True:
        while len(queue) < size:
            queue += rng.permutation(len(prompts)).tolist()
        yield [prompts[i] for i in queue[:size]]
        queue = queue[size:]


def calibrate(model: RoleModel, prompts: Sequence[list[int]], score: ScoreFn, config: PPOConfig) -> Calibration:
    """Mean and standard deviation of the starting policy's scores over `config.calibration` responses.

    Where cut ones are paid another score anyway, only those that ended count, unless they are too few.
    """
    batches = endless_batches(prompts, config.prompts_per_step, config.seed)
    drawn: list[tuple[Sequences, torch.Tensor, torch.Tensor]] = []
    while sum(len(raw) for _, raw, _ in drawn) < config.calibration:
        seq = sample(model, next(batches), config, seed=config.seed * 1_000_003 + 500_000 + len(drawn))
        drawn.append((seq, score(seq).float(), has_ended(model, seq)))
    scores = torch.cat([raw for _, raw, _ in drawn])
    ended = torch.cat([whole for _, _, whole in drawn])
    counted = ended if config.missing_eos_penalty and ended.sum() >= FEWEST_ENDED else torch.ones_like(ended)
    shift, scale, flat = score_scale(scores[counted].tolist())
    if flat:
        log.warning(
            "The reward model does not tell the replies apart (%d of them score %.4g +- %.1g): PPO has nothing to "
            "learn from it. Rank more prompts, or look at what it was taught.",
            len(scores),
            shift,
            float(scores.std(correction=0)),
        )
    return Calibration(shift, scale, flat, drawn)


@torch.no_grad()
def collect(model: RoleModel, prompts: list[list[int]], score: ScoreFn, config: PPOConfig, *, seed: int) -> Rollout:
    """Sample a response to each prompt; log-probabilities, values and scores of what was sampled.

    The rollout's own logits are never kept: log-probabilities are teacher-forced on the microbatches that the
    update will use, so that its first ratio is exactly 1.
    """
    seq = sample(model, prompts, config, seed=seed)
    rng = np.random.default_rng(seed)
    plans = tuple(plan_minibatches(seq, config, rng) for _ in range(config.epochs))
    logprobs, entropy, reference, values = (torch.zeros_like(seq.response_ids, dtype=torch.float32) for _ in range(4))
    # Train mode from here on, as in the update: the modules must be the same ones in both.
    model.train_roles("policy", "value")
    for rows in itertools.chain.from_iterable(plans[0]):
        micro = seq.rows(rows)
        width = micro.response_ids.shape[1]
        with model.role("policy"):
            logprobs[rows, :width], entropy[rows, :width] = model.logprobs(micro, config.temperature)
        with model.role("reference"):
            reference[rows, :width] = model.logprobs(micro, config.temperature)[0]
        with model.role("value"):
            values[rows, :width] = model.values(micro)
    model.train_roles()
    scores, ended = score(seq).float(), has_ended(model, seq)
    return Rollout(seq, plans, logprobs, reference, values, entropy, scores, ended)


def plan_minibatches(seq: Sequences, config: RolloutConfig, rng: np.random.Generator) -> Plan:
    """Rows drawn into minibatches, each sorted by length and cut into microbatches of a token budget.

    Fewer rows than minibatches make as many minibatches as there are rows.
    """
    parts = np.array_split(rng.permutation(len(seq.lengths)), min(config.minibatches, len(seq.lengths)))
    return [seq.by_length(config.microbatch_tokens, part.tolist()) for part in parts]


def has_ended(model: RoleModel, seq: Sequences) -> torch.Tensor:
    """Whether each response (B,) ended by itself, and was not cut."""
    last = seq.response_ids.gather(1, (seq.lengths - 1)[:, None]).squeeze(1)
    return torch.isin(last, torch.tensor(model.chat.stop_ids, device=model.device))


def sample(model: RoleModel, prompts: list[list[int]], config: RolloutConfig, *, seed: int) -> Sequences:
    """One response of the policy to each prompt of token ids."""
    sampling = SamplingConfig(max_new_tokens=config.max_new_tokens, temperature=config.temperature)
    return generate(model, prompts, sampling, role="policy", seed=seed)


def fill(seq: Sequences, plan: Plan) -> float:
    """Real tokens of all that is computed in one pass over the rollout, 0 to 1; the rest is padding."""
    parts = [seq.rows(rows).attention_mask for rows in itertools.chain.from_iterable(plan)]
    return sum(int(part.sum()) for part in parts) / sum(part.numel() for part in parts)


def rollout_metrics(
    rollout: Rollout, scores: torch.Tensor, rewards: torch.Tensor, returns: torch.Tensor, beta: float
) -> dict[str, float]:
    """The metrics that are known before the update; `scores` (B,) are those that are paid."""
    mask = rollout.seq.response_mask
    residual = masked_mean((returns - rollout.values) ** 2, mask)
    spread = masked_mean((returns - masked_mean(returns, mask)) ** 2, mask)
    k3 = kl_k3(rollout.logprobs, rollout.reference)
    return {
        "reward/score": float(scores.mean()),
        "reward/score_std": float(scores.std(correction=0)),
        "reward/total": float(rewards.sum(dim=1).mean()),
        "kl/k1": rollout.kl,
        "kl/k3": float(masked_sum(k3, mask) / len(scores)),
        "kl/beta": beta,
        "policy/entropy": float(masked_mean(rollout.entropy, mask)),
        "value/explained_variance": float(1 - residual / spread.clamp(min=1e-8)),
        "responses/length": float(rollout.seq.lengths.float().mean()),
        "responses/ended": float(rollout.ended.float().mean()),
        "responses/fill": fill(rollout.seq, rollout.plans[0]),
    }
