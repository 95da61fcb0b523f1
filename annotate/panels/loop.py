"""How the loop goes: how much there is, the rounds, and the versions with their lineage."""

from html import escape
from typing import Any

from sqlite_utils import Database

from annotate.charts import figure, line_chart
from annotate.panels.parts import ago, empty, facts, section, table
from store import models, prompts, rankings, responses, rounds, tasks
from store.records import Model

_ROUND_COLUMNS = {
    "policy": "Policy",
    "rankings": "Rankings",
    "reward_accuracy": "Reward accuracy",
    "reward": "Reward",
    "kl": "KL",
    "win_rate": "Win rate",
    "seconds": "Seconds",
}


def counts(db: Database) -> str:
    """How much of everything there is."""
    people, simulated = rankings.people_and_simulated(db)
    figures = (
        (prompts.count(db), "prompts"),
        (responses.count(db), "responses"),
        (people, "rankings by people"),
        (simulated, "by simulated annotators"),
        (tasks.count_open(db), "open tasks"),
    )
    return (
        '<dl class="counts">' + "".join(f"<div><dd>{figure(n)}</dd><dt>{w}</dt></div>" for n, w in figures) + "</dl>"
    )


def turns(db: Database) -> str:
    """The latest turns of the loop: curves and a table."""
    made = rounds.every(db)[-50:]
    if not made:
        return section("Rounds", empty("No round is finished yet. Rank some responses, then run one."))
    charts = "".join(
        line_chart(
            title,
            [(r.number, r.metrics[key]) for r in made if isinstance(r.metrics.get(key), int | float)],
            x_name="round",
            bounds=(0.0, 1.0) if key != "kl" else None,
        )
        for key, title in (
            ("win_rate", "Win rate over base"),
            ("reward_accuracy", "Reward accuracy"),
            ("kl", "KL"),
        )
    )
    head = "".join(f"<th>{name}</th>" for name in ("Round", *_ROUND_COLUMNS.values()))
    rows = "".join(
        f"<tr><td>{r.number}</td>" + "".join(f"<td>{_cell(r.metrics, key)}</td>" for key in _ROUND_COLUMNS) + "</tr>"
        for r in reversed(made[-8:])
    )
    return section("Rounds", f'<div class="charts">{charts}</div>{table(head, rows)}')


def lineage(db: Database) -> str:
    """The model versions, newest first, each with the chain that it comes from."""
    every = models.every(db)
    if not every:
        return section("Models", empty("No model yet."))
    by_id = {model.id: model for model in every}
    rows = "".join(
        f'<tr><td class="name">{escape(m.name)}</td><td>{m.kind}</td><td>{_chain(m, by_id)}</td>'
        f'<td class="facts">{facts(m.metrics)}</td><td>{ago(m.created)}</td></tr>'
        for m in reversed(every)
    )
    heads = ("Model", "Kind", "Comes from", "Measured", "Made")
    return section("Models", table("".join(f"<th>{head}</th>" for head in heads), rows))


def _chain(model: Model, by_id: dict[int, Model]) -> str:
    names: list[str] = []
    parent = model.parent_id
    while parent in by_id and len(names) < 50:
        names.append(escape(by_id[parent].name))
        parent = by_id[parent].parent_id
    shown = names if len(names) <= 3 else [*names[:2], "…", names[-1]]
    return " ← ".join(shown) or f"{escape(model.base_model)} (base)"


def _cell(metrics: dict[str, Any], key: str) -> str:
    keys = ("reward_before", "reward_after") if key == "reward" else (key,)
    return " → ".join(figure(metrics[k]) for k in keys if metrics.get(k) is not None)
