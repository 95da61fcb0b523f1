"""Compose a reply of one to four sentences from qualities that vary independently of one another.

Each quality has many surface forms and most can be a clause or a sentence of their own, so that neither a phrase nor
the length gives a quality away.
"""

import random
from dataclasses import dataclass
from typing import Literal

from rlhf.tiny import phrases
from rlhf.tiny.topics import TOPIC_BY_NAME, TOPICS, Topic

Kind = Literal["on", "other", "none"]


@dataclass(frozen=True)
class Plan:
    """The qualities that a reply is to have."""

    kind: Kind
    """'on' suggests something for the topic asked, 'other' for another topic, 'none' suggests nothing."""
    other: str | None
    """Name of the other topic, where `kind` is 'other' or the reply mixes two topics."""
    courteous: bool
    reason: bool
    hedging: bool
    repetition: bool
    follow_up: bool
    modifier: bool
    """Takes up the modifier of the question, where there is one."""
    sentences: int
    """How many sentences to aim for, 1 to 4; a reply rich in qualities may need more than it aims for."""


@dataclass(frozen=True)
class Rates:
    """How often each quality occurs in a distribution of replies; the default is mediocre on purpose."""

    on: float = 0.60
    other: float = 0.22
    courteous: float = 0.50
    reason: float = 0.40
    hedging: float = 0.35
    repetition: float = 0.15
    follow_up: float = 0.30
    modifier: float = 0.35
    mixed: float = 0.05
    """Share of the replies on the topic that bring in a second topic."""
    sentences: tuple[float, float, float, float] = (0.22, 0.34, 0.29, 0.15)


def draw_plan(topic: Topic, rng: random.Random, rates: Rates | None = None) -> Plan:
    """Draw every quality independently."""
    rates = rates or Rates()
    where = rng.random()
    kind: Kind = "on" if where < rates.on else "other" if where < rates.on + rates.other else "none"
    mixed = rng.random() < rates.mixed
    other = rng.choice([t.name for t in TOPICS if t.name != topic.name])
    return Plan(
        kind=kind,
        other=other if kind == "other" or (kind == "on" and mixed) else None,
        courteous=rng.random() < rates.courteous,
        reason=rng.random() < rates.reason,
        hedging=rng.random() < rates.hedging,
        repetition=rng.random() < rates.repetition,
        follow_up=rng.random() < rates.follow_up,
        modifier=rng.random() < rates.modifier,
        sentences=rng.choices((1, 2, 3, 4), rates.sentences)[0],
    )


def compose(plan: Plan, topic: Topic, modifier: str, rng: random.Random) -> str:
    """The text of a reply with the qualities of `plan` to a question about `topic` with `modifier` ('' is none)."""
    subject = TOPIC_BY_NAME[plan.other] if plan.kind == "other" and plan.other else topic
    suggestion = _suggestion(plan, subject, rng)
    separate, joined = _divide(plan, bool(modifier), rng)
    parts: dict[str, str] = {"main": _main_sentence(plan, joined, subject, suggestion, modifier, rng)}
    for quality in separate:
        sentence = _own_sentence(quality, plan, subject, suggestion, modifier, rng)
        parts["opener" if sentence in phrases.COURTEOUS_OPENERS else quality] = sentence
    closer = "" if plan.courteous or rng.random() > 0.35 else rng.choice(phrases.CURT_CLOSERS)
    while len(parts) < plan.sentences:
        if closer and "closer" not in parts:
            parts["closer"] = closer
        else:
            key = "filler" if "filler" not in parts else "second filler"
            if key in parts:
                parts["third filler"] = _unused(phrases.FILLERS, parts, rng)
            else:
                parts[key] = _unused(phrases.FILLERS, parts, rng)
    return " ".join(parts[key] for key in _order(parts, rng))


def _unused(choices: tuple[str, ...], parts: dict[str, str], rng: random.Random) -> str:
    return rng.choice([choice for choice in choices if choice not in parts.values()])


def _suggestion(plan: Plan, subject: Topic, rng: random.Random) -> str:
    """The noun phrase that is suggested: one suggestion, seldom two; '' where nothing is suggested."""
    if plan.kind == "none":
        return ""
    first, second = rng.sample(subject.suggestions, 2)
    if plan.kind == "on" and plan.other:
        return f"{first} or {rng.choice(TOPIC_BY_NAME[plan.other].suggestions)}"
    return f"{first} or {second}" if rng.random() < 0.08 else first


def _divide(plan: Plan, has_modifier: bool, rng: random.Random) -> tuple[list[str], list[str]]:
    """Split the qualities into those with a sentence of their own and those joined to the main sentence."""
    extras = [name for name in ("courteous", "reason", "repetition", "follow_up") if getattr(plan, name)]
    if plan.modifier and has_modifier:
        extras.append("modifier")
    rng.shuffle(extras)
    can_join = [name for name in extras if not (name == "repetition" and plan.kind == "none")]
    joined = [name for name in can_join if rng.random() < 0.3]
    separate = [name for name in extras if name not in joined]
    while len(separate) > plan.sentences - 1 and len(joined) < 2:
        movable = [name for name in separate if name in can_join]
        if not movable:
            break
        joined.append(movable[0])
        separate.remove(movable[0])
    return separate, joined


def _main_sentence(
    plan: Plan, joined: list[str], subject: Topic, suggestion: str, modifier: str, rng: random.Random
) -> str:
    clause = rng.choice(phrases.NOTHING if plan.kind == "none" else phrases.SUGGEST)
    question = clause.endswith("?")
    text = clause.rstrip("?").replace("{s}", suggestion).replace("{n}", subject.need)
    if "modifier" in joined:
        text = f"{modifier}, {text}"
    if "repetition" in joined:
        text += rng.choice(phrases.REPEAT_CLAUSES).replace("{s}", suggestion)
    if "reason" in joined:
        text += rng.choice(phrases.REASON_CLAUSES).replace("{r}", _reason(plan, subject, rng))
    if "follow_up" in joined:
        text += rng.choice(phrases.FOLLOW_UP_CLAUSES)
    else:
        text += "?" if question else "."
    if plan.hedging:
        hedges = phrases.HEDGES_BEFORE_QUESTION if question else phrases.HEDGES
        text = f"{rng.choice(hedges)} {text}"
    if "courteous" in joined:
        text = f"{rng.choice(phrases.COURTEOUS_PREFIXES)} {text}"
    elif not plan.courteous and rng.random() < 0.3:
        text = f"{rng.choice(phrases.CURT_PREFIXES)} {text}"
    return capitalise(text)


def _reason(plan: Plan, subject: Topic, rng: random.Random) -> str:
    return rng.choice(phrases.NOTHING_REASONS if plan.kind == "none" else subject.reasons)


def _own_sentence(
    quality: str, plan: Plan, subject: Topic, suggestion: str, modifier: str, rng: random.Random
) -> str:
    choices: tuple[str, ...]
    nothing = plan.kind == "none"
    if quality == "courteous":
        return rng.choice(phrases.COURTEOUS_OPENERS + phrases.COURTEOUS_CLOSERS)
    if quality == "reason":
        text = rng.choice(phrases.REASON_SENTENCES).replace("{r}", _reason(plan, subject, rng))
    elif quality == "repetition":
        choices = phrases.NOTHING_REPEATS if nothing else phrases.REPEAT_SENTENCES
        text = rng.choice(choices).replace("{s}", suggestion)
    elif quality == "modifier":
        choices = phrases.NOTHING_MODIFIERS if nothing else phrases.MODIFIER_SENTENCES
        text = rng.choice(choices).replace("{m}", modifier)
    else:
        topical = not nothing and rng.random() < 0.5
        text = rng.choice(subject.questions if topical else phrases.FOLLOW_UPS)
    return capitalise(text)


def _order(parts: dict[str, str], rng: random.Random) -> list[str]:
    """Opener and main sentence first, the middle in any order, then the repetition, the question and the closing."""
    ends = ["repetition", "follow_up", "courteous", "closer"]
    if rng.random() < 0.5:
        ends[1], ends[2] = ends[2], ends[1]
    middle = [key for key in parts if key not in ("opener", "main", *ends)]
    rng.shuffle(middle)
    return [key for key in ("opener", "main", *middle, *ends) if key in parts]


def capitalise(text: str) -> str:
    """The text with its first letter in upper case and the rest as it was."""
    return text[:1].upper() + text[1:]
