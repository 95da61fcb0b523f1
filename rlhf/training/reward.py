"""The reward model: a LoRA adapter and an fp32 head on the quantised base, taught by soft pair targets.

Takes plain records and returns a result; the trained weights stay in the model's `reward` role.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rlhf.settings import RewardConfig
from rlhf.training.chat import Sequences
from rlhf.training.losses import ELO_PER_LOGIT, soft_pair_loss
from rlhf.training.metrics import PairMetrics, pair_metrics
from rlhf.training.models import Role, RoleModel
from rlhf.training.progress import OnLog, OnProgress, no_log, silent
from store.errors import NotReady, WorkError
from store.records import Message

SCORED_AT_ONCE = 64
"""Responses scored in one forward pass."""
PROBED_AT_ONCE = 16
"""Ranked prompts whose last states are made at once; only the states are kept."""


@dataclass(frozen=True)
class RankedPrompt:
    """The rated responses to one prompt.

    `answers` are the token ids of each, with the token that ended its turn unless it was cut; `tempered` is the Elo
    of each, drawn together by how unsure it is; higher is better.
    """

    messages: tuple[Message, ...]
    answers: tuple[tuple[int, ...], ...]
    tempered: tuple[float, ...]


@dataclass(frozen=True)
class RewardResult:
    """`mean` and `std` normalise raw scores over the responses trained on; `measured` is of held-out prompts."""

    mean: float
    std: float
    measured: PairMetrics


def train_reward(
    model: RoleModel,
    train: Sequence[RankedPrompt],
    heldout: Sequence[RankedPrompt],
    config: RewardConfig,
    *,
    continued: bool = False,
    progress: OnProgress = silent,
    log: OnLog = no_log,
) -> RewardResult:
    """Train the `reward` role, which the caller made fresh or (`continued`) loaded; judge it on unseen prompts.

    Raises NotReady when either side has no ordered pair, WorkError when the loss stops being finite.
    """
    for side, prompts in (("train", train), ("eval", heldout)):
        if not any(len(set(p.tempered)) > 1 for p in prompts):
            raise NotReady(
                f"Of {len(prompts)} ranked prompts of the {side} split none has two responses of different score: "
                f'rank more of them; a line of an imported file with "split": "{side}" makes one.'
            )
    if not continued:
        fit_head(model, train[: config.probe_prompts], tokens=config.microbatch_tokens)
    epochs = config.continued_epochs if continued else config.epochs
    batches = math.ceil(len(train) / config.prompts_per_step)
    total = epochs * batches
    optimizer = model.optimizer([("reward", config.learning_rate)])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: _cosine(s, total, config.warmup))
    model.train_roles("reward")
    for step, batch in enumerate(_batches(train, config, epochs)):
        loss = _update(model, batch, config)
        if not math.isfinite(loss):
            raise WorkError(f"The reward loss became {loss} at step {step}: lower the learning rate.")
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        progress(step + 1, total, "training the reward model")
        log(step, {"losses/reward": loss})
    model.train_roles()
    raw = score_prompts(model, [*train[: len(heldout) * 2], *heldout])
    fitted = np.concatenate(raw[: -len(heldout)])
    measured = pair_metrics(raw[-len(heldout) :], [np.array(p.tempered) for p in heldout])
    return RewardResult(float(fitted.mean()), float(fitted.std() + 1e-8), measured)


@torch.no_grad()
def fit_head(model: RoleModel, prompts: Sequence[RankedPrompt], *, ridge: float = 0.1, tokens: int = 2048) -> None:
    """Set the reward head to the ridge regression of the scores, in logits and centred a prompt, on the last state.

    Linear probing before fine-tuning: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features".
    `ridge` is in units of the features' mean variance, `tokens` bound one forward pass.
    """
    states, targets = [], []
    for prompt, mine in zip(prompts, _states(model, prompts, "reward", tokens), strict=True):
        elo = torch.tensor(prompt.tempered, device=mine.device, dtype=torch.float64)
        states.append(mine - mine.mean(0))
        targets.append((elo - elo.mean()) / ELO_PER_LOGIT)
    x, y = torch.cat(states), torch.cat(targets)
    gram = x.T @ x
    damped = gram + ridge * gram.diagonal().mean() * torch.eye(len(gram), device=x.device, dtype=x.dtype)
    model.heads["reward"].weight.copy_(torch.linalg.solve(damped, x.T @ y)[None].float())


@torch.no_grad()
def last_states(model: RoleModel, prompts: Sequence[RankedPrompt], *, tokens: int) -> list[np.ndarray]:
    """The base's last hidden states (K, H) of each prompt's responses; `tokens` bound one forward pass."""
    return [mine.cpu().numpy() for mine in _states(model, prompts, "base", tokens)]


def _states(model: RoleModel, prompts: Sequence[RankedPrompt], role: Role, tokens: int) -> Iterator[torch.Tensor]:
    """The last hidden states (K, H) of each prompt's responses under a role, in fp64."""
    for start in range(0, len(prompts), PROBED_AT_ONCE):
        batch = prompts[start : start + PROBED_AT_ONCE]
        with model.role(role):
            last = _in_parts(model.last_state, _encode(model, batch), tokens)
        yield from last.double().split([len(p.answers) for p in batch])


@torch.no_grad()
def score_batch(model: RoleModel, seq: Sequences) -> torch.Tensor:
    """Raw rewards (B,) of token sequences."""
    with model.role("reward"):
        return model.scores(seq)


@torch.no_grad()
def score_prompts(model: RoleModel, prompts: Sequence[RankedPrompt], batch: int = SCORED_AT_ONCE) -> list[np.ndarray]:
    """Raw rewards of the responses of each prompt."""
    scores = score_answers(model, [(p.messages, answer) for p in prompts for answer in p.answers], batch)
    return list(np.split(scores, np.cumsum([len(p.answers) for p in prompts])[:-1]))


@torch.no_grad()
def score_answers(
    model: RoleModel, items: Sequence[tuple[Sequence[Message], Sequence[int]]], batch: int = SCORED_AT_ONCE
) -> np.ndarray:
    """Raw rewards (N,) of (chat, token ids of an answer) items."""
    ids = [(model.chat.prompt(messages), answer) for messages, answer in items]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i][0]) + len(ids[i][1]))
    out = np.zeros(len(ids))
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        seq = model.to_device(model.chat.sequences([ids[i][0] for i in rows], [ids[i][1] for i in rows]))
        with model.role("reward"):
            out[rows] = model.scores(seq).double().cpu().numpy()
    return out


def _update(model: RoleModel, batch: Sequence[RankedPrompt], config: RewardConfig) -> float:
    """Gradients of one batch; returns its loss, a mean over prompts."""
    width = max(len(p.answers) for p in batch)
    mask = torch.tensor([[k < len(p.answers) for k in range(width)] for p in batch], device=model.device)
    elo = torch.zeros(len(batch), width, device=model.device)
    elo[mask] = torch.tensor([e for p in batch for e in p.tempered], device=model.device, dtype=torch.float32)
    seq = _encode(model, batch)
    with model.role("reward"):
        rewards = torch.zeros(len(batch), width, device=model.device)
        rewards[mask] = _in_parts(model.scores, seq, config.microbatch_tokens)
        centre = rewards.sum(dim=1) / mask.sum(dim=1)
        loss = soft_pair_loss(rewards, elo, mask) / len(batch) + config.mean_penalty * (centre**2).mean()
        loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters("reward"), config.max_grad_norm)
    return float(loss.detach())


def _in_parts(compute: Callable[[Sequences], torch.Tensor], seq: Sequences, tokens: int) -> torch.Tensor:
    """Rows of `compute(seq)`, computed on parts of like length, so that little is padded."""
    parts = seq.by_length(tokens)
    return torch.cat([compute(seq.rows(part)) for part in parts])[torch.cat(parts).argsort()]


def _encode(model: RoleModel, batch: Sequence[RankedPrompt]) -> Sequences:
    prompts = [ids for p in batch for ids in [model.chat.prompt(p.messages)] * len(p.answers)]
    return model.to_device(model.chat.sequences(prompts, [answer for p in batch for answer in p.answers]))


def _batches(prompts: Sequence[RankedPrompt], config: RewardConfig, epochs: int) -> Iterator[list[RankedPrompt]]:
    rng = np.random.default_rng(config.seed)
    for _ in range(epochs):
        order = rng.permutation(len(prompts))
        for start in range(0, len(order), config.prompts_per_step):
            yield [prompts[i] for i in order[start : start + config.prompts_per_step]]


def _cosine(step: int, total: int, warmup: float) -> float:
    rise = max(1.0, warmup * total)
    return (
        (step + 1) / rise if step < rise else 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, total - rise)))
    )
