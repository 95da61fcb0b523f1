"""Where the critic starts: a ridge regression of the starting policy's returns, which its calibration drew anyway.

A copy of the reward head read before each token is no critic: the reward model was taught at the last token alone,
and its explained variance there is below that of a head of zeros.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch

from rlhf.settings import PPOConfig
from rlhf.training.chat import Sequences
from rlhf.training.losses import paid_scores
from rlhf.training.models import RoleModel
from rlhf.training.rollout import Calibration

FOLDS = 4
"""Parts of the responses; each is foretold once by a head that was fitted to the others."""
RIDGES = (1e-2, 1e-1, 1.0, 10.0, 100.0)
"""Ridge penalties tried, in units of the states' mean variance; beside them a head that says the mean alone."""


@dataclass(frozen=True)
class Moments:
    """Sums over N tokens of states x (H,) and returns y, in fp64: all that a regression needs."""

    n: torch.Tensor
    x: torch.Tensor
    y: torch.Tensor
    xx: torch.Tensor
    xy: torch.Tensor
    yy: torch.Tensor

    @classmethod
    def of(cls, x: torch.Tensor, y: torch.Tensor) -> "Moments":
        """Of states (N, H) and returns (N,)."""
        return cls(y.new_tensor(float(len(y))), x.sum(0), y.sum(), x.T @ x, x.T @ y, y @ y)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(*(mine + theirs for mine, theirs in zip(_parts(self), _parts(other), strict=True)))

    def heads(self, ridges: Sequence[float]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Weight (H,) and bias of the regression with each penalty, and last of the mean alone."""
        x, y = self.x / self.n, self.y / self.n
        size, axes = torch.linalg.eigh(self.xx - self.n * torch.outer(x, x))
        size = size.clamp(min=0)
        along = axes.T @ (self.xy - self.n * x * y)
        unit = size.mean().clamp(min=1e-12)
        weights = [axes @ (along / (size + ridge * unit)) for ridge in ridges]
        return [(weight, y - weight @ x) for weight in [*weights, torch.zeros_like(x)]]

    def error(self, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """Sum of the squared errors of a head on these tokens."""
        slope = weight @ (self.xx @ weight) - 2 * weight @ self.xy + 2 * bias * (weight @ self.x)
        return self.yy + slope - 2 * bias * self.y + self.n * bias**2


def _parts(moments: Moments) -> tuple[torch.Tensor, ...]:
    return moments.n, moments.x, moments.y, moments.xx, moments.xy, moments.yy


@torch.no_grad()
def fit_critic(model: RoleModel, start: Calibration, config: PPOConfig) -> float:
    """Set the value head to the ridge regression of the returns on the value role's states.

    The penalty is the one that foretells responses best that it was not fitted to (four folds); where none does
    better than their mean in each of the four, the head says the mean. Returns the variance so explained, 0 to 1.
    """
    folds: list[Moments] = []
    for seq, raw, ended in start.drawn:
        scores = paid_scores((raw - start.shift) / start.scale, ended, config.missing_eos_penalty)
        states = [_states(model, seq, rows, scores, config) for rows in torch.arange(len(scores)).chunk(FOLDS)]
        folds = [a + b for a, b in zip(folds, states, strict=True)] if len(folds) == len(states) else folds + states
    whole = reduce(Moments.__add__, folds)
    errors = torch.zeros(len(folds), len(RIDGES) + 1, dtype=torch.float64, device=whole.x.device)
    for i, fold in enumerate(folds):
        rest = [other for j, other in enumerate(folds) if j != i] or [fold]
        for k, (weight, bias) in enumerate(reduce(Moments.__add__, rest).heads(RIDGES)):
            errors[i, k] = fold.error(weight, bias)
    by_luck = (errors >= errors[:, -1:]).any(dim=0)
    total = errors.sum(dim=0)
    best = len(RIDGES) if by_luck.all() else int(torch.where(by_luck, torch.inf, total).argmin())
    weight, bias = whole.heads(RIDGES)[best]
    model.heads["value"].weight.copy_(weight[None].float())
    model.heads["value"].bias.copy_(bias[None].float())
    return float(1 - total[best] / total[-1].clamp(min=1e-12))


def _states(model: RoleModel, seq: Sequences, rows: torch.Tensor, scores: torch.Tensor, config: PPOConfig) -> Moments:
    """Of the states before each token of some responses, and of their discounted scores: KL is 0 at the start."""
    found = []
    for part in seq.by_length(config.microbatch_tokens, rows.tolist()):
        micro = seq.rows(part)
        width = micro.response_ids.shape[1]
        with model.role("value"):
            states = model.hidden(micro)[:, -width - 1 : -1].double()
        left = micro.lengths[:, None] - 1 - torch.arange(width, device=states.device)
        returns = scores[part, None].double() * config.gamma ** left.clamp(min=0)
        found.append(Moments.of(states[micro.response_mask], returns[micro.response_mask]))
    return reduce(Moments.__add__, found)
