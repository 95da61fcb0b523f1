"""Pure tensor functions of preference learning and PPO: no model, no configuration, no sibling.

One mask polarity everywhere: True is a real token. B is sequences, T response tokens, K responses of a prompt.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F

ELO_PER_LOGIT = 400 / math.log(10)
"""Elo points to one unit of log-odds (Elo 1978: 400 points are odds of ten to one)."""

MAX_LOG_RATIO = 20.0
UNENDED_SCORE = -3.0
"""In deviations of the starting policy's scores, what the worst response of a batch has where none has ended."""
FLAT = 1e-4
"""Scores whose deviation is below this, or below this share of their size, tell nothing apart."""


def masked_sum(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Sum over real tokens; a masked NaN counts as nothing."""
    return torch.where(mask, values, torch.zeros_like(values)).sum()


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over real tokens."""
    return masked_sum(values, mask) / mask.sum().clamp(min=1)


def masked_std(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Standard deviation over real tokens."""
    return masked_mean((values - masked_mean(values, mask)) ** 2, mask).sqrt()


def whiten(values: torch.Tensor, mask: torch.Tensor, least: float = 0.0) -> torch.Tensor:
    """Mean 0 and variance 1 over the real tokens of the whole batch; 0 elsewhere.

    After the masking and over the global batch, or padding and accumulation would change the advantages. Where the
    deviation is below `least`, all are 0: blown up to variance 1, noise would teach as much as a signal does.
    """
    mean = masked_mean(values, mask)
    variance = masked_mean((values - mean) ** 2, mask)
    told = mask & (variance >= least**2)
    return torch.where(told, (values - mean) * torch.rsqrt(variance + 1e-8), torch.zeros_like(values))


def paid_scores(scores: torch.Tensor, ended: torch.Tensor, penalty: float) -> torch.Tensor:
    """Scores (B,) where a response that was cut gets `penalty` less than the worst of those that ended; 0 is off.

    A constant taken from a cut response's own score would not do: a reward model, which has seen few of them, may
    read them higher than the same ones with their end. Huang et al. 2024 (detail 4) and Stiennon et al. 2020 give all
    of them one low score; here it is below every ended one whatever the scale. Where none has ended, all get the
    same, `UNENDED_SCORE` less the penalty.
    """
    if not penalty:
        return scores
    least = scores[ended].min() if ended.any() else scores.new_tensor(UNENDED_SCORE)
    return torch.where(ended, scores, least - penalty)


def score_scale(scores: Sequence[float]) -> tuple[float, float, bool]:
    """Mean and deviation of raw scores, by which they are normalised, and whether they are flat.

    Flat is a deviation below `FLAT` of their size (some hundred roundings of fp32), or below `FLAT` itself. Their
    scale is then their size, and at least 1: what is left of them is too small to be followed.
    """
    n = len(scores)
    mean, size = math.fsum(scores) / n, math.fsum(map(abs, scores)) / n
    deviation = math.sqrt(math.fsum((s - mean) ** 2 for s in scores) / n)
    flat = deviation < FLAT * max(size, 1.0)
    return mean, max(size, 1.0) if flat else deviation, flat


def kl_k1(logprobs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Per-token log-ratio: unbiased for KL(policy || reference), may be negative (Schulman 2020, k1)."""
    return logprobs - reference


def kl_k3(logprobs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """exp(-d) - 1 + d of the log-ratio d: unbiased, never negative, lower variance (Schulman 2020, k3)."""
    d = (logprobs - reference).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    return torch.exp(-d) - 1 + d


def token_rewards(scores: torch.Tensor, kl: torch.Tensor, mask: torch.Tensor, beta: float) -> torch.Tensor:
    """-beta * kl at each token plus the score (B,) at the true last one, (B, T).

    Ziegler et al. 2019, eq. 2: R = r - beta * log(policy / reference).
    """
    rewards = torch.where(mask, -beta * kl, torch.zeros_like(kl))
    last = mask.sum(dim=1) - 1
    rewards[torch.arange(len(last), device=last.device), last] += scores
    return rewards


def gae(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float, lam: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Advantages and returns, both (B, T), zero outside the mask.

    Schulman et al. 2016, eq. 16: A_t = sum_l (gamma lam)^l delta_{t+l}, delta_t = r_t + gamma V_{t+1} - V_t; the
    value after the last real token is 0. Real tokens must be on the left.
    """
    advantages = torch.zeros_like(values)
    running = torch.zeros_like(values[:, 0])
    next_value = torch.zeros_like(running)
    for t in range(values.shape[1] - 1, -1, -1):
        real = mask[:, t]
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        running = torch.where(real, delta + gamma * lam * running, torch.zeros_like(running))
        next_value = torch.where(real, values[:, t], torch.zeros_like(running))
        advantages[:, t] = running
    return advantages, torch.where(mask, advantages + values, torch.zeros_like(values))


def policy_loss(
    logprobs: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor, clip: float
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Clipped surrogate (Schulman et al. 2017, eq. 7), summed over real tokens, with its diagnostics as sums.

    Sums and not means: the caller divides by the global token count, so that accumulation is exact.
    """
    log_ratio = (logprobs - old).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    ratio = log_ratio.exp()
    unclipped = -advantages * ratio
    clipped = -advantages * ratio.clamp(1 - clip, 1 + clip)
    with torch.no_grad():
        stats = {
            "approx_kl": masked_sum(ratio - 1 - log_ratio, mask),
            "clipfrac": masked_sum((clipped > unclipped).float(), mask),
            "ratio": masked_sum(ratio, mask),
        }
    return masked_sum(torch.maximum(unclipped, clipped), mask), stats


def value_loss(
    values: torch.Tensor, old: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip: float
) -> torch.Tensor:
    """Half the squared error, the worse of clipped and unclipped (PPO's reference code), summed over real tokens."""
    clipped = old + (values - old).clamp(-clip, clip)
    return 0.5 * masked_sum(torch.maximum((values - returns) ** 2, (clipped - returns) ** 2), mask)


def soft_pair_loss(rewards: torch.Tensor, elo: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Sum over the pairs i < j of BCE(r_i - r_j, sigmoid(gap_ij / 400 * ln 10)), all of shape (B, K).

    Bradley-Terry with the rating's own probabilities as targets: a close pair pulls less than a clear one.
    """
    i, j = torch.triu_indices(rewards.shape[1], rewards.shape[1], offset=1, device=rewards.device)
    target = torch.sigmoid((elo[:, i] - elo[:, j]) / ELO_PER_LOGIT)
    losses = F.binary_cross_entropy_with_logits(rewards[:, i] - rewards[:, j], target, reduction="none")
    return masked_sum(losses, mask[:, i] & mask[:, j])


class AdaptiveKL:
    """The coefficient that keeps KL near a target: beta *= 1 + clip(kl / target - 1, -.2, .2) / horizon.

    Ziegler et al. 2019, section 2.2, with a horizon in batches and not in responses: how many steps a run has, and
    not how many responses a step, decides how fast beta has to move.
    """

    def __init__(self, beta: float, target: float, horizon: float) -> None:
        self.beta, self.target, self.horizon = beta, target, horizon

    def update(self, kl: float) -> None:
        """`kl` in nats a response, the mean over one batch."""
        error = min(max(kl / self.target - 1, -0.2), 0.2)
        self.beta *= 1 + error / self.horizon
