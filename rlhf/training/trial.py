"""A base model tried before anything rests on it: an answer is sampled, a gradient taken, padding left out."""

from typing import TYPE_CHECKING

import torch

from rlhf.settings import Quantization, SamplingConfig
from rlhf.training.loading import quantized_share
from rlhf.training.models import RoleModel
from rlhf.training.pretrained import first_line
from rlhf.training.sampling import generate
from store.errors import BadInput, PlatformError

if TYPE_CHECKING:
    from rlhf.training.chat import Sequences

SHORT, LONG = "Hello!", "Which of the two is the longer question, and which is the one that needs no padding?"
PADDING_NATS = 0.1
"""How far padding may move a token's log-probability. Rounding moves it by 1e-3 in fp32, a wrong position by nats."""


def attempt(base_model: str, quantization: Quantization) -> float:
    """Do with a model, on two short chats, what sampling and training do; the share of its weights in 4 bit.

    Raises BadInput in words for what does not work.
    """
    model = RoleModel(base_model, quantization=quantization)
    step = "write an answer"
    try:
        seq = _answers(model)
        step = "be trained"
        nats, gradient = _gradient(model, seq)
    except PlatformError:
        raise
    except Exception as error:  # whatever class: each family of models has its own ways to fail
        raise BadInput(
            f"{base_model} is of type {model.base.config.model_type} and cannot {step} here "
            f"({type(error).__name__}: {first_line(error)}): name another model."
        ) from error
    if not gradient > 0:
        raise BadInput(f"{base_model} cannot be trained here: its adapter's gradient is {gradient:g}. Name another.")
    if not nats <= PADDING_NATS * (10 if model.device.type == "cuda" else 1):  # bf16 rounds where fp32 does not
        raise BadInput(
            f"{base_model} answers otherwise beside a longer chat: padding moves its log-probabilities by "
            f"{nats:.2g} nats, and sampling and training work on padded batches. Name another model."
        )
    return quantized_share(model.base)


def _answers(model: RoleModel) -> "Sequences":
    """Four tokens in answer to a short chat and to a long one, which pads the short one."""
    prompts = [model.chat.prompt([{"role": "user", "content": text}]) for text in (SHORT, LONG)]
    return generate(model, prompts, SamplingConfig(max_new_tokens=4), role="policy", seed=0)


def _gradient(model: RoleModel, seq: "Sequences") -> tuple[float, float]:
    """How far padding moves the short answer's log-probabilities, in nats, and the norm of the policy's gradient."""
    alone = seq.rows(torch.tensor([0], device=model.device))
    model.train_roles("policy")
    with model.role("policy"):
        logprobs, _ = model.logprobs(seq)
        logprobs[seq.response_mask].sum().backward()
        with torch.no_grad():
            expected, _ = model.logprobs(alone)
    moved = (logprobs[0, : expected.shape[1]] - expected[0]).detach().abs().max()
    squares = [p.grad.float().square().sum() for p in model.parameters("policy") if p.grad is not None]
    return float(moved), float(torch.stack(squares).sum().sqrt())
