"""Models whose roles all speak differently, and what a role says of one response, computed the plain way."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from rlhf.training.models import RoleModel


def perturb(model: RoleModel, role: str, size: float = 0.1) -> None:
    """Noise on an adapter and its head, since a fresh adapter is the bare base."""
    with torch.no_grad():
        for parameter in model.parameters(role):  # type: ignore[arg-type]
            parameter.add_(torch.randn_like(parameter) * size)


@pytest.fixture(scope="module")
def base(make_base: Callable[..., Path]) -> str:
    return str(make_base("llama"))


@pytest.fixture(scope="module")
def drawn(base: str) -> RoleModel:
    """A policy that is not the base, and a critic and a reward model that are neither."""
    torch.manual_seed(0)
    # Not quantised, which is of no matter to what is put together here, and twice as fast.
    model = RoleModel(base, quantization="none", rank=4)
    # Random weights speak almost uniformly, whatever the last state: louder, so that roles are told apart.
    model.base.get_output_embeddings().weight.data.mul_(8)
    model.fresh("reward")
    perturb(model, "reward")
    model.copy("reward", "value")
    perturb(model, "policy")
    return model


@pytest.fixture
def noisy(drawn: RoleModel) -> Callable[..., RoleModel]:
    """`noisy()` is a copy of that model, to be trained; what is drawn after it is the same every time."""

    def make() -> RoleModel:
        torch.manual_seed(1)
        return copy.deepcopy(drawn)

    return make


@dataclass(frozen=True)
class Plain:
    """A model asked about one response at a time: no padding, no positions given, every logit made."""

    model: RoleModel

    @torch.no_grad()
    def logprobs(self, role: str, prompt: Sequence[int], response: Sequence[int], temperature: float = 1.0) -> list:
        """Log-probability of each token of the response, in nats."""
        with self.model.role(role):  # type: ignore[arg-type]
            logits = self.model.peft(input_ids=torch.tensor([[*prompt, *response]])).logits[0]
        chances = (logits / temperature).log_softmax(-1)
        return [float(chances[len(prompt) + t - 1, token]) for t, token in enumerate(response)]

    @torch.no_grad()
    def states(self, role: str, ids: Sequence[int]) -> torch.Tensor:
        """Last hidden state after each token."""
        with self.model.role(role):  # type: ignore[arg-type]
            return self.model.base.model(input_ids=torch.tensor([ids])).last_hidden_state[0]

    @torch.no_grad()
    def values(self, prompt: Sequence[int], response: Sequence[int]) -> list[float]:
        """What the critic says before each token of the response, having seen the ones before it."""
        seen = self.states("value", [*prompt, *response])[len(prompt) - 1 : -1]
        return self.model.heads["value"](seen).squeeze(-1).tolist()

    @torch.no_grad()
    def score(self, prompt: Sequence[int], response: Sequence[int]) -> float:
        """The reward of the whole response."""
        return float(self.model.heads["reward"](self.states("reward", [*prompt, *response])[-1]))


@pytest.fixture
def plain() -> Callable[[RoleModel], Plain]:
    return Plain
