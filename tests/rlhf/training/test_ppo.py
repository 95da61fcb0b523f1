"""PPO as a whole: what stays fixed to the bit, what must be exactly 1 and 0, and a bandit it has to solve."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rlhf.settings import PPOConfig
from rlhf.training.chat import Sequences
from rlhf.training.models import RoleModel
from rlhf.training.ppo import PPOResult, train_policy, update
from rlhf.training.rollout import collect
from store.errors import BadInput

CHATS = [[{"role": "user", "content": text}] for text in ("tea", "red green", "coffee or water", "yes", "no", "big")]
SMALL = PPOConfig(
    steps=2,
    prompts_per_step=8,
    max_new_tokens=8,
    calibration=16,
    warmup_epochs=1,
    learning_rate=1e-3,
    kl_coef=0.02,
    check_prompts=4,
    # A random model hardly ever ends an answer: each would be paid the same.
    missing_eos_penalty=0.0,
)
WANTED = 8


def share_of_token(seq: Sequences) -> torch.Tensor:
    return ((seq.response_ids == WANTED) & seq.response_mask).sum(1) / seq.lengths


def share_of_even(seq: Sequences) -> torch.Tensor:
    return ((seq.response_ids % 2 == 0) & seq.response_mask).sum(1) / seq.lengths


@pytest.fixture(scope="module")
def base(make_base: Callable[..., Path]) -> str:
    return str(make_base("llama"))


@pytest.fixture
def model(base: str) -> RoleModel:
    torch.manual_seed(0)
    made = RoleModel(base, rank=4)
    made.fresh("reward")
    made.copy("reward", "value")
    return made


def weights(model: RoleModel, *parts: str) -> dict[str, torch.Tensor]:
    """Everything but the named roles, quantised storage and heads included."""
    state = {**model.peft.state_dict(), **{f"head.{k}.": v for k, v in model.heads.state_dict().items()}}
    return {k: v.clone() for k, v in state.items() if not any(f".{part}." in k for part in parts)}


@pytest.mark.slow
def test_base_reference_and_reward_are_unchanged_to_the_bit(model: RoleModel) -> None:
    model.copy("policy", "reference")
    before = weights(model, "policy", "value")
    trained = {role: [p.clone() for p in model.parameters(role)] for role in ("policy", "value")}  # type: ignore[arg-type]
    # Fast, so that a later look is better and is the one that is kept.
    result = train_policy(model, CHATS, share_of_even, dataclasses.replace(SMALL, learning_rate=1e-2, steps=4))
    assert result.kept is not None
    assert result.kept.step > 0
    after = weights(model, "policy", "value")
    assert before.keys() == after.keys()
    assert any("quant" in name for name in before)
    for name, value in before.items():
        assert torch.equal(value, after[name]), name
    for role, old in trained.items():
        assert any(not torch.equal(a, b) for a, b in zip(old, model.parameters(role), strict=True)), role  # type: ignore[arg-type]


def test_first_ratio_is_one_first_kl_zero_and_advantages_are_centred(model: RoleModel) -> None:
    result = train_policy(model, CHATS, share_of_token, SMALL)
    first = result.history[0]
    assert first["policy/first_ratio"] == pytest.approx(1, abs=1e-6)
    assert first["kl/k1"] == pytest.approx(0, abs=1e-6)
    assert first["kl/k3"] == pytest.approx(0, abs=1e-6)
    assert all(step["policy/first_ratio"] == pytest.approx(1, abs=1e-6) for step in result.history)
    assert all(step["advantages/mean"] == pytest.approx(0, abs=1e-6) for step in result.history)


@pytest.mark.slow
def test_every_metric_is_explained(model: RoleModel) -> None:
    page = (Path(__file__).parents[3] / "docs" / "ppo.md").read_text()
    told = set(re.findall(r"`(\w+/\w+)`", page.split("## The metrics")[1]))
    config = dataclasses.replace(SMALL, steps=1)
    only_with_ptx = {"losses/ptx"}
    assert told == only_with_ptx | set(train_policy(model, CHATS, share_of_even, config).history[0])


def test_the_starting_policy_scores_zero_with_unit_deviation(model: RoleModel) -> None:
    config = dataclasses.replace(SMALL, steps=1, calibration=64, prompts_per_step=64)
    result = train_policy(model, CHATS, lambda seq: 40 + 3 * share_of_token(seq), config)
    assert result.shift == pytest.approx(40, abs=3)
    assert result.history[0]["reward/score"] == pytest.approx(0, abs=0.5)
    assert result.history[0]["reward/score_std"] == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize("tokens", [1, pytest.param(40, marks=pytest.mark.slow), 100_000])
def test_any_cut_into_microbatches_gives_the_same_update(base: str, tokens: int) -> None:
    def trained(microbatch_tokens: int) -> list[torch.Tensor]:
        torch.manual_seed(0)
        made = RoleModel(base, rank=4)
        made.fresh("reward")
        made.copy("reward", "value")
        made.copy("policy", "reference")
        config = dataclasses.replace(SMALL, microbatch_tokens=microbatch_tokens)
        prompts = [made.chat.prompt(chat) for chat in CHATS]
        rollout = collect(made, prompts, share_of_token, config, seed=1)
        optimizer = torch.optim.SGD([*made.parameters("policy"), *made.parameters("value")], lr=0.1)
        update(made, optimizer, rollout, config, beta=0.05)
        return [p.detach() for role in ("policy", "value") for p in made.parameters(role)]  # type: ignore[arg-type]

    for one, other in zip(trained(tokens), trained(250), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_policy(base: str) -> None:
    def run() -> PPOResult:
        torch.manual_seed(0)
        made = RoleModel(base, rank=4)
        made.fresh("reward")
        made.copy("reward", "value")
        return train_policy(made, CHATS, share_of_token, SMALL)

    assert run() == run()


def test_a_response_that_never_ends_is_paid_less_than_any_that_did(model: RoleModel) -> None:
    """Whatever the reward model says of it: here the cut one has by far the highest score."""
    model.copy("policy", "reference")
    prompts = [model.chat.prompt(chat) for chat in CHATS]
    config = dataclasses.replace(SMALL, missing_eos_penalty=1.0)
    rollout = collect(model, prompts, lambda seq: torch.arange(len(seq.lengths)).float(), config, seed=1)
    whole = dataclasses.replace(rollout, ended=torch.ones_like(rollout.ended))
    cut = dataclasses.replace(rollout, ended=torch.arange(len(CHATS)) < 5)
    optimizer = torch.optim.SGD(model.parameters("policy"), lr=0.0)
    totals = [update(model, optimizer, r, config, beta=0.0)["reward/total"] for r in (whole, cut)]
    assert totals == pytest.approx([2.5, (0 + 1 + 2 + 3 + 4 - 1) / 6], abs=1e-5)


def test_a_rollout_of_fewer_responses_than_minibatches_is_learned_from(model: RoleModel) -> None:
    config = dataclasses.replace(SMALL, steps=1, prompts_per_step=1, calibration=1, minibatches=2)
    assert train_policy(model, CHATS[:1], share_of_token, config).steps == 1


def test_training_ends_when_kl_passes_its_bound(model: RoleModel) -> None:
    config = dataclasses.replace(SMALL, steps=30, max_kl=0.01, learning_rate=5e-3, check_every=100)
    result = train_policy(model, CHATS, share_of_token, config)
    assert result.steps < 30
    assert "passed max_kl 0.01" in result.stopped  # seen by a rollout: there was no look but the first
    assert [look.step for look in result.looks] == [0]


def test_a_chat_beyond_the_context_is_refused_before_anything_is_trained(model: RoleModel) -> None:
    before = weights(model)
    with pytest.raises(BadInput, match="exceed the context"):
        train_policy(model, [[{"role": "user", "content": "red " * 200}]], share_of_token, SMALL)
    assert all(torch.equal(v, weights(model)[k]) for k, v in before.items())


@pytest.mark.slow
def test_it_solves_a_bandit_and_a_higher_beta_keeps_it_nearer(base: str) -> None:
    """Reward is the share of one token: it must rise, and KL must fall as the penalty grows."""

    def run(beta: float) -> PPOResult:
        torch.manual_seed(0)
        made = RoleModel(base, rank=8)
        # Random weights speak almost uniformly, whatever the last state: louder, so that there is a choice to learn.
        made.base.get_output_embeddings().weight.data.mul_(8)
        made.fresh("reward")
        made.copy("reward", "value")
        config = PPOConfig(
            steps=25,
            prompts_per_step=32,
            max_new_tokens=8,
            learning_rate=1e-2,
            value_learning_rate=1e-2,
            kl_coef=beta,
            kl_horizon=10**9,
            max_kl=1e9,
            calibration=128,
            missing_eos_penalty=0,
            stop_kl=0.1,
        )
        return train_policy(made, CHATS, share_of_token, config)

    def late(result: PPOResult, name: str) -> float:
        return sum(step[name] for step in result.history[-5:]) / 5

    free, held = run(0.0), run(20.0)
    assert late(free, "reward/score") > free.history[0]["reward/score"] + 1
    assert late(free, "kl/k3") > 3 * max(late(held, "kl/k3"), 0.01)
