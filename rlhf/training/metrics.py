"""What got better: held-out accuracy, calibration, win rate, divergence from the base."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rlhf.training.chat import Sequences
from rlhf.training.losses import ELO_PER_LOGIT, kl_k1
from rlhf.training.models import Role, RoleModel
from rlhf.training.sampling import Sample
from store.records import Message

NORMAL_QUANTILE = 1.96
"""Of a two-sided interval of 95%."""
DIVERGENCE_BATCH = 64
"""Responses that are made into one batch of token ids."""
DIVERGENCE_TOKENS = 512
"""Tokens, padding included, whose logits are made at once: those of whole batches are what fills a memory."""


@dataclass(frozen=True)
class PairMetrics:
    """How a reward model orders pairs: accuracy with its 95% interval, NLL (nats a pair), ECE, and over how many."""

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    nll: float
    ece: float
    pairs: int


def pair_metrics(scores: Sequence[np.ndarray], elo: Sequence[np.ndarray], bins: int = 10) -> PairMetrics:
    """Accuracy with its 95% interval, NLL (nats) and ECE over the pairs that the ratings put in an order.

    `scores` and `elo` hold one array a prompt. Accuracy is of the order; NLL and ECE are of the odds that the ratings
    give a vote, which is what the model is taught. The interval treats a prompt as one observation (its pairs are
    dependent). ECE: Guo et al. 2017, eq. 3, over equal-width bins of the model's confidence.
    """
    predicted, voted, prompt = [], [], []
    for p, (s, e) in enumerate(zip(scores, elo, strict=True)):
        i, j = np.triu_indices(len(s), 1)
        gap, margin = e[i] - e[j], s[i] - s[j]
        decided = gap != 0
        predicted.append(1 / (1 + np.exp(-np.where(gap > 0, margin, -margin)[decided])))
        voted.append(1 / (1 + np.exp(-np.abs(gap[decided]) / ELO_PER_LOGIT)))
        prompt.append(np.full(int(decided.sum()), p))
    # Both are probabilities of a vote for the response that the ratings prefer.
    right, vote, cluster = np.concatenate(predicted), np.concatenate(voted), np.concatenate(prompt)
    hit = (right > 0.5) + 0.5 * (right == 0.5)
    accuracy = float(hit.mean())
    per_prompt = np.bincount(cluster, hit - accuracy)
    error = float(np.sqrt((per_prompt**2).sum()) / len(hit))
    safe = np.clip(right, 1e-12, 1 - 1e-12)
    confidence, agreed = np.maximum(right, 1 - right), np.where(right > 0.5, vote, 1 - vote)
    bucket = np.minimum(((confidence - 0.5) * 2 * bins).astype(int), bins - 1)
    gaps = np.bincount(bucket, agreed - confidence, bins)
    return PairMetrics(
        accuracy=accuracy,
        accuracy_low=accuracy - NORMAL_QUANTILE * error,
        accuracy_high=min(1.0, accuracy + NORMAL_QUANTILE * error),
        nll=float(-(vote * np.log(safe) + (1 - vote) * np.log(1 - safe)).mean()),
        ece=float(np.abs(gaps).sum() / len(hit)),
        pairs=len(hit),
    )


def divergence(
    model: RoleModel,
    chats: Sequence[Sequence[Message]],
    samples: Sequence[Sample],
    temperature: float = 1.0,
    *,
    against: Role = "base",
) -> float:
    """KL(policy || `against`) in nats a response: the mean of `response_log_ratios`."""
    return float(response_log_ratios(model, chats, samples, temperature, against=against).mean())


def response_log_ratios(
    model: RoleModel,
    chats: Sequence[Sequence[Message]],
    samples: Sequence[Sample],
    temperature: float,
    *,
    of: Role = "policy",
    against: Role = "base",
) -> np.ndarray:
    """log `of` - log `against` of each response to each chat, (N,), in nats: over samples of `of` their mean is the
    KL.

    Of the whole distributions at `temperature`: samples that were drawn from a nucleus (top_p below 1) are the
    likelier ones, and their mean is above the KL.
    """
    found = np.zeros(len(samples))
    for start in range(0, len(samples), DIVERGENCE_BATCH):
        rows = range(start, min(start + DIVERGENCE_BATCH, len(samples)))
        seq = model.to_device(
            model.chat.sequences([model.chat.prompt(chats[i]) for i in rows], [samples[i].token_ids for i in rows])
        )
        ratios = log_ratios(model, seq, temperature, against, tokens=DIVERGENCE_TOKENS, of=of)
        found[rows.start : rows.stop] = ratios[0].double().cpu().numpy()
    return found


@torch.no_grad()
def log_ratios(
    model: RoleModel, seq: Sequences, temperature: float, *against: Role, tokens: int, of: Role = "policy"
) -> torch.Tensor:
    """log `of` - log of each of R roles, for each of B responses: (R, B), in nats, over parts of at most so many
    tokens."""
    found = torch.zeros(len(against), len(seq.lengths), device=model.device)
    for rows in seq.by_length(tokens):
        micro = seq.rows(rows)
        with model.role(of):
            own, _ = model.logprobs(micro, temperature)
        for found_of, role in zip(found, against, strict=True):
            with model.role(role):
                other, _ = model.logprobs(micro, temperature)
            found_of[rows] = torch.where(micro.response_mask, kl_k1(own, other), 0.0).sum(dim=1)
    return found


@torch.no_grad()
def nats(model: RoleModel, seq: Sequences, role: Role) -> float:
    """Mean negative log-probability of the response tokens under a role, nats a token."""
    total = 0.0
    seq = model.to_device(seq)
    with model.role(role):
        for rows in seq.by_length(DIVERGENCE_TOKENS):
            micro = seq.rows(rows)
            logprobs, _ = model.logprobs(micro)
            total -= float(logprobs[micro.response_mask].sum())
    return total / max(int(seq.response_mask.sum()), 1)


def distinct(texts: Sequence[str], n: int = 2) -> float:
    """Distinct n-grams of words over all of them, from 0 to 1 (Li et al. 2016, distinct-n)."""
    grams = [tuple(words[i : i + n]) for words in map(str.split, texts) for i in range(len(words) - n + 1)]
    return len(set(grams)) / max(len(grams), 1)


def repeated(text: str, n: int = 2) -> float:
    """Share of the n-grams of words of one text that it had before, from 0 to 1; those of single words are 0."""
    words = text.split()
    return 1 - distinct([text], n) if len(words) >= n else 0.0
