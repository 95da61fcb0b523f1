"""Policy -> fresh responses, and tasks to rank them together with those of other versions."""

from __future__ import annotations

import dataclasses
import logging
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlite_utils import Database

from rlhf import training
from rlhf.stages.context import Context
from rlhf.stages.repeats import due_repeats
from store import models, prompts, responses, tasks
from store.db import writing
from store.errors import NotReady, WorkError
from store.records import Model, Prompt, Response, Task

if TYPE_CHECKING:
    from rlhf.training.models import Role, RoleModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Generated:
    """The version that answered, how many prompts with how many responses, and the tasks opened to rank them.

    `skipped` says why nothing was sampled where every prompt had its answers already; `alike` says how many prompts
    made no task, since all of their answers are one text, and what to do.
    """

    model: str
    prompts: int
    responses: int
    tasks: int
    skipped: str | None = None
    alike: str | None = None


RETRY = 100_003
"""Added to the sampling seed for each time that a prompt's answers came out alike: more than there are versions."""


def generate(ctx: Context, *, model: str | None = None) -> Generated:
    """Responses of a version to the prompts it has not answered, and tasks to rank them; and tasks to rank again.

    The version is the one that was promoted, or the latest policy. In each task `previous` and `base` responses are
    of the version before and of the base, so that people compare versions by ordinary work. Responses of one text
    are shown once; where all are one text there is nothing to rank, and the prompt is tried again by the next call,
    with other luck. Raises NotReady where there is no prompt, WorkError where no prompt has two different answers.

    All responses and tasks appear in one transaction: whoever is killed before it has made nothing, and samples the
    same responses when started again.
    """
    config, sampling = ctx.settings.generate, ctx.settings.sampling
    with ctx.store() as db:
        version = models.named(db, model) if model else _default_generator(db)
        again = due_repeats(db, config.repeat_share, sampling.seed)
        chosen = _prompts_in_need(db, version, config.prompts, again)
        others = _others(db, version, config.previous, config.base)
        own = sampling.responses - sum(n for _, n in others)
        wanted = [(version.id, own), *((other.id, n) for other, n in others)]
        stuck = _stuck(db, chosen, wanted, sampling.responses) if sampling.temperature > 0 else set()
    if not chosen:
        return _nothing_fresh(ctx, version, again)
    loaded = ctx.load_model()
    fresh = _answers(ctx, loaded, version, chosen, own, stuck)
    mixed_in = [r for other, count in others for r in _answers(ctx, loaded, other, chosen, count, stuck)]
    with ctx.store() as db, writing(db):
        responses.add(db, [*fresh, *mixed_in])
        made = _tasks(db, chosen, wanted, sampling.responses)
        copies = _copies(made, _overlap(chosen, config.overlap_share, sampling.seed), config.overlap_annotators)
        tasks.add(db, [*again, *copies])
        alike = _alike(version, len(chosen) - len(made), sampling.temperature)
        done = Generated(version.name, len(chosen), len(fresh), len(again) + len(copies), alike=alike)
        if rankable := bool(made or responses.shown_of(db, version.id)):
            ctx.made(db, done)
    if alike and not rankable:
        raise WorkError(alike)
    if alike:
        log.warning(alike)
    return done


def _nothing_fresh(ctx: Context, version: Model, again: Sequence[Task]) -> Generated:
    """Where every prompt is answered, only what is to be ranked again is opened."""
    why = f"{version.name} has answered every prompt: import more, or train another version."
    done = Generated(version.name, 0, 0, len(again), why)
    with ctx.store() as db, writing(db):
        tasks.add(db, again)
        ctx.made(db, done)
    return done


def _alike(version: Model, count: int, temperature: float) -> str | None:
    """What is said of so many prompts whose answers are all one text."""
    if not count:
        return None
    return (
        f"{count} prompts made no task, for all answers to them are the same text: raise the temperature of "
        f"[sampling] (it is {temperature:g}) and run `python launch.py generate --model {version.name}` again."
    )


def _default_generator(db: Database) -> Model:
    if version := models.generator(db) or models.latest(db, "policy"):
        return version
    raise NotReady("The workspace has no policy: make it again with `python launch.py init`.")


def _prompts_in_need(db: Database, version: Model, limit: int, again: Sequence[Task] = ()) -> list[Prompt]:
    """Prompts of which no task shows an answer of the version, those with the fewest tasks first, `again` included.

    Those that it has answered, all alike, come last: else they would take the places of all others for ever.
    """
    shown = responses.shown_of(db, version.id)
    tried = {r.prompt_id for r in responses.of_model(db, version.id)} - shown
    stored = prompts.every(db)
    if not stored:
        raise NotReady("There are 0 prompts: import some with `python launch.py import FILE`.")
    open_tasks = Counter(tasks.per_prompt(db)) + Counter(task.prompt_id for task in again)
    waiting = [p for p in stored if p.id not in shown]
    waiting.sort(key=lambda p: (p.id in tried, open_tasks[p.id], p.id))
    return waiting[: limit or None]


def _others(db: Database, version: Model, previous: int, base: int) -> list[tuple[Model, int]]:
    """The versions to mix in, each with its number of responses: the one before and the base, which may be the same.

    The one before is the promoted version, whose place the new one would take, or else the parent.
    """
    lineage = models.lineage(db, version.id)[1:]
    if not lineage:
        return []
    promoted = models.generator(db)
    before = promoted if promoted and promoted.id not in (version.id, lineage[-1].id) else lineage[0]
    if before.id == lineage[-1].id:
        return [(before, previous + base)]
    return [(before, previous), (lineage[-1], base)]


def _stuck(db: Database, chosen: Sequence[Prompt], wanted: Sequence[tuple[int, int]], limit: int) -> set[int]:
    """Prompts that the version has answered, with all answers to them the same text: only other luck helps there."""
    version, count = wanted[0]
    have = Counter(r.prompt_id for r in responses.of_model(db, version))
    tried = [p for p in chosen if have[p.id] >= count > 0]
    return {p.id for p in tried} - {task.prompt_id for task in _tasks(db, tried, wanted, limit)}


def _answers(
    ctx: Context, model: RoleModel, version: Model, chosen: Sequence[Prompt], count: int, stuck: set[int]
) -> list[Response]:
    """Sample `count` responses of a version to each prompt that lacks some; the caller stores them.

    Prompts that are `stuck` are sampled again, with another seed each time.
    """
    sampling = ctx.settings.sampling
    with ctx.store() as db:
        have = Counter(r.prompt_id for r in responses.of_model(db, version.id))
    tries: dict[int, list[Prompt]] = defaultdict(list)
    for prompt in chosen if count > 0 else ():
        if have[prompt.id] < count or prompt.id in stuck:
            tries[have[prompt.id] // count].append(prompt)
    if not tries:
        return []
    ctx.load_role(model, version)
    recipe = {name: getattr(sampling, name) for name in ("max_new_tokens", "temperature", "top_p")}
    fresh: list[Response] = []
    for turn, lacking in sorted(tries.items()):
        config = dataclasses.replace(sampling, responses=count, seed=sampling.seed + version.id + RETRY * turn)
        chats, role = [p.messages for p in lacking], _role(version)
        groups = training.sampling.sample(model, chats, config, role=role, progress=ctx.progress)
        fresh += [
            Response(p.id, version.id, s.text, s.seed, recipe, s.finish_reason, token_ids=s.token_ids)
            for p, group in zip(lacking, groups, strict=True)
            for s in group
        ]
    return fresh


def _role(version: Model) -> Role:
    return "policy" if version.path else "base"


def _overlap(chosen: Sequence[Prompt], share: float, seed: int) -> set[int]:
    """Prompts for several people: all that are held out, and others drawn until the share is reached."""
    heldout = {p.id for p in chosen if p.split == "eval"}
    others = [p.id for p in chosen if p.id not in heldout]
    lacking = max(0, round(share * len(chosen)) - len(heldout))
    return heldout | set(random.Random(seed).sample(others, min(lacking, len(others))))


def _copies(made: Sequence[Task], overlap: set[int], people: int) -> list[Task]:
    """The tasks to open: one for each person who is to rank it, so several equal ones for a prompt of `overlap`."""
    alone, shared = [t for t in made if t.prompt_id not in overlap], [t for t in made if t.prompt_id in overlap]
    twins = [dataclasses.replace(task, reason="overlap") for task in shared for _ in range(people)]
    return sorted([*alone, *twins], key=lambda task: task.prompt_id)


def _tasks(db: Database, chosen: Sequence[Prompt], wanted: Sequence[tuple[int, int]], limit: int) -> list[Task]:
    """One task for each prompt, of the newest responses of each model: `wanted` pairs its id with how many.

    Equal texts are shown once, `limit` of them at most; a prompt whose responses are all one text gets no task.
    """
    newest: dict[tuple[int, int | None], list[Response]] = defaultdict(list)
    for r in responses.every(db):
        newest[r.prompt_id, r.model_id].insert(0, r)
    made = []
    for prompt in chosen:
        texts: dict[str, int] = {}
        for model_id, count in wanted:
            for r in newest[prompt.id, model_id][:count]:
                texts.setdefault(r.text, r.id)
        if len(texts) > 1:
            made.append(Task(prompt.id, tuple(sorted(texts.values()))[:limit]))
    return made
