"""Good answers to questions of the embedded world, by its own grammar, as a person would demonstrate them."""

import random

from rlhf.tiny.prompts import evaluation_prompts, question, ranking_prompts
from rlhf.tiny.replies import Rates, compose, draw_plan
from rlhf.tiny.topics import ASKS, MODIFIERS, NEW_TOPICS, TOPICS

GOOD = Rates(
    on=1.0,
    other=0.0,
    courteous=1.0,
    reason=1.0,
    hedging=0.0,
    repetition=0.0,
    follow_up=1.0,
    modifier=0.6,
    mixed=0.0,
    sentences=(0.0, 0.4, 0.4, 0.2),
)


def demonstrations(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """(question, answer) on ranked topics; no question is one that policies are judged on."""
    judged = {p.text for p in evaluation_prompts()} | {p.text for p in ranking_prompts() if p.split == "eval"}
    rng = random.Random(f"demonstrations {seed}")
    topics = [topic for topic in TOPICS if topic.name not in NEW_TOPICS]
    found: list[tuple[str, str]] = []
    while len(found) < count:
        topic, modifier = rng.choice(topics), rng.choice(MODIFIERS)
        asked = question(topic, rng.choice(ASKS), modifier)
        if asked not in judged:
            found.append((asked, compose(draw_plan(topic, rng, GOOD), topic, modifier, rng)))
    return found
