"""The reward model: where its head starts, what it is taught, and what is said of it."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from rlhf.settings import RewardConfig
from rlhf.training.metrics import PairMetrics, pair_metrics
from rlhf.training.models import RoleModel
from rlhf.training.reward import RankedPrompt, fit_head, score_prompts, train_reward

ASKED = ("tea", "red green blue", "coffee or water", "yes", "no", "big cake")
LONGEST = 12
STILL = RewardConfig(epochs=1, learning_rate=0.0, prompts_per_step=16, microbatch_tokens=30)
END, WORDS_END = 1, 260
"""The end of a turn, and the first number beyond the tokens of words."""
Make = Callable[..., RoleModel]


def ranked(seed: int = 0, count: int = 6) -> list[RankedPrompt]:
    """Prompts of two to four responses, some cut off, with scores of no pattern."""
    rng = np.random.default_rng(seed)
    made = []
    for n in range(count):
        k = 2 + n % 3
        words = [rng.integers(4, WORDS_END, rng.integers(1, LONGEST)).tolist() for _ in range(k)]
        made.append(
            RankedPrompt(
                messages=({"role": "user", "content": ASKED[n % len(ASKED)]},),
                answers=tuple((*ids, END) if rng.random() < 0.7 else tuple(ids) for ids in words),
                tempered=tuple(rng.normal(1000, 200, k).tolist()),
            )
        )
    return made


def tokens(model: RoleModel, prompt: RankedPrompt) -> list[tuple[list[int], list[int]]]:
    """Each answer's own tokens, after those of the prompt."""
    asked = model.chat.prompt(prompt.messages)
    return [(asked, list(ids)) for ids in prompt.answers]


def ridge_by_numpy(model: RoleModel, ask: Any, prompts: list[RankedPrompt]) -> np.ndarray:
    """Least squares with one more row a feature, whose answer is 0: .1 of the mean variance of a feature."""
    states, logits = [], []
    for prompt in prompts:
        last = np.array([ask.states("reward", [*p, *r])[-1].numpy() for p, r in tokens(model, prompt)], dtype=float)
        states.append(last - last.mean(axis=0))
        logits.append((np.array(prompt.tempered) - np.mean(prompt.tempered)) * math.log(10) / 400)
    x, y = np.concatenate(states), np.concatenate(logits)
    damping = math.sqrt(0.1 * (x**2).sum() / x.shape[1]) * np.eye(x.shape[1])
    return np.linalg.lstsq(np.vstack([x, damping]), np.concatenate([y, np.zeros(x.shape[1])]), rcond=None)[0]


def test_a_fresh_head_is_the_ridge_regression_of_the_scores(noisy: Make, plain: Callable[..., Any]) -> None:
    model, prompts = noisy(), ranked()
    expected = ridge_by_numpy(model, plain(model), prompts)
    model.heads["reward"].weight.data.zero_()
    fit_head(model, prompts)
    np.testing.assert_allclose(model.heads["reward"].weight[0].detach().numpy(), expected, atol=1e-3)
    assert np.abs(expected).max() > 0.01


def test_training_starts_from_that_head_and_going_on_from_the_old_one(noisy: Make, plain: Callable[..., Any]) -> None:
    model, prompts = noisy(), ranked()
    before = model.heads["reward"].weight.detach().clone()
    train_reward(model, prompts, ranked(1), STILL, continued=True)
    assert torch.equal(model.heads["reward"].weight, before)
    expected = ridge_by_numpy(model, plain(model), prompts[:4])
    train_reward(model, prompts, ranked(1), dataclasses.replace(STILL, probe_prompts=4))
    np.testing.assert_allclose(model.heads["reward"].weight[0].detach().numpy(), expected, atol=1e-3)


@pytest.mark.parametrize("penalty", [0.0, 3.0])
def test_the_loss_is_that_of_soft_pairs_and_of_means_away_from_zero(
    noisy: Make, plain: Callable[..., Any], penalty: float
) -> None:
    model, prompts, logged = noisy(), ranked(), []
    config = dataclasses.replace(STILL, mean_penalty=penalty)
    train_reward(
        model, prompts, ranked(1), config, continued=True, log=lambda _, m: logged.append(m["losses/reward"])
    )
    ask, pairs, means = plain(model), 0.0, 0.0
    for prompt in prompts:
        scores = [ask.score(p, r) for p, r in tokens(model, prompt)]
        means += float(np.mean(scores)) ** 2
        for i in range(len(scores)):
            for j in range(i + 1, len(scores)):
                wanted = 1 / (1 + 10 ** (-(prompt.tempered[i] - prompt.tempered[j]) / 400))
                said = 1 / (1 + math.exp(-(scores[i] - scores[j])))
                pairs -= wanted * math.log(said) + (1 - wanted) * math.log(1 - said)
    assert means > 0.01
    assert logged == [pytest.approx((pairs + penalty * means) / len(prompts), rel=1e-4)]


def test_scores_come_in_the_order_asked_whatever_their_length(noisy: Make, plain: Callable[..., Any]) -> None:
    model, prompts = noisy(), ranked()
    ask = plain(model)
    for prompt, found in zip(prompts, score_prompts(model, prompts, batch=4), strict=True):
        np.testing.assert_allclose(found, [ask.score(p, r) for p, r in tokens(model, prompt)], atol=1e-4)


def test_what_is_said_of_it_is_of_the_held_out_prompts(noisy: Make) -> None:
    model, train, heldout = noisy(), ranked(), ranked(1, count=2)
    result = train_reward(model, train, heldout, STILL, continued=True)
    judged = pair_metrics(score_prompts(model, heldout), [np.array(p.tempered) for p in heldout])
    assert dataclasses.asdict(result.measured) == pytest.approx(dataclasses.asdict(judged))
    raw = np.concatenate(score_prompts(model, train[:4]))
    assert (result.mean, result.std) == pytest.approx((raw.mean(), raw.std()), rel=1e-4)


def test_it_comes_nearer_to_the_order_that_it_is_taught(noisy: Make) -> None:
    model, prompts = noisy(), ranked(3)

    def judged() -> PairMetrics:
        return pair_metrics(score_prompts(model, prompts), [np.array(p.tempered) for p in prompts])

    before = judged()
    config = RewardConfig(continued_epochs=20, learning_rate=5e-3, prompts_per_step=6)
    train_reward(model, prompts, prompts, config, continued=True)
    after = judged()
    assert before.accuracy < 0.6
    assert after.accuracy > 0.8
    assert after.nll < before.nll - 0.05
