"""Replies: qualities are independent and read back as they were put in. The corpus can be made again."""

import random
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest

from rlhf.tiny.corpus import conversations
from rlhf.tiny.prompts import question
from rlhf.tiny.reading import Qualities, read
from rlhf.tiny.replies import Plan, compose, draw_plan
from rlhf.tiny.topics import ASKS, MODIFIERS, TOPICS

BOTH = ("courteous", "reason", "hedging", "repetition", "follow_up")


def composed(count: int, seed: int = 0) -> Iterator[tuple[str, str, Plan, str]]:
    """Yield (question, modifier, plan, reply)."""
    rng = random.Random(seed)
    for _ in range(count):
        topic, modifier = rng.choice(TOPICS), rng.choice(MODIFIERS)
        plan = draw_plan(topic, rng)
        yield question(topic, rng.choice(ASKS), modifier), modifier, plan, compose(plan, topic, modifier, rng)


def test_qualities_are_read_back_as_composed() -> None:
    count = 3000
    right = dict.fromkeys((*BOTH, "answers", "modifier", "well formed"), 0)
    for asked, modifier, plan, reply in composed(count):
        seen = read(asked, reply)
        for name in BOTH:
            right[name] += getattr(seen, name) == getattr(plan, name)
        right["answers"] += seen.answers == (plan.kind == "on")
        right["modifier"] += seen.modifier == (plan.modifier and modifier != "")
        right["well formed"] += not seen.malformed and not seen.unfinished
    assert {name: share / count for name, share in right.items() if share / count < 0.97} == {}


@pytest.mark.slow
def test_qualities_are_independent() -> None:
    seen = [read(asked, reply) for asked, _, _, reply in composed(4000, seed=1)]
    names = (*BOTH, "answers", "sentences")
    columns = {name: np.array([float(getattr(one, name)) for one in seen]) for name in names}
    for first, second in combinations(columns, 2):
        limit = 0.25 if second == "sentences" else 0.06
        correlation = np.corrcoef(columns[first], columns[second])[0, 1]
        assert abs(correlation) < limit, f"{first} and {second}: {correlation:.3f}"


def test_rates_are_mediocre_on_purpose() -> None:
    seen = [read(asked, reply) for asked, _, _, reply in composed(4000, seed=2)]

    def share(name: str) -> float:
        return sum(bool(getattr(one, name)) for one in seen) / len(seen)

    expected = {
        "answers": 0.6,
        "courteous": 0.5,
        "reason": 0.4,
        "hedging": 0.35,
        "repetition": 0.15,
        "follow_up": 0.3,
    }
    assert all(abs(share(name) - value) < 0.04 for name, value in expected.items())
    assert all(1 <= one.sentences <= 6 for one in seen)


def test_garbled_text_is_read_as_malformed() -> None:
    asked = "What should I cook for dinner?"
    good = read(asked, "Try lentil soup. Enjoy!")
    assert (good.malformed, good.unfinished, good.answers, good.courteous) == (0, False, True, True)
    assert read(asked, "Try lentil soup of the. Enjoy!").malformed == 1
    assert read(asked, "Try lentil soup. Have a").unfinished
    assert read(asked, "Try lentil soup, try lentil soup.").repetition
    assert not read(asked, "Try lentil soup, chess, or the violin.").answers
    assert read(asked, "") == Qualities(False, 0, False, False, False, False, False, False, 0, 0, 0, True)


def test_corpus_can_be_made_again() -> None:
    first, again, other = (list(conversations(200, seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    for chat in first:
        assert [message["role"] for message in chat] == ["user", "assistant", "user", "assistant"][: len(chat)]
        assert all(message["content"].strip() for message in chat)
        assert not any(mark in message["content"] for message in chat for mark in ("{", "}", "<|"))
