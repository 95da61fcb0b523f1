"""PTX: what its texts add to PPO's gradient, and what that keeps of the base."""

import dataclasses
from collections.abc import Callable, Sequence

import pytest
import torch

from rlhf.settings import PPOConfig, SamplingConfig
from rlhf.training.chat import Sequences
from rlhf.training.metrics import nats
from rlhf.training.models import RoleModel
from rlhf.training.ppo import Beside, train_policy, update
from rlhf.training.ptx import OwnText
from rlhf.training.rollout import collect
from rlhf.training.sampling import sample

CHATS = [[{"role": "user", "content": text}] for text in ("tea", "red green", "coffee or water", "yes", "no", "big")]
ONE = PPOConfig(
    steps=1, prompts_per_step=6, max_new_tokens=6, calibration=6, epochs=1, minibatches=1, max_grad_norm=1e9
)
Make = Callable[..., RoleModel]


def share_of_even(seq: Sequences) -> torch.Tensor:
    return ((seq.response_ids % 2 == 0) & seq.response_mask).sum(1) / seq.lengths


def step(model: RoleModel, texts: Sequences | None, config: PPOConfig) -> tuple[list[torch.Tensor], dict[str, float]]:
    """What one update of plain gradient descent takes off each weight of the policy, and its metrics."""
    model.copy("policy", "reference")
    rollout = collect(model, [model.chat.prompt(chat) for chat in CHATS], share_of_even, config, seed=1)
    before = [p.detach().clone() for p in model.parameters("policy")]
    optimizer = torch.optim.SGD([*model.parameters("policy"), *model.parameters("value")], lr=1.0)
    reminds = OwnText(texts, config.ptx_coef, config.microbatch_tokens) if texts else None
    metrics = update(model, optimizer, rollout, config, beta=0.0, reminds=reminds)
    return [b - p.detach() for b, p in zip(before, model.parameters("policy"), strict=True)], metrics


def plain_gradient(model: RoleModel, texts: list[tuple[list[int], list[int]]]) -> tuple[list[torch.Tensor], float]:
    """Of the mean negative log-probability of the texts' tokens, text by text, without padding."""
    model.train_roles("policy")
    total = torch.zeros(())
    with model.role("policy"):
        for before, rest in texts:
            logits = model.peft(input_ids=torch.tensor([before + rest]), use_cache=False).logits[0]
            at = range(len(before) - 1, len(before) + len(rest) - 1)
            total = total - sum(logits[t].log_softmax(-1)[word] for t, word in zip(at, rest, strict=True))
        loss = total / sum(len(rest) for _, rest in texts)
        found = torch.autograd.grad(loss, model.parameters("policy"))
    model.train_roles()
    return list(found), float(loss.detach())


def test_the_gradient_is_that_of_ppo_plus_the_weighed_one_of_the_texts(noisy: Make) -> None:
    """As many texts as the minibatch has responses, from the first on again where there are fewer."""
    told = [([5, 9, 7], [11, 12]), ([8], [30, 31, 32, 33, 34]), ([4, 4], [21]), ([6, 17], [50, 40, 60])]
    model = noisy()
    texts = model.chat.sequences([before for before, _ in told], [rest for _, rest in told])
    config = dataclasses.replace(ONE, ptx_coef=0.7, microbatch_tokens=12)
    wanted, loss = plain_gradient(noisy(), [*told, *told[:2]])
    alone, without = step(noisy(), None, config)
    both, metrics = step(model, texts, config)
    assert max(float(g.abs().max()) for g in wanted) > 1e-3
    for one, two, text in zip(alone, both, wanted, strict=True):
        torch.testing.assert_close(two - one, 0.7 * text, atol=2e-6, rtol=1e-4)
    assert metrics["losses/ptx"] == pytest.approx(loss, abs=1e-4)
    assert "losses/ptx" not in without


def test_each_call_takes_the_next_texts(noisy: Make) -> None:
    told = [([5, 9], [11, 12]), ([8], [30, 31, 32]), ([4], [21]), ([6, 17], [50, 40]), ([3], [7, 7])]
    model = noisy()
    own = OwnText(model.chat.sequences([before for before, _ in told], [rest for _, rest in told]), 1.0, 512)
    model.train_roles("policy")
    with model.role("policy"):
        losses = [own.backward(model, 3) for _ in range(2)]
    wanted = [plain_gradient(noisy(), part)[1] for part in (told[:3], [told[3], told[4], told[0]])]
    assert losses == pytest.approx(wanted, abs=1e-4)


def likeliest(model: RoleModel, asked: Sequence[str]) -> Sequences:
    """What a model answers when it takes the likeliest words."""
    chats = [[{"role": "user", "content": text}] for text in asked]
    drawn = sample(model, chats, SamplingConfig(responses=1, max_new_tokens=8, temperature=0.0), role="policy")
    return model.chat.sequences([model.chat.prompt(c) for c in chats], [list(group[0].token_ids) for group in drawn])


def test_with_it_a_policy_forgets_less_of_the_text_of_its_base(noisy: Make) -> None:
    """On other text than that it is reminded of."""
    config = dataclasses.replace(ONE, stop_kl=1e9, missing_eos_penalty=0.0)
    rises = []
    for coef in (0.0, 1.0):
        model = noisy()
        own = likeliest(model, ("milk", "blue or green", "no more tea", "a big one", "yes", "red"))
        judged = likeliest(model, ("black", "tea or milk", "one more", "no", "green and red", "small"))
        before = nats(model, judged, "policy")
        model.copy("policy", "reference")
        optimizer = model.optimizer([("policy", 5e-3), ("value", 5e-3)])
        reminds = OwnText(own, coef, config.microbatch_tokens) if coef else None
        for seed in range(4):
            rollout = collect(model, [model.chat.prompt(c) for c in CHATS], share_of_even, config, seed=seed)
            update(model, optimizer, rollout, config, beta=0.0, reminds=reminds)
        rises.append(nats(model, judged, "policy") - before)
    assert rises[0] > 0.02
    assert rises[1] < rises[0] / 2


def test_training_is_reminded_where_the_settings_say_so(noisy: Make) -> None:
    model = noisy()
    own = likeliest(model, ("milk", "yes"))
    for coef in (0.0, 0.5):
        told = dataclasses.replace(ONE, ptx_coef=coef)
        history = train_policy(noisy(), CHATS, share_of_even, told, beside=Beside(own_text=own)).history
        assert ("losses/ptx" in history[0]) == (coef > 0)
