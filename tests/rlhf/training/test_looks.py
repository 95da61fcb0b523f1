"""Which policy is kept and when training stops: the rules on made-up looks, and the weights on a real model."""

import dataclasses

import pytest

from rlhf.training.looks import PATIENCE, Limits, Look, best_look, reason_to_stop, signs_of_gaming, why_kept

START = Look(step=0, reward=0.0, kl=0.0, drift=0.0, length=20.0, ended=0.98, distinct=0.7, repeated=0.05)


def after(step: int, reward: float, kl: float = 3.0, **changes: float) -> Look:
    return dataclasses.replace(START, step=step, reward=reward, kl=kl, **changes)


def test_the_highest_reward_within_the_budget_is_kept_and_not_the_last() -> None:
    looks = [START, after(5, 0.5), after(10, 1.2), after(15, 1.1), after(20, 2.0, kl=12.5)]
    assert best_look(looks, Limits(12.0)).step == 10
    assert best_look(looks, Limits(13.0)).step == 20
    assert why_kept(looks, Limits(12.0)).startswith(
        "step 10 of 20: held-out reward +1.20 (+0.00 at the start) at KL 3.0"
    )


def test_where_nothing_is_better_the_policy_stays_what_it_was() -> None:
    looks = [START, after(5, -0.1), after(10, 0.0), after(15, 3.0, kl=50.0)]
    assert best_look(looks, Limits(12.0)).step == 0
    assert "none of 3 looks" in why_kept(looks, Limits(12.0))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"length": 60.0}, "answers have 60 tokens, 20 at the start"),
        ({"length": 4.0}, "answers have 4 tokens, 20 at the start"),
        ({"distinct": 0.3}, "30% of their pairs of words are distinct, 70% at the start"),
        ({"repeated": 0.5}, "an answer repeats 50% of its pairs of words, 5% at the start"),
        ({"ended": 0.7}, "70% of them end within the limit, 98% at the start"),
    ],
)
def test_a_gain_that_comes_with_signs_of_gaming_stops_training_and_is_not_kept(
    changes: dict[str, float], words: str
) -> None:
    gamed = after(10, 2.0, **changes)
    looks = [START, after(5, 0.5), gamed]
    assert signs_of_gaming(START, gamed) == [words]
    assert reason_to_stop(looks, Limits(12.0)) == f"the reward is gamed at step 10: it rose to +2.00, but {words}"
    assert best_look(looks, Limits(12.0)).step == 5
    # The same answers without a gain are no better paid, and nothing that needs stopping.
    assert not signs_of_gaming(START, dataclasses.replace(gamed, reward=-0.5))


def test_what_a_better_answer_may_bring_is_no_sign_of_gaming() -> None:
    assert not signs_of_gaming(START, after(10, 1.5, length=40.0, distinct=0.5, repeated=0.2, ended=0.9))


def test_training_goes_on_through_a_dip_and_stops_when_it_does_not_end() -> None:
    rising = [START, after(5, 0.5), after(10, 1.0)]
    falling = [after(15 + 5 * i, 0.75 - 0.1 * i) for i in range(PATIENCE)]
    assert not reason_to_stop([*rising, *falling[:-1]], Limits(12.0))
    said = reason_to_stop([*rising, *falling], Limits(12.0))
    assert said.startswith(f"the held-out reward has been below that of step 10 (+1.00) for {PATIENCE} looks")
    assert not reason_to_stop([*rising, *falling[:-1], after(40, 1.1)], Limits(12.0))
    # What wavers around its best has not fallen: the first steps of a low learning rate look like this.
    assert not reason_to_stop([START, *(after(5 * i, -0.05 * (i % 2)) for i in range(1, 9))], Limits(12.0))


def test_training_stops_where_a_look_finds_the_budget_spent() -> None:
    assert (
        reason_to_stop([START, after(5, 1.0, kl=12.5)], Limits(12.0)) == "held-out KL 12.5 passed max_kl 12 at step 5"
    )


def test_drift_from_the_base_is_bounded_however_near_the_rounds_start_is() -> None:
    start = dataclasses.replace(START, drift=10.0)
    looks = [start, after(5, 0.5, drift=12.0), after(10, 1.5, drift=16.5)]
    limits = Limits(12.0, drift=16.0)
    assert best_look(looks, limits).step == 5
    assert reason_to_stop(looks, limits) == "held-out KL from the base 16.5 passed max_drift 16 at step 10"
    assert best_look(looks, Limits(12.0, drift=17.0)).step == 10
