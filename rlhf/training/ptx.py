"""PTX: text of the base's own beside PPO's rollouts, so that it is not forgotten (Ouyang et al. 2022, eq. 2)."""

import torch

from rlhf.training.chat import Sequences
from rlhf.training.losses import masked_sum
from rlhf.training.models import RoleModel


class OwnText:
    """Texts that the base writes well, gone through again and again; `coef` weighs their loss, nats a token.

    The loss has its own backward, which adds to the gradient that is there: no graph holds both losses.
    """

    def __init__(self, texts: Sequences, coef: float, tokens: int) -> None:
        self._texts, self._coef, self._tokens, self._turn = texts, coef, tokens, 0

    def backward(self, model: RoleModel, count: int) -> float:
        """Add the gradient of the next `count` texts to the active role's; returns their loss, nats a token.

        They are cut into parts of at most `tokens` tokens, and any cut gives the same gradient.
        """
        size = len(self._texts.lengths)
        texts = self._texts.rows((torch.arange(count) + self._turn) % size)
        self._turn = (self._turn + count) % size
        texts = model.to_device(texts)
        total, told = int(texts.response_mask.sum()), 0.0
        for part in texts.by_length(self._tokens):
            micro = texts.rows(part)
            logprobs, _ = model.logprobs(micro)
            loss = -masked_sum(logprobs, micro.response_mask) / total
            (self._coef * loss).backward()
            told += float(loss.detach())
        return told
