"""What PPO puts together, on a policy that is not the base: which role says what, and what each dial turns."""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from rlhf.settings import PPOConfig
from rlhf.training.chat import Sequences
from rlhf.training.models import RoleModel
from rlhf.training.ppo import train_policy, update
from rlhf.training.rollout import Rollout, collect, fill

CHATS = [[{"role": "user", "content": text}] for text in ("tea", "red green", "coffee or water", "yes", "no", "big")]
SMALL = PPOConfig(steps=1, prompts_per_step=6, max_new_tokens=6, calibration=6, warmup_epochs=0, epochs=1)
ENDS = range(1, 320, 6)
"""A random model says its one end once in 320 tokens: with these, about every second answer ends."""
Make = Callable[..., RoleModel]


def share_of_even(seq: Sequences) -> torch.Tensor:
    return ((seq.response_ids % 2 == 0) & seq.response_mask).sum(1) / seq.lengths


def parted(noisy: Make, perturb_again: float = 0.05) -> RoleModel:
    """A policy that has left its reference, which is not the base either, and that ends about half of its answers."""
    model = noisy()
    model.chat.stop_ids = tuple(ENDS)
    model.copy("policy", "reference")
    with torch.no_grad():
        for parameter in model.parameters("policy"):
            parameter.add_(torch.randn_like(parameter) * perturb_again)
    return model


def roll(model: RoleModel, config: PPOConfig = SMALL, seed: int = 1) -> Rollout:
    return collect(model, [model.chat.prompt(chat) for chat in CHATS], share_of_even, config, seed=seed)


def rows(seq: Sequences) -> list[tuple[list[int], list[int]]]:
    """The real tokens of each prompt and of each response."""
    return [
        (p[m].tolist(), r[n].tolist())
        for p, m, r, n in zip(seq.prompt_ids, seq.prompt_mask, seq.response_ids, seq.response_mask, strict=True)
    ]


def still(model: RoleModel) -> torch.optim.Optimizer:
    """An optimiser whose steps change nothing."""
    return torch.optim.SGD([*model.parameters("policy"), *model.parameters("value")], lr=0.0)


def moving(model: RoleModel, rate: float = 0.5) -> torch.optim.Optimizer:
    return torch.optim.SGD([*model.parameters("policy"), *model.parameters("value")], lr=rate)


def paid(rollout: Rollout, config: PPOConfig) -> list[float]:
    """The score of each response that ended, and the penalty less than the least of these for each that did not."""
    ended = [response[-1] in ENDS for _, response in rows(rollout.seq)]
    least = (
        min(float(s) for s, whole in zip(rollout.scores, ended, strict=True) if whole) - config.missing_eos_penalty
    )
    if not config.missing_eos_penalty:
        return rollout.scores.tolist()
    return [float(s) if whole else least for s, whole in zip(rollout.scores, ended, strict=True)]


def returns_by_definition(rollout: Rollout, config: PPOConfig, beta: float) -> list[list[float]]:
    """V_t plus every future delta, weighted; rewards are -beta times the log-ratio, and the score at the end."""
    found = []
    score = paid(rollout, config)
    for b, (_, response) in enumerate(rows(rollout.seq)):
        n = len(response)
        values = [*rollout.values[b, :n].tolist(), 0.0]
        rewards = [-beta * float(rollout.logprobs[b, t] - rollout.reference[b, t]) for t in range(n)]
        rewards[-1] += score[b]
        deltas = [rewards[t] + config.gamma * values[t + 1] - values[t] for t in range(n)]
        fade = config.gamma * config.gae_lambda
        found.append([values[t] + sum(fade ** (u - t) * deltas[u] for u in range(t, n)) for t in range(n)])
    return found


def test_the_reference_is_the_policy_that_training_starts_from(noisy: Make, plain: Callable[..., Any]) -> None:
    """From the second round on that is not the base: KL to it starts at 0, and KL to the base does not."""
    model = noisy()
    first = train_policy(model, CHATS, share_of_even, dataclasses.replace(SMALL, learning_rate=0.0)).history[0]
    assert first["kl/k1"] == pytest.approx(0, abs=1e-5)
    assert first["kl/k3"] == pytest.approx(0, abs=1e-5)
    prompt, response = rows(roll(model).seq)[0]
    ask = plain(model)
    policy, bare = (ask.logprobs(role, prompt, response) for role in ("policy", "base"))
    assert abs(sum(policy) - sum(bare)) > 0.01


def test_each_role_says_its_own_part_of_a_rollout(noisy: Make, plain: Callable[..., Any]) -> None:
    model = parted(noisy)
    config = dataclasses.replace(SMALL, temperature=0.7, microbatch_tokens=40)
    rollout = roll(model, config)
    ask, apart = plain(model), []
    for b, (prompt, response) in enumerate(rows(rollout.seq)):
        n = len(response)
        policy, reference, bare = (
            torch.tensor(ask.logprobs(role, prompt, response, 0.7)) for role in ("policy", "reference", "base")
        )
        torch.testing.assert_close(rollout.logprobs[b, :n], policy, atol=1e-4, rtol=0)
        torch.testing.assert_close(rollout.reference[b, :n], reference, atol=1e-4, rtol=0)
        torch.testing.assert_close(
            rollout.values[b, :n], torch.tensor(ask.values(prompt, response)), atol=1e-4, rtol=0
        )
        apart += [(policy - reference).abs().max(), (reference - bare).abs().max(), (policy - bare).abs().max()]
        assert bool(rollout.ended[b]) == (response[-1] in ENDS)
    assert min(apart) > 1e-3
    assert 0 < int(rollout.ended.sum()) < len(CHATS)
    assert torch.equal(rollout.scores, share_of_even(rollout.seq))


def test_what_is_given_to_score_is_what_was_sampled_and_every_step_draws_anew(noisy: Make) -> None:
    seen: list[list[int]] = []

    def score(seq: Sequences) -> torch.Tensor:
        seen.append(seq.response_ids.flatten().tolist())
        return share_of_even(seq)

    config = dataclasses.replace(SMALL, steps=3, learning_rate=0.0, prompts_per_step=1, calibration=1, minibatches=1)
    train_policy(noisy(), CHATS[:1], score, config)
    # One calibration, a look before and a look after three rollouts: the looks alone have the same luck.
    assert len(seen) == 1 + 3 + 2
    assert len({tuple(ids) for ids in seen}) == 1 + 3 + 1
    assert seen[1] == seen[-1]


def test_returns_and_their_explained_variance_are_those_of_the_definition(noisy: Make) -> None:
    """Through `update`, whose rewards hold the penalty for leaving the reference and that for not ending."""
    model = parted(noisy)
    config = dataclasses.replace(
        SMALL, gamma=0.9, gae_lambda=0.6, missing_eos_penalty=2.0, minibatches=1, microbatch_tokens=40
    )
    rollout = roll(model, config)
    assert 0 < int(rollout.ended.sum()) < len(CHATS)
    metrics = update(model, still(model), rollout, config, beta=0.7)
    expected = returns_by_definition(rollout, config, beta=0.7)
    wanted = torch.tensor([v for row in expected for v in row])
    values = rollout.values[rollout.seq.response_mask]
    explained = 1 - ((wanted - values) ** 2).mean() / wanted.var(correction=0)
    assert metrics["value/explained_variance"] == pytest.approx(float(explained), rel=1e-3)
    assert metrics["losses/value"] == pytest.approx(float(0.5 * ((wanted - values) ** 2).mean()), rel=1e-3)


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_beta_is_the_price_of_a_nat(noisy: Make, beta: float) -> None:
    model = parted(noisy)
    rollout = roll(model)
    metrics = update(model, still(model), rollout, SMALL, beta=beta)
    score = sum(paid(rollout, SMALL)) / len(CHATS)
    ratio = (rollout.logprobs - rollout.reference)[rollout.seq.response_mask].sum() / len(CHATS)
    assert metrics["reward/score"] == pytest.approx(score, abs=1e-5)
    assert metrics["reward/total"] == pytest.approx(float(score - beta * ratio), abs=1e-5)
    assert metrics["kl/k1"] == pytest.approx(float(ratio), abs=1e-5)
    assert abs(metrics["kl/k1"]) > 1e-3


def test_beta_starts_at_kl_coef_and_follows_the_controller(noisy: Make) -> None:
    """Ziegler et al. 2019, section 2.2, written out: the second step's beta comes from the first one's KL."""
    config = dataclasses.replace(SMALL, steps=3, kl_coef=0.3, kl_target=1.0, kl_horizon=20, learning_rate=0.0)
    history = train_policy(noisy(), CHATS, share_of_even, config).history
    assert history[0]["kl/beta"] == 0.3
    for before, after in itertools.pairwise(history):
        error = max(-0.2, min(0.2, before["kl/k1"] / 1.0 - 1))
        assert after["kl/beta"] == pytest.approx(before["kl/beta"] * (1 + error / 20))
    assert history[2]["kl/beta"] < 0.3


def test_no_step_is_taken_on_a_minibatch_that_is_beyond_stop_kl(noisy: Make) -> None:
    """The second of four minibatches sees what the first step did, and is the last one looked at."""
    model = parted(noisy)
    config = dataclasses.replace(SMALL, epochs=2, stop_kl=1e-9)
    rollout, taken = roll(model, config), []
    optimizer = moving(model)
    optimizer.register_step_post_hook(lambda *_: taken.append(1))
    metrics = update(model, optimizer, rollout, config, beta=0.05)
    assert len(taken) == 1
    assert metrics["policy/updates"] == 1
    assert metrics["policy/approx_kl"] > 0
    assert all(parameter.grad is None for parameter in model.parameters("policy"))


def test_each_epoch_deals_all_answers_into_other_minibatches(noisy: Make) -> None:
    rollout = roll(parted(noisy), dataclasses.replace(SMALL, epochs=4))
    dealt = [[sorted(torch.cat(minibatch).tolist()) for minibatch in plan] for plan in rollout.plans]
    assert len(dealt) == 4
    assert all(sorted(itertools.chain.from_iterable(epoch)) == list(range(len(CHATS))) for epoch in dealt)
    assert len({tuple(map(tuple, epoch)) for epoch in dealt}) > 1


@pytest.mark.parametrize("size", [1.0, 50.0])
def test_a_value_may_move_by_so_many_deviations_of_the_returns(noisy: Make, size: float) -> None:
    """Beyond the clip a value that nears its return is held: the loss is that of the clipped one, at any scale."""
    model = parted(noisy)
    config = dataclasses.replace(SMALL, minibatches=1, value_clip=0.5, missing_eos_penalty=0.0, gae_lambda=1.0)
    rollout = roll(model, config)
    scores = size * torch.arange(float(len(CHATS)))
    far = dataclasses.replace(rollout, scores=scores, values=torch.full_like(rollout.values, -10.0 * size))
    now = rollout.values[rollout.seq.response_mask]  # what the critic says: near 0, far above the rollout's values
    metrics = update(model, still(model), far, config, beta=0.0)
    returns = scores[:, None].expand(rollout.values.shape)[rollout.seq.response_mask]
    clipped = -10.0 * size + 0.5 * returns.std(correction=0)
    expected = 0.5 * torch.maximum((now - returns) ** 2, (clipped - returns) ** 2).mean()
    assert metrics["losses/value"] == pytest.approx(float(expected), rel=1e-3)


@pytest.mark.parametrize("tokens", [30, 60, 200, 100_000])
def test_microbatches_keep_their_budget_padding_included(noisy: Make, tokens: int) -> None:
    """Longest prompt plus longest reply, times rows: a long prompt beside a long reply costs both."""
    model = noisy()
    rng = np.random.default_rng(0)
    lengths = [(int(p), int(r)) for p, r in zip(rng.integers(1, 20, 40), rng.integers(1, 12, 40), strict=True)]
    seq = model.chat.sequences([[5] * p for p, _ in lengths], [[6] * r for _, r in lengths])
    parts = seq.by_length(tokens)
    assert sorted(torch.cat(parts).tolist()) == list(range(40))
    for part in parts:
        computed = seq.rows(part).input_ids.numel()
        assert computed <= tokens or len(part) == 1
    real = sum(p + r for p, r in lengths)
    assert fill(seq, [parts]) == pytest.approx(real / sum(seq.rows(part).input_ids.numel() for part in parts))


@pytest.mark.parametrize(("stop_kl", "epochs"), [(1e-9, 1), (1e9, 3)])
def test_epochs_end_when_the_policy_has_left_the_rollout(noisy: Make, stop_kl: float, epochs: int) -> None:
    model = parted(noisy)
    config = dataclasses.replace(SMALL, epochs=3, stop_kl=stop_kl)  # two minibatches each: the second one sees it
    assert update(model, moving(model), roll(model, config), config, beta=0.05)["policy/epochs"] == epochs


@pytest.mark.parametrize(("shift", "steps"), [(4.0, False), (1.0, True)])
def test_a_minibatch_that_no_longer_speaks_of_the_policy_teaches_nothing(
    noisy: Make, shift: float, steps: bool
) -> None:
    """Ratios of exp(4) = 55 are beyond 10, those of exp(1) = 2.7 are not."""
    model = parted(noisy)
    rollout = roll(model)
    stale = dataclasses.replace(rollout, logprobs=rollout.logprobs - shift)
    before = [p.detach().clone() for role in ("policy", "value") for p in model.parameters(role)]  # type: ignore[arg-type]
    metrics = update(model, moving(model), stale, dataclasses.replace(SMALL, stop_kl=1e9), beta=0.05)
    after = [p for role in ("policy", "value") for p in model.parameters(role)]  # type: ignore[arg-type]
    assert (metrics["policy/ratio"] > 10) == (not steps)
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True)) == steps


def test_an_update_makes_what_was_better_than_foreseen_likelier(noisy: Make) -> None:
    model = parted(noisy)
    config = dataclasses.replace(SMALL, minibatches=1, missing_eos_penalty=0.0)
    rollout = roll(model, config)
    expected = returns_by_definition(rollout, config, beta=0.0)
    mask = rollout.seq.response_mask
    advantages = torch.tensor([v for row in expected for v in row]) - rollout.values[mask]
    update(model, moving(model, 0.05), rollout, config, beta=0.0)
    with torch.no_grad(), model.role("policy"):
        gained = (model.logprobs(rollout.seq)[0] - rollout.logprobs)[mask]
    assert float(((advantages - advantages.mean()) * gained).sum()) > 0


def test_the_first_ratio_is_one_at_any_temperature(noisy: Make) -> None:
    config = dataclasses.replace(SMALL, steps=2, temperature=0.6, learning_rate=1e-3)
    for step in train_policy(noisy(), CHATS, share_of_even, config).history:
        assert step["policy/first_ratio"] == pytest.approx(1, abs=1e-5)


def test_the_critic_is_warmed_up_in_the_first_iteration_alone(noisy: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    model = noisy()
    optimizer, taken = moving(model, 0.01), []
    optimizer.register_step_post_hook(lambda *_: taken.append(1))
    monkeypatch.setattr(model, "optimizer", lambda *_, **__: optimizer)
    config = dataclasses.replace(SMALL, steps=2, warmup_epochs=3, epochs=1, minibatches=2)
    first = train_policy(model, CHATS, share_of_even, config).history[0]
    assert len(taken) == 3 * 2 + 2 * (1 * 2)
    assert first["policy/first_ratio"] == pytest.approx(1, abs=1e-5)
