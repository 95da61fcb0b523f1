"""Policy -> fresh responses, and tasks to rank them together with those of other versions."""

from __future__ import annotations

import dataclasses
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlite_utils import Database

from rlhf import training
from rlhf.stages.context import Context
from rlhf.stages.repeats import open_repeats
from store import models, prompts, responses, tasks
from store.errors import NotReady
from store.records import Model, Prompt, Response, Task

if TYPE_CHECKING:
    from rlhf.training.models import RoleModel


@dataclass(frozen=True)
class Generated:
    """The version that answered, how many prompts with how many responses, and the tasks opened to rank them.

    `skipped` says why nothing was sampled where every prompt had its answers already.
    """

    model: str
    prompts: int
    responses: int
    tasks: int
    skipped: str | None = None


def generate(ctx: Context, *, model: str | None = None) -> Generated:
    """Responses of a version to the prompts it has not answered, and tasks to rank them; and tasks to rank again.

    The version is the one that was promoted, or the latest policy. In each task `previous` and `base` responses are
    of the version before and of the base, so that people compare versions by ordinary work. Equal texts
    are shown once. Raises NotReady where there is no prompt.
    """
    config, sampling = ctx.settings.generate, ctx.settings.sampling
    with ctx.store() as db:
        version = models.named(db, model) if model else _default_generator(db)
        again = open_repeats(db, config.repeat_share, sampling.seed)
        chosen = _prompts_in_need(db, version, config.prompts)
        others = _others(db, version, config.previous, config.base)
    if not chosen:
        return Generated(
            version.name,
            0,
            0,
            again,
            f"{version.name} has answered every prompt: import more, or train another version.",
        )
    own = sampling.responses - sum(n for _, n in others)
    loaded = ctx.load_model()
    for other, count in [(version, own), *others]:
        _answer(ctx, loaded, other, chosen, count)
    with ctx.store() as db:
        wanted = [(version.id, own), *((other.id, n) for other, n in others)]
        made = _tasks(db, chosen, wanted, sampling.responses)
        copies = _copies(made, _overlap(chosen, config.overlap_share, sampling.seed), config.overlap_annotators)
        tasks.add(db, copies)
    return Generated(version.name, len(chosen), len(chosen) * own, len(copies) + again)


def _default_generator(db: Database) -> Model:
    if version := models.generator(db) or models.latest(db, "policy"):
        return version
    raise NotReady("The workspace has no policy: make it again with `python launch.py init`.")


def _prompts_in_need(db: Database, version: Model, limit: int) -> list[Prompt]:
    """Prompts that the version has not answered, those with the fewest tasks first."""
    answered = {r.prompt_id for r in responses.of_model(db, version.id)}
    stored = prompts.every(db)
    if not stored:
        raise NotReady("There are 0 prompts: import some with `python launch.py import FILE`.")
    open_tasks = tasks.per_prompt(db)
    waiting = sorted((p for p in stored if p.id not in answered), key=lambda p: (open_tasks.get(p.id, 0), p.id))
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


def _answer(ctx: Context, model: RoleModel, version: Model, chosen: Sequence[Prompt], count: int) -> None:
    """Sample what is missing of `count` responses of a version to each prompt, and store it."""
    with ctx.store() as db:
        have: dict[int, int] = defaultdict(int)
        for r in responses.of_model(db, version.id):
            have[r.prompt_id] += 1
    lacking = [p for p in chosen if have[p.id] < count]
    if not lacking:
        return
    ctx.load_role(model, version)
    config = dataclasses.replace(ctx.settings.sampling, responses=count, seed=ctx.settings.sampling.seed + version.id)
    groups = training.sampling.sample(
        model, [p.messages for p in lacking], config, role="policy" if version.path else "base", progress=ctx.progress
    )
    recipe = {k: v for k, v in dataclasses.asdict(config).items() if k in ("temperature", "top_p", "max_new_tokens")}
    with ctx.store() as db:
        responses.add(
            db,
            [
                Response(p.id, version.id, s.text, s.seed, recipe, s.finish_reason)
                for p, group in zip(lacking, groups, strict=True)
                for s in group
            ],
        )


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
