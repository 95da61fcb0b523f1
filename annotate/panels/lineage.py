"""All models: the policies as a tree, each below the one that it was trained on from, and a table of everything."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from sqlite_utils import Database

from annotate.panels.parts import ago, clip, decimal, empty, facts, heads, percent, section, table
from store import models
from store.records import Model
from store.results import PolicyComparison, TunedFigures, comparison, tuned

MOST_ANCESTORS = 50
"""Where the walk from a model to its parents stops: it is done for every model, each time the page asks."""
ANCESTORS_SHOWN = 3
"""A longer chain is told by its first two and its last name."""
POLICIES_DRAWN = 40
"""The newest policies, which the tree shows; the table has all of them."""
MOST_NAME = 40
"""Characters of a name in the tree."""

ROW, LANE, RADIUS = 52, 22, 6
"""Pixels from one policy of the tree to the next, from one branch to the next, and of a dot."""


@dataclass(frozen=True)
class Place:
    """Where a policy stands in the tree: its row, its lane, and the place of its parent where that is drawn."""

    model: Model
    row: int
    lane: int
    parent: "Place | None"


def lineage(db: Database) -> Markup:
    """All models, newest first, each with the models that it comes from; the policies as a tree above them."""
    every = models.every(db)
    if not every:
        return section("Models", empty("No model yet."))
    by_id = {model.id: model for model in every}
    row = Markup('<tr><td class="name">{}</td><td>{}</td><td>{}</td><td class="facts">{}</td><td>{}</td></tr>')
    rows = Markup("").join(
        row.format(model.name, model.kind, _chain(model, by_id), facts(model.metrics), ago(model.created))
        for model in reversed(every)
    )
    listed = table(heads("Model", "Kind", "Comes from", "Measured", "Made"), rows)
    tree = _tree([model for model in every if model.kind == "policy"], by_id, models.generator(db))
    return section("Models", tree + listed)


def places(policies: Sequence[Model]) -> list[Place]:
    """The tree from top to bottom: a policy, its branches one lane to the right each, and its longest line straight
    down. So no line crosses another."""
    children: dict[int | None, list[Model]] = {}
    drawn = {model.id for model in policies}
    for model in policies:
        above = model.parent_id if model.parent_id in drawn else None
        children.setdefault(above, []).append(model)
    depth: dict[int, int] = {}
    for model in sorted(policies, key=lambda m: -m.id):  # a child is younger than its parent
        depth[model.id] = 1 + max((depth.get(child.id, 0) for child in children.get(model.id, ())), default=0)
    placed: list[Place] = []
    # Not a recursion: a line of hundreds of rounds is deeper than Python goes.
    waiting: list[tuple[Model, int, Place | None]] = [(m, 0, None) for m in reversed(children.get(None, ()))]
    while waiting:
        model, lane, parent = waiting.pop()
        placed.append(Place(model, len(placed), lane, parent))
        below = sorted(children.get(model.id, ()), key=lambda m: (depth[m.id], m.id))
        lanes = [lane + 1] * (len(below) - 1) + [lane]
        waiting += reversed([(child, at, placed[-1]) for child, at in zip(below, lanes, strict=False)])
    return placed


def _tree(policies: Sequence[Model], by_id: dict[int, Model], generator: Model | None) -> Markup:
    placed = places(policies[-POLICIES_DRAWN:])
    if not placed:
        return Markup("")
    width = LANE * (2 + max(place.lane for place in placed))
    lines = Markup("").join(_line(place) for place in placed)
    dots = Markup("").join(
        Markup('<circle class="{}" cx="{}" cy="{}" r="{}"/>').format(_way(p.model), _x(p), _y(p), RADIUS)
        for p in placed
    )
    told = Markup("").join(_policy(place.model, by_id, generator) for place in placed)
    drawn = Markup('<svg width="{w}" height="{h}" viewBox="0 0 {w} {h}" aria-hidden="true">{}{}</svg>').format(
        lines, dots, w=width, h=ROW * len(placed)
    )
    return Markup('<div class="tree">{}<ol>{}</ol></div>').format(drawn, told)


def _line(place: Place) -> Markup:
    """From a policy up to its parent: straight down the lane, with a bend into another one just above the policy."""
    if place.parent is None:
        return Markup("")
    x, y, from_x, from_y = _x(place), _y(place), _x(place.parent), _y(place.parent)
    bend = y - ROW
    path = f"M{from_x} {from_y} L{from_x} {bend} C{from_x} {bend + ROW * 0.6:g} {x} {bend + ROW * 0.4:g} {x} {y}"
    return Markup('<path class="{}" d="{}"/>').format(_way(place.model), path)


def _x(place: Place) -> int:
    return LANE * (1 + place.lane)


def _y(place: Place) -> int:
    return ROW * place.row + ROW // 2


def _way(model: Model) -> str:
    """How a policy was made, as the class that colours it."""
    return model.made_by if model.made_by in ("sft", "dpo", "ppo") else "other"


def _policy(model: Model, by_id: dict[int, Model], generator: Model | None) -> Markup:
    parent, judge = by_id.get(model.parent_id or 0), by_id.get(model.reward_id or 0)
    how = f"{model.made_by} from {clip(parent.name, MOST_NAME)}" if parent else clip(model.base_model, MOST_NAME)
    against = f" against {clip(judge.name, MOST_NAME)}" if judge else ""
    mark = Markup('<span class="tag">default generator</span>') if generator == model else ""
    figures = Markup(" ").join(
        Markup("<span>{} <b>{}</b></span>").format(name, value) for name, value in _measured(model)
    )
    return Markup('<li class="{}"><div><b>{}</b>{}<small>{}</small></div><p class="facts">{}</p></li>').format(
        _way(model), clip(model.name, MOST_NAME), mark, how + against, figures
    )


def _measured(model: Model) -> Iterator[tuple[str, str]]:
    """What is known of a policy: how far it is from the base, what it forgot, and how good it was found."""
    found: PolicyComparison | TunedFigures | None = comparison(model) or tuned(model)
    if found is None:
        return
    if found.kl is not None:
        yield "KL", decimal(found.kl, 1)
    if forgot := found.forgetting:
        yield "forgetting", f"{'+' if forgot.after >= forgot.before else ''}{decimal(forgot.after - forgot.before)}"
    if isinstance(found, PolicyComparison):
        if found.win_rate is not None:
            yield "win rate", percent(found.win_rate)
    elif found.loss_before is not None and found.loss_after is not None:
        yield "loss", f"{decimal(found.loss_before)} → {decimal(found.loss_after)}"


def _chain(model: Model, by_id: dict[int, Model]) -> str:
    names: list[str] = []
    parent = model.parent_id
    while parent in by_id and len(names) < MOST_ANCESTORS:
        names.append(by_id[parent].name)
        parent = by_id[parent].parent_id
    shown = names if len(names) <= ANCESTORS_SHOWN else [*names[:2], "…", names[-1]]
    return " ← ".join(shown) or f"{model.base_model} (base)"
