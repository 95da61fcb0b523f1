"""Simulated annotators: they rank replies by reading the text alone, with tastes, noise, ties and slips of their own.

The documented utility of a reply is what a careful average reader thinks of it, without noise:

| what the reply does | worth, average taste |
|---|---|
| suggests something for the topic asked | +5 |
| gives a reason that fits | +0.9 |
| is courteous | +0.7 |
| asks a follow-up question | +0.4 |
| takes up the modifier ('for two') | +0.3 |
| hedges | -0.6 |
| repeats itself | -0.8 |
| a suggestion for another topic beside the right one, or with none asked | -0.8 |
| one sentence, or four | -0.3; each sentence beyond four another -0.3 |
| each malformed sentence | -0.5 |
| unfinished last sentence | -0.5 |

The sum of all but the first line is held within [-2, 2], so that being useful on the topic asked outweighs all
manners for every taste. A reply that suggests things for two other topics beside the one asked has not answered.

Measured on 1,000 samples of the base in NF4 at temperature 1, four a prompt (`python -m tests.rlhf.tiny.measure`):
strict pairs of a single ranking agree with this utility in .87, two annotators with each other in .79 of the cases.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from rlhf.tiny.reading import Qualities, read

USEFUL = 5.0
"""What suggesting something for the topic asked is worth, to everybody."""
MANNERS = 2.0
"""The most that everything else together can add or take away."""
NAMES = (
    "ada",
    "ben",
    "cleo",
    "dan",
    "eva",
    "finn",
    "gus",
    "hana",
    "ida",
    "jon",
    "kira",
    "leo",
    "mia",
    "ned",
    "olga",
    "pia",
)


@dataclass(frozen=True)
class Taste:
    """What each manner is worth to a reader, in units of utility."""

    reason: float = 0.9
    courteous: float = 0.7
    follow_up: float = 0.4
    modifier: float = 0.3
    hedging: float = -0.6
    repetition: float = -0.8
    other_topic: float = -0.8
    length: float = -0.3
    """Worth of each sentence short of two or beyond three."""
    malformed: float = -0.5
    """Worth of each malformed sentence and of an unfinished end."""


AVERAGE = Taste()


def utility(prompt_text: str, reply_text: str, taste: Taste | None = None) -> float:
    """What a reply is worth to a reader of that taste, without noise: [-2, 2] of manners, 5 more if it answers."""
    return worth(read(prompt_text, reply_text), taste or AVERAGE)


def worth(seen: Qualities, taste: Taste) -> float:
    """The utility of a reply with those qualities."""
    manners = (
        taste.reason * seen.reason
        + taste.courteous * seen.courteous
        + taste.follow_up * seen.follow_up
        + taste.modifier * seen.modifier
        + taste.hedging * seen.hedging
        + taste.repetition * seen.repetition
        + taste.other_topic * min(seen.other_topics, 2)
        + taste.length * max(2 - seen.sentences, seen.sentences - 3, 0)
        + taste.malformed * (seen.malformed + seen.unfinished)
    )
    return USEFUL * seen.answers + max(-MANNERS, min(MANNERS, manners))


@dataclass(frozen=True)
class SimulatedAnnotator:
    """A reader with a taste and human failings; the same inputs and seed always give the same ranking."""

    name: str
    """Starts with 'simulated:', so that nobody takes it for a person."""
    seed: int
    noise: float = 0.65
    """Standard deviation of the error in judging one reply, in units of utility."""
    tie: float = 0.25
    """Replies that seem closer than this to the best of their level are put on that level."""
    slip: float = 0.2
    """Share of the rankings in which two replies are mixed up."""

    @property
    def taste(self) -> Taste:
        """The average taste, each weight times a factor between 0.3 and 1.7 that name and seed draw."""
        rng = random.Random(f"taste {self.name} {self.seed}")
        factors = {field.name: rng.uniform(0.3, 1.7) for field in fields(Taste)}
        return replace(AVERAGE, **{name: getattr(AVERAGE, name) * factor for name, factor in factors.items()})

    def rank(self, prompt_text: str, reply_texts: Sequence[str], seed: int) -> list[int]:
        """The level of each reply: 1 is best, equal is a tie, no level is left out."""
        rng = random.Random(f"rank {self.name} {self.seed} {seed} {prompt_text} {'|'.join(reply_texts)}")
        taste = self.taste
        felt = [utility(prompt_text, text, taste) + rng.gauss(0.0, self.noise) for text in reply_texts]
        if len(felt) > 1 and rng.random() < self.slip:
            first, second = rng.sample(range(len(felt)), 2)
            felt[first], felt[second] = felt[second], felt[first]
        return _levels(felt, self.tie)


def _levels(felt: Sequence[float], tie: float) -> list[int]:
    """Levels by falling value; a value less than `tie` below the best of a level belongs to that level."""
    levels = [0] * len(felt)
    level, best = 0, float("inf")
    for place in sorted(range(len(felt)), key=lambda i: -felt[i]):
        if level == 0 or best - felt[place] >= tie:
            level, best = level + 1, felt[place]
        levels[place] = level
    return levels


def annotators(count: int, seed: int = 0) -> list[SimulatedAnnotator]:
    """`count` annotators: `simulated:ada`, `simulated:ben`, ...; with a number added once the names are used up."""
    chosen = []
    for place in range(count):
        lap, which = divmod(place, len(NAMES))
        name = f"simulated:{NAMES[which]}{lap + 1 if lap else ''}"
        chosen.append(SimulatedAnnotator(name, seed))
    return chosen
