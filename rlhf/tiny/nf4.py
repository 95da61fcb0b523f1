"""Train a model so that 4-bit NF4 hurts it little: the forward pass sees the weights rounded, the update does not.

NF4 (Dettmers et al., QLoRA, arXiv 2305.14314) stores each weight as one of 16 levels times the largest magnitude in
its block of 64. A model of a million parameters feels that rounding, unless the end of its training has had it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

LEVELS = torch.tensor(
    [
        -1.0,
        -0.6961928,
        -0.52507305,
        -0.3949175,
        -0.28444138,
        -0.18477343,
        -0.09105004,
        0.0,
        0.0795803,
        0.1609302,
        0.2461123,
        0.33791524,
        0.44070983,
        0.562617,
        0.72295684,
        1.0,
    ]
)
BLOCK = 64


def rounded(weight: Tensor) -> Tensor:
    """The weight as NF4 gives it back, of the same shape; its number of elements is a multiple of 64."""
    blocks = weight.reshape(-1, BLOCK)
    largest = blocks.abs().amax(dim=1, keepdim=True).clamp_min(1e-12)
    between = (LEVELS[1:] + LEVELS[:-1]) / 2
    return (LEVELS[torch.bucketize(blocks / largest, between)] * largest).view_as(weight)


@contextmanager
def rounded_weights(model: nn.Module, enabled: bool) -> Iterator[None]:
    """Inside, the linear layers that a 4-bit load quantises (all but the output) hold rounded weights.

    The gradients found inside are then applied to the exact weights, which come back at the end.
    """
    exact: list[tuple[nn.Linear, Tensor]] = []
    if enabled:
        for name, module in model.named_modules():
            if isinstance(module, nn.Linear) and name != "lm_head":
                exact.append((module, module.weight.data))
                module.weight.data = rounded(module.weight.data)
    yield
    for module, weight in exact:
        module.weight.data = weight
