"""Worlds whose right answer is known: what training does in each of them, on a tiny model with random weights."""

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rlhf.settings import PPOConfig
from rlhf.training.chat import Sequences
from rlhf.training.critic import fit_critic
from rlhf.training.models import RoleModel
from rlhf.training.ppo import Beside, PPOResult, train_policy
from rlhf.training.rollout import calibrate, collect

CHATS = [[{"role": "user", "content": text}] for text in ("tea", "red green", "coffee or water", "yes", "no", "big")]
SMALL = PPOConfig(
    steps=8,
    prompts_per_step=16,
    max_new_tokens=6,
    calibration=32,
    learning_rate=1e-2,
    check_prompts=16,
    check_every=4,
)
ENDS = [1, *range(200, 260)]
"""With these a random model ends about four of five answers within six tokens, and with none of them hardly any."""


@pytest.fixture
def loud(make_base: Callable[..., Path]) -> Callable[..., RoleModel]:
    """Random weights speak almost uniformly, whatever the last state: louder, so that there is a choice to learn."""

    def make(rank: int = 4) -> RoleModel:
        torch.manual_seed(0)
        model = RoleModel(str(make_base("llama")), rank=rank)
        model.base.get_output_embeddings().weight.data.mul_(8)
        model.chat.stop_ids = tuple(ENDS)
        model.fresh("reward")
        model.copy("reward", "value")
        return model

    return make


def share_of_even(seq: Sequences) -> torch.Tensor:
    return ((seq.response_ids % 2 == 0) & seq.response_mask).sum(1) / seq.lengths


def ended(seq: Sequences) -> torch.Tensor:
    last = seq.response_ids.gather(1, (seq.lengths - 1)[:, None]).squeeze(1)
    return torch.isin(last, torch.tensor(ENDS))


def better_cut(seq: Sequences) -> torch.Tensor:
    """What a reward model does that has seen few cut answers: it reads them 1.5 deviations higher."""
    return share_of_even(seq) / 0.35 + 1.5 * (~ended(seq)).float()


def shares(result: PPOResult) -> tuple[float, float]:
    """Of the answers that ended, at the start and in the last steps."""
    found = [step["responses/ended"] for step in result.history]
    return sum(found[:2]) / 2, sum(found[-3:]) / 3


@pytest.mark.slow
def test_answers_learn_to_end_though_the_reward_model_likes_cut_ones(loud: Callable[..., RoleModel]) -> None:
    config = dataclasses.replace(SMALL, max_new_tokens=3, steps=6, prompts_per_step=32, learning_rate=3e-2)
    before, after = shares(train_policy(loud(), CHATS, better_cut, config))
    assert before < 0.7
    assert after > before + 0.2


def test_a_reward_that_tells_nothing_apart_moves_no_weight(
    loud: Callable[..., RoleModel], caplog: pytest.LogCaptureFixture
) -> None:
    model = loud()
    before = [weight.detach().clone() for weight in model.parameters("policy")]
    moved: list[float] = []

    def flat(seq: Sequences) -> torch.Tensor:
        moved.append(max(float((a - b).abs().max()) for a, b in zip(before, model.parameters("policy"), strict=True)))
        return 3.2 + 1e-6 * torch.randn(len(seq.lengths))

    config = dataclasses.replace(SMALL, missing_eos_penalty=0.0, steps=2)
    with caplog.at_level(logging.WARNING):
        train_policy(model, CHATS, flat, config)
    assert len(moved) > 3
    assert max(moved) == 0
    assert "does not tell the replies apart" in caplog.text


@pytest.mark.parametrize("told", [True, False])
def test_the_critic_is_not_worse_than_none_on_fresh_replies(loud: Callable[..., RoleModel], told: bool) -> None:
    """A reward that depends on the tokens is partly foretold by them, one that is drawn is not."""
    model = loud()
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(64, generator=generator)

    def score(seq: Sequences) -> torch.Tensor:
        """The sum of what each state says that a token is drawn from, or luck."""
        with torch.no_grad(), model.role("reference"):
            worth = model.hidden(seq)[:, -seq.response_ids.shape[1] - 1 : -1] @ direction
        by_tokens = (worth * seq.response_mask).sum(1)
        return by_tokens if told else torch.randn(len(by_tokens), generator=generator)

    model.heads["reward"].bias.data.fill_(2.0)  # the critic would start from it, as a copy of the reward's role
    model.copy("reward", "value")
    model.copy("policy", "reference")
    config = dataclasses.replace(SMALL, missing_eos_penalty=0.0, calibration=128, prompts_per_step=64)
    prompts = [model.chat.prompt(chat) for chat in CHATS]
    start = calibrate(model, prompts, score, config)
    expected = fit_critic(model, start, config)
    rollout = collect(model, prompts * 16, lambda seq: (score(seq) - start.shift) / start.scale, config, seed=99)
    mask = rollout.seq.response_mask
    returns = rollout.scores[:, None].expand(mask.shape)[mask]  # each token's: nothing is discounted, and KL is 0
    values = rollout.values[mask]
    explained, mean_alone = (
        1 - float(((returns - said) ** 2).mean() / returns.var(correction=0)) for said in (values, values.mean())
    )
    assert explained > (0.05 if told else mean_alone - 0.03)
    assert expected == pytest.approx(explained - mean_alone, abs=0.1)


def test_the_first_rollout_meets_a_critic_that_was_fitted(loud: Callable[..., RoleModel]) -> None:
    """A copy of a reward head that says 5 of everything would explain less than nothing."""
    model = loud()
    model.heads["reward"].bias.data.fill_(5.0)
    model.copy("reward", "value")
    config = dataclasses.replace(
        SMALL, steps=1, learning_rate=0.0, value_learning_rate=0.0, calibration=64, missing_eos_penalty=0.0
    )
    first = train_policy(model, CHATS, share_of_even, config).history[0]
    assert first["value/explained_variance"] > -0.2


def test_the_best_policy_is_kept_and_not_the_last(loud: Callable[..., RoleModel]) -> None:
    """The reward turns on the policy half way: what was learned by then is worth more than what comes after."""
    model = loud()
    model.chat.stop_ids = (1,)  # hardly any answer ends, before as after
    asked: list[int] = []

    def turning(seq: Sequences) -> torch.Tensor:
        asked.append(1)
        return share_of_even(seq) * (1 if len(asked) <= 10 else -1)

    config = dataclasses.replace(
        SMALL, missing_eos_penalty=0.0, steps=8, check_every=2, learning_rate=2e-2, max_kl=1e9, prompts_per_step=8
    )
    result = train_policy(model, CHATS, turning, config)
    best = max(result.looks, key=lambda look: look.reward)
    assert 0 < result.kept.step < result.looks[-1].step
    assert result.kept == best
    assert f"step {best.step} of" in result.why
    # The weights are those of that look: the same draw says the same again.
    prompts = [model.chat.prompt(chat) for chat in CHATS][: config.check_prompts]
    again = collect(model, prompts, share_of_even, config, seed=config.seed * 1_000_003 + 700_000)
    assert again.kl == pytest.approx(best.kl, abs=1e-4)


def test_the_policy_that_broke_max_kl_is_not_kept(loud: Callable[..., RoleModel]) -> None:
    model = loud()
    config = dataclasses.replace(
        SMALL, steps=30, check_every=1, max_kl=0.5, kl_coef=0.0, learning_rate=3e-2, missing_eos_penalty=0.0
    )
    result = train_policy(model, CHATS, share_of_even, config)
    assert "passed max_kl 0.5" in result.stopped
    assert result.kept.kl <= 0.5
    prompts = [model.chat.prompt(chat) for chat in CHATS]
    rollout = collect(model, prompts, share_of_even, config, seed=config.seed * 1_000_003 + 700_000)
    assert rollout.kl == pytest.approx(result.kept.kl, abs=1e-4)


def test_looks_are_at_prompts_that_are_not_trained_on(loud: Callable[..., RoleModel]) -> None:
    model, seen = loud(), []

    def score(seq: Sequences) -> torch.Tensor:
        seen.append({tuple(p[m].tolist()) for p, m in zip(seq.prompt_ids, seq.prompt_mask, strict=True)})
        return share_of_even(seq)

    config = dataclasses.replace(SMALL, steps=2, calibration=16, check_prompts=2)
    result = train_policy(model, CHATS[:4], score, config, beside=Beside(CHATS[4:]))
    unseen = {tuple(model.chat.prompt(chat)) for chat in CHATS[4:]}
    assert [prompts == unseen for prompts in seen] == [False, True, False, False, True]
    assert not any(prompts & unseen for prompts in seen if prompts != unseen)
    assert result.history[-1]["heldout/reward"] == result.looks[-1].reward


@pytest.mark.slow
@pytest.mark.parametrize("first", [0.05, 1.25])
def test_kl_comes_near_its_target_from_a_beta_far_too_small_and_far_too_large(
    loud: Callable[..., RoleModel], first: float
) -> None:
    config = dataclasses.replace(
        SMALL,
        steps=80,
        prompts_per_step=24,
        calibration=64,
        check_every=200,
        learning_rate=3e-3,
        value_learning_rate=3e-3,
        kl_coef=first,
        kl_target=3.0,
        max_kl=1e9,
        missing_eos_penalty=0.0,
    )
    history = train_policy(loud(8), CHATS, share_of_even, config).history
    late = [step["kl/k1"] for step in history[-30:]]
    assert sum(late) / len(late) == pytest.approx(config.kl_target, rel=0.3)
