"""Metrics against counting by hand and against worlds whose answer is known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rlhf.training import metrics
from rlhf.training.losses import ELO_PER_LOGIT
from rlhf.training.metrics import distinct, divergence, pair_metrics, repeated
from rlhf.training.models import RoleModel
from rlhf.training.sampling import Sample


def test_accuracy_counts_ordered_pairs_and_half_for_a_draw() -> None:
    # pairs by elo: a>b, a>c, b=c (left out), then d>e judged equal
    metrics = pair_metrics(
        [np.array([3.0, 1.0, 4.0]), np.array([2.0, 2.0])], [np.array([10.0, 5, 5]), np.array([1.0, 0])]
    )
    assert metrics.pairs == 3
    assert metrics.accuracy == pytest.approx((1 + 0 + 0.5) / 3)


def test_a_model_that_knows_the_odds_is_calibrated_and_no_other_has_a_lower_nll() -> None:
    rng = np.random.default_rng(0)
    logits = [rng.normal(0, 1.5, 4) for _ in range(400)]
    elo = [1000 + ELO_PER_LOGIT * s for s in logits]
    knows = pair_metrics(logits, elo)
    assert knows.accuracy == 1
    assert knows.ece == pytest.approx(0, abs=1e-12)
    for factor in (0.5, 2.0):
        other = pair_metrics([factor * s for s in logits], elo)
        assert other.nll > knows.nll + 0.01
        assert other.ece > 0.05


@pytest.mark.slow
def test_the_interval_covers_and_is_wider_when_pairs_hang_together() -> None:
    """Scores that are right or wrong for a whole prompt: 300 prompts, not 1,800 pairs, are the sample."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(150):
        elo = [np.arange(4.0)] * 300
        scores = [np.arange(4.0) * (1 if rng.random() < 0.8 else -1) for _ in range(300)]
        m = pair_metrics(scores, elo)
        covered += m.accuracy_low <= 0.8 <= m.accuracy_high
    assert 0.89 <= covered / 150 <= 0.99


def test_distinct_counts_bigrams() -> None:
    assert distinct(["a b c", "a b d"]) == 3 / 4
    assert distinct(["", "one"]) == 0


@pytest.mark.parametrize("against", ["base", "reference"])
def test_divergence_is_the_mean_log_ratio_of_the_policys_own_words(
    noisy: Callable[..., RoleModel], plain: Callable[..., Any], against: str
) -> None:
    model = noisy()
    model.fresh("reference")  # another adapter, but still the base: made to differ from both
    for parameter in model.parameters("reference"):
        parameter.data.add_(0.05)
    chats = [[{"role": "user", "content": text}] for text in ("tea", "red green blue")]
    said = [Sample("", "stop", 0, (11, 12, 1)), Sample("", "length", 0, (13, 14, 15, 16))]
    ask, total = plain(model), 0.0
    for chat, sample in zip(chats, said, strict=True):
        policy, other = (
            ask.logprobs(role, model.chat.prompt(chat), sample.token_ids, 0.8) for role in ("policy", against)
        )
        total += sum(policy) - sum(other)
    found = divergence(model, chats, said, 0.8, against=against)  # type: ignore[arg-type]
    assert found == pytest.approx(total / 2, abs=1e-4)
    assert abs(found) > 0.01


def test_divergence_never_makes_the_logits_of_more_than_its_budget(
    noisy: Callable[..., RoleModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logits fill a memory, not log-ratios: whole batches of answers would, and the policy be lost with them."""
    model = noisy()
    model.copy("policy", "reference")
    for parameter in model.parameters("policy"):
        parameter.data.add_(0.05)
    chats = [[{"role": "user", "content": text}] for text in ("tea", "red green blue") * 6]
    said = [Sample("", "length", 0, tuple(range(11, 12 + i))) for i in range(12)]
    whole = divergence(model, chats, said, against="reference")
    made: list[int] = []
    compute = model.logprobs

    def counted(seq: Any, temperature: float = 1.0) -> Any:
        made.append(seq.input_ids.numel())
        return compute(seq, temperature)

    monkeypatch.setattr(model, "logprobs", counted)
    monkeypatch.setattr(metrics, "DIVERGENCE_TOKENS", 60)
    assert divergence(model, chats, said, against="reference") == pytest.approx(whole, abs=1e-4)
    assert len(made) > 4
    assert max(made) <= 60


def test_repeated_counts_what_was_said_before_in_the_same_answer() -> None:
    assert repeated("a b a b") == pytest.approx(1 / 3)
    assert repeated("no no no no no") == pytest.approx(3 / 4)
    assert repeated("a b c d") == repeated("a") == repeated("") == 0
