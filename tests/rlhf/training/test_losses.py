"""Formulas against something that does not share their code: sums written out, worked examples, invariants."""

import math

import pytest
import torch

from rlhf.settings import PPOConfig
from rlhf.training import losses


@pytest.fixture
def mask() -> torch.Tensor:
    return torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]]).bool()


def test_gae_is_its_definition(mask: torch.Tensor) -> None:
    torch.manual_seed(0)
    rewards, values = torch.randn(3, 5), torch.randn(3, 5)  # beyond the mask is noise, as the critic's over padding
    gamma, lam = 0.97, 0.9
    advantages, returns = losses.gae(rewards, values, mask, gamma, lam)
    for b in range(3):
        n = int(mask[b].sum())
        v = [*values[b, :n].tolist(), 0.0]
        for t in range(5):
            expected = 0.0  # O(T^2): every future delta, weighted
            for later in range(t, n):
                delta = float(rewards[b, later]) + gamma * v[later + 1] - v[later]
                expected += (gamma * lam) ** (later - t) * delta
            assert float(advantages[b, t]) == pytest.approx(expected, abs=1e-5)
            assert float(returns[b, t]) == pytest.approx(expected + v[t] if t < n else 0.0, abs=1e-5)


def test_gae_with_lambda_one_is_reward_to_go_minus_value(mask: torch.Tensor) -> None:
    rewards, values = torch.ones(3, 5) * mask, torch.full((3, 5), 0.5) * mask
    advantages, returns = losses.gae(rewards, values, mask, 1.0, 1.0)
    assert advantages[0].tolist() == [4.5, 3.5, 2.5, 1.5, 0.5]
    assert returns[1].tolist() == [3, 2, 1, 0, 0]


def test_whitened_is_centred_of_unit_variance_and_zero_outside(mask: torch.Tensor) -> None:
    torch.manual_seed(1)
    values = torch.randn(3, 5) * 7 + 3
    white = losses.whiten(values, mask)
    assert float(white[mask].mean()) == pytest.approx(0, abs=1e-6)
    assert float(white[mask].var(correction=0)) == pytest.approx(1, abs=1e-5)
    assert (white[~mask] == 0).all()
    values[~mask] = float("nan")
    assert torch.equal(losses.whiten(values, mask), white)


def test_kl_estimators_are_unbiased_and_k3_is_never_negative() -> None:
    p = torch.tensor([0.5, 0.3, 0.2])
    q = torch.tensor([0.2, 0.5, 0.3])
    exact = float((p * (p / q).log()).sum())
    k1, k3 = losses.kl_k1(p.log(), q.log()), losses.kl_k3(p.log(), q.log())
    assert float((p * k1).sum()) == pytest.approx(exact, abs=1e-6)
    assert float((p * k3).sum()) == pytest.approx(exact, abs=1e-6)
    assert (k3 >= 0).all()
    assert (k1 < 0).any()
    assert losses.kl_k1(p, p).abs().max() == 0
    assert losses.kl_k3(p, p).abs().max() == 0


def test_score_falls_on_the_true_last_token(mask: torch.Tensor) -> None:
    kl = torch.full((3, 5), 2.0)
    rewards = losses.token_rewards(torch.tensor([10.0, 20.0, 30.0]), kl, mask, 0.1)
    expected = [[-0.2, -0.2, -0.2, -0.2, 9.8], [-0.2, -0.2, 19.8, 0, 0], [29.8, 0, 0, 0, 0]]
    torch.testing.assert_close(rewards, torch.tensor(expected))


def test_policy_loss_by_hand() -> None:
    # ratios 1.5, 0.5, 1.1; advantages 1, -1, 2; clip .2: max(-1.5, -1.2) + max(.5, .8) + max(-2.2, -2.2)
    old = torch.zeros(1, 4)
    new = torch.tensor([[1.5, 0.5, 1.1, 9.0]]).log()
    advantages, mask = torch.tensor([[1.0, -1.0, 2.0, 5.0]]), torch.tensor([[True, True, True, False]])
    loss, stats = losses.policy_loss(new, old, advantages, mask, 0.2)
    assert float(loss) == pytest.approx(-1.2 + 0.8 - 2.2)
    assert float(stats["clipfrac"]) == 2
    assert float(stats["ratio"]) == pytest.approx(3.1)
    exact = sum(r - 1 - math.log(r) for r in (1.5, 0.5, 1.1))
    assert float(stats["approx_kl"]) == pytest.approx(exact, abs=1e-6)


def test_value_loss_takes_the_worse_of_clipped_and_not() -> None:
    old, values, returns = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.1]]), torch.tensor([[1.0, 1.0]])
    loss = losses.value_loss(values, old, returns, torch.ones(1, 2).bool(), 0.2)
    # the first would be 0 unclipped but (.2 - 1)^2 clipped; the second is within the clip: (.1 - 1)^2
    assert float(loss) == pytest.approx(0.5 * (0.64 + 0.81))


def test_soft_pairs_by_brute_force_and_blind_to_a_shift() -> None:
    torch.manual_seed(2)
    rewards, elo = torch.randn(2, 4), torch.randn(2, 4) * 200
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    expected = 0.0
    for b, n in ((0, 4), (1, 2)):
        for i in range(n):
            for j in range(i + 1, n):
                target = 1 / (1 + 10 ** (-(float(elo[b, i]) - float(elo[b, j])) / 400))
                p = 1 / (1 + math.exp(-(float(rewards[b, i]) - float(rewards[b, j]))))
                expected -= target * math.log(p) + (1 - target) * math.log(1 - p)
    loss = losses.soft_pair_loss(rewards, elo, mask)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert float(losses.soft_pair_loss(rewards + 3, elo - 50, mask)) == pytest.approx(expected, rel=1e-4)


def test_controller_steers_towards_its_target_and_no_faster_than_its_clip() -> None:
    controller = losses.AdaptiveKL(0.1, target=6, horizon=10)
    controller.update(600)
    assert controller.beta == pytest.approx(0.1 * 1.02)
    controller.update(0)
    assert controller.beta == pytest.approx(0.1 * 1.02 * 0.98)
    before = controller.beta
    controller.update(6)
    assert controller.beta == before


def test_at_the_default_horizon_beta_doubles_in_eighteen_steps() -> None:
    controller = losses.AdaptiveKL(0.05, target=6, horizon=PPOConfig().kl_horizon)
    for _ in range(18):
        controller.update(100)
    assert 1.9 < controller.beta / 0.05 < 2.1


@pytest.mark.parametrize("first", [0.0005, 5.0])
def test_a_policy_that_drifts_where_beta_lets_it_ends_up_near_the_target(first: float) -> None:
    """A toy policy: KL goes a tenth of the way, each step, to where reward and penalty balance: .3 / beta nats."""
    controller = losses.AdaptiveKL(first, target=6, horizon=PPOConfig().kl_horizon)
    kl, late = 0.0, []
    for step in range(300):
        kl += 0.1 * (min(0.3 / controller.beta, 60.0) - kl)
        controller.update(kl)
        late += [kl] if step >= 250 else []
    assert min(late) > 6 * 0.7
    assert max(late) < 6 * 1.3


def test_a_cut_response_is_paid_less_than_every_one_that_ended() -> None:
    scores, ended = torch.tensor([5.0, -1.0, 2.0, 0.5]), torch.tensor([False, True, True, False])
    assert losses.paid_scores(scores, ended, 1.0).tolist() == [-2.0, -1.0, 2.0, -2.0]
    assert losses.paid_scores(scores * 100, ended, 0.5).tolist() == [-100.5, -100.0, 200.0, -100.5]
    assert losses.paid_scores(scores, ended, 0.0).tolist() == scores.tolist()
    none = losses.paid_scores(scores, torch.zeros(4).bool(), 1.0)
    assert len(set(none.tolist())) == 1
    assert none[0] < -1
    assert torch.equal(losses.paid_scores(scores, torch.ones(4).bool(), 1.0), scores)


def test_what_is_as_good_as_equal_is_not_blown_up(mask: torch.Tensor) -> None:
    torch.manual_seed(1)
    noise = 0.3 + torch.randn(3, 5) * 1e-3
    assert (losses.whiten(noise, mask, 0.02) == 0).all()
    loud = noise * 100
    assert torch.equal(losses.whiten(loud, mask, 0.02), losses.whiten(loud, mask))
    assert float(losses.whiten(loud, mask)[mask].var(correction=0)) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("size", "noise"), [(0.0, 0.0), (40.0, 1e-5), (-0.01, 1e-7), (4e6, 10.0)])
def test_scores_that_differ_by_rounding_alone_are_flat_and_stay_small(size: float, noise: float) -> None:
    mean, scale, flat = losses.score_scale([size, size + noise])
    assert flat
    assert abs(size + noise - mean) / scale < 1e-4


@pytest.mark.parametrize("scores", [[1.0, 3.0], [40.0, 40.1], [0.0, 0.002]])
def test_scores_that_differ_are_scaled_to_unit_deviation(scores: list[float]) -> None:
    mean, scale, flat = losses.score_scale(scores)
    assert not flat
    assert [(s - mean) / scale for s in scores] == pytest.approx([-1, 1])


def test_a_standard_deviation_is_of_real_tokens(mask: torch.Tensor) -> None:
    torch.manual_seed(1)
    values = torch.randn(3, 5)
    expected = values[mask].std(correction=0)
    values[~mask] = float("nan")
    assert float(losses.masked_std(values, mask)) == pytest.approx(float(expected), abs=1e-6)
