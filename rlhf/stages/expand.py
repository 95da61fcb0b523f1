"""Policy -> prompts that it proposes, which wait for a researcher's yes."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rlhf import training
from rlhf.stages.context import Context
from store import models, prompts
from store.called import as_called
from store.db import writing
from store.errors import NotReady, WorkError
from store.records import Model, Prompt

if TYPE_CHECKING:
    from rlhf.training.models import RoleModel

log = logging.getLogger(__name__)

SOURCE = "expanded:{}"
"""How a proposed prompt says where it came from; the name of the version stands in it."""
DRAWS = 10
"""Draws for each prompt that is asked for, before the stage gives up finding more."""
NEXT = "Say which may stand: python launch.py prompts list --waiting"
TEMPERATURE = 0.7
"""Divides the logits, as in Self-Instruct. A workspace may answer at 0, where all draws are one and the same."""
SEEDS = 8
"""Stored prompts that a model is shown before it is asked for another (as many as in Self-Instruct)."""


@dataclass(frozen=True)
class Expanded:
    """How many prompts a version proposed, of how many that it drew.

    `unfit` of these were no prompt: cut at the limit of tokens, too short, too long. `alike` came too near to one
    that is stored or was proposed just before.
    """

    model: str
    proposed: int
    drawn: int
    unfit: int
    alike: int
    next: str


def expand(
    ctx: Context, *, count: int = 100, model: str | None = None, likeness: float = 0.7, seed: int = 0
) -> Expanded:
    """Let a version propose `count` prompts that are less like all stored ones, and each other, than `likeness`.

    They wait: no person sees them and no model answers them before somebody says yes. What waits or was refused
    counts as stored. Called again, it goes on with other luck. Raises NotReady where nothing can be drawn from,
    WorkError where no draw was new enough.

    All appear in one transaction: whoever is killed before it has made nothing, and draws the same when started
    again.
    """
    with ctx.store() as db:
        (version,) = models.speakers(db, [model] if model else [])
        stored = [*prompts.every(db), *prompts.taken_out(db), *prompts.waiting(db), *prompts.held(db)]
        # What is held out is shown to no model that then writes what others are trained on.
        seeds = [p.text for p in prompts.every(db, "train")]
    source = SOURCE.format(version.name)
    before = sum(p.source == source for p in stored)
    found = _Found(training.likeness.Known(p.text for p in stored), likeness)
    draws = _draws(ctx, version, seeds, seed + before, count)
    while len(found.texts) < count and (drawn := next(draws, None)) is not None:
        found.look_at(drawn)
    done = Expanded(version.name, len(found.texts), found.drawn, found.unfit, found.alike, as_called(NEXT))
    if len(found.texts) < count:
        _say_few(done, count, likeness)
    with ctx.store() as db, writing(db):
        prompts.add(db, [_waiting(text, source) for text in found.texts])
        ctx.made(db, done)
    return done


@dataclass
class _Found:
    """What was drawn so far: the new ones, and how many were not."""

    known: training.likeness.Known
    limit: float
    texts: list[str] = field(default_factory=list)
    drawn: int = 0
    unfit: int = 0
    alike: int = 0

    def look_at(self, text: str) -> None:
        """Keep a text that is new; an empty one was no prompt."""
        self.drawn += 1
        if not text:
            self.unfit += 1
        elif self.known.nearest(text) >= self.limit:
            self.alike += 1
        else:
            self.known.add(text)
            self.texts.append(text)


def _draws(ctx: Context, version: Model, seeds: list[str], seed: int, count: int) -> Iterator[str]:
    """What the version draws, batch by batch, until somebody who wants `count` of them has had enough."""
    model = ctx.load_model()
    starts = _starts(ctx, model, seeds, random.Random(seed))
    voice = ctx.load_version(model, version)
    config = replace(ctx.settings.sampling, temperature=TEMPERATURE)
    most, size = count * DRAWS, min(config.batch_size, 2 * count)
    for start in range(0, most, size):
        ctx.progress(start, most, f"{version.name} proposes prompts")
        batch = [next(starts) for _ in range(min(size, most - start))]
        yield from training.proposals.propose(model, batch, config, voice=voice, seed=seed * 1_000_003 + start)


def _starts(ctx: Context, model: RoleModel, seeds: list[str], rng: random.Random) -> Iterator[list[int]]:
    """What draws begin with: the template's opening and prompts that are shown in turn, or the one of them there is.

    `tiny` follows no instructions: it is shown nothing. Raises NotReady where there is neither.
    """
    opening = training.proposals.opening(model.chat)
    few = ctx.settings.model.base_model != "tiny"
    while True:
        seen = training.proposals.shown(model.chat, rng.sample(seeds, min(SEEDS, len(seeds)))) if few else []
        if not (opening or seen):
            raise NotReady(
                f"The chat template of {model.chat.base_model} has no place before a user's words, and there are "
                f"{len(seeds)} prompts to show instead: import some with `python launch.py import FILE`."
            )
        yield from filter(None, (opening, seen))


def _waiting(text: str, source: str) -> Prompt:
    return replace(prompts.make([{"role": "user", "content": text}], source=source), waiting=True)


def _say_few(done: Expanded, count: int, likeness: float) -> None:
    told = (
        f"{done.model} proposed {done.proposed} prompts of {count}: of {done.drawn} drawn {done.alike} were too like "
        f"others (ROUGE-L from {likeness:g}) and {done.unfit} were no prompt. Raise --likeness, or import others."
    )
    if not done.proposed:
        raise WorkError(told)
    log.warning(told)
