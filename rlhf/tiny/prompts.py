"""The prompts of the tiny world: some to rank and to train on, others of the same topics, others of new topics."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rlhf.tiny.topics import ASKS, MODIFIERS, NEW_TOPICS, TOPICS, Topic

RANKING_TRAIN = 1800
RANKING_EVAL = 200
"""How many prompts are ranked to train on, and to judge the reward model and the policy on."""
EVALUATION = 150
NEW_TOPIC = 90
"""How many prompts nobody ranks: of ranked topics, and of topics that no ranking prompt asks about."""


@dataclass(frozen=True)
class TinyPrompt:
    """One question of a user."""

    text: str
    topic: str
    """Name of the topic asked about."""
    split: Literal["train", "eval"]


def ranking_prompts() -> list[TinyPrompt]:
    """2,000 prompts to rank, 1,800 of them of the split 'train'; the first n are spread evenly over the topics."""
    chosen = _ranked_topics()[: RANKING_TRAIN + RANKING_EVAL]
    held_out = set(random.Random("split").sample(range(len(chosen)), RANKING_EVAL))
    return [TinyPrompt(text, topic, "eval" if i in held_out else "train") for i, (text, topic) in enumerate(chosen)]


def evaluation_prompts() -> list[TinyPrompt]:
    """150 prompts of the ranked topics, none of which is among `ranking_prompts`."""
    start = RANKING_TRAIN + RANKING_EVAL
    return [TinyPrompt(text, topic, "eval") for text, topic in _ranked_topics()[start : start + EVALUATION]]


def new_topic_prompts() -> list[TinyPrompt]:
    """90 prompts of three topics that no ranking prompt and no evaluation prompt asks about."""
    topics = [topic for topic in TOPICS if topic.name in NEW_TOPICS]
    return [TinyPrompt(text, topic, "eval") for text, topic in _varied(topics, "new topics")[:NEW_TOPIC]]


def question(topic: Topic, ask: str, modifier: str) -> str:
    """The text of a question: one of `ASKS` about `topic` with one of `MODIFIERS`."""
    return ask.format(need=topic.need, do=topic.do, mod=f" {modifier}" if modifier else "")


def _ranked_topics() -> list[tuple[str, str]]:
    return _varied((topic for topic in TOPICS if topic.name not in NEW_TOPICS), "ranked topics")


def _varied(topics: Iterable[Topic], seed: str) -> list[tuple[str, str]]:
    """Every question as (text, topic name), so ordered that each topic comes once before any comes again."""
    rng = random.Random(seed)
    columns: list[list[tuple[str, str]]] = []
    for topic in topics:
        column = [(question(topic, ask, modifier), topic.name) for ask in ASKS for modifier in MODIFIERS]
        rng.shuffle(column)
        columns.append(column)
    ordered: list[tuple[str, str]] = []
    for row in zip(*columns, strict=True):
        ordered.extend(rng.sample(row, len(row)))
    return ordered
