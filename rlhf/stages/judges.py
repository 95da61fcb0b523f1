"""Who judges answers: the reward model, the simulated annotators of `tiny`, or a program from outside.

The first two score one answer at a time; the program (rlhf/stages/outside.py) is shown two and names the better one.
People judge by their rankings, which are there already: rlhf/stages/by_people.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from rlhf import training
from rlhf.tiny.annotator import utility
from store.records import Message
from store.results import RewardJudgement

if TYPE_CHECKING:
    import torch

    from rlhf.training.chat import Sequences
    from rlhf.training.models import RoleModel
    from rlhf.training.sampling import Sample

    Chat = Sequence[Message]


class Judge(Protocol):
    """Whoever scores answers: the reward model, or the simulated annotators."""

    @property
    def name(self) -> str:
        """Its name, which is stored beside the win rate."""

    def score(self, chats: Sequence[Chat], answers: Sequence[Sample]) -> np.ndarray:
        """Scores (N,) of one answer to each of N chats; higher is better."""


@dataclass(frozen=True)
class ByRewardModel:
    """Scores in standard deviations of the responses that the reward model was trained on."""

    name: str
    model: RoleModel
    judgement: RewardJudgement

    def score(self, chats: Sequence[Chat], answers: Sequence[Sample]) -> np.ndarray:
        """Normalised rewards (N,)."""
        items = [(chat, sample.token_ids) for chat, sample in zip(chats, answers, strict=True)]
        return (training.reward.score_answers(self.model, items) - self.judgement.mean) / self.judgement.std


@dataclass(frozen=True)
class BySimulated:
    """The noiseless utility of the simulated annotators: an answer to what was asked is worth 5, manners -2 to 2."""

    name: str = "simulated annotators"

    def score(self, chats: Sequence[Chat], answers: Sequence[Sample]) -> np.ndarray:
        """Utilities (N,)."""
        return np.array([utility(c[-1]["content"], s.text) for c, s in zip(chats, answers, strict=True)])


def score_groups(judge: Judge, chats: Sequence[Chat], groups: Sequence[Sequence[Sample]]) -> np.ndarray:
    """Scores (P, S) of S answers to each of P chats."""
    each = [chat for chat, group in zip(chats, groups, strict=True) for _ in group]
    scores = judge.score(each, [sample for group in groups for sample in group])
    return scores.reshape(len(groups), -1)


def score_sequences(model: RoleModel, judge: RewardJudgement, seq: Sequences) -> torch.Tensor:
    """Normalised rewards of token sequences, (B,)."""
    scores: torch.Tensor = training.reward.score_batch(model, seq)
    return (scores - judge.mean) / judge.std
