"""The research page's panels: what the store knows, as HTML. Every text is escaped."""

from datetime import UTC, datetime
from html import escape
from typing import Any

from sqlite_utils import Database

from annotate.charts import figure, line_chart
from store import jobs, models, prompts, rankings, responses, tasks
from store.records import Job, Model

KIND_NAMES = {"reward": "Reward model", "round": "PPO round", "ppo": "PPO", "sft": "Supervised fine-tuning"}
JOBS_SHOWN = 8
WAIT_FOR_WORKER = 15.0
"""A job that waits for longer while nothing runs is waiting for a worker that is not there."""

# What a researcher looks at first, by how the name begins; the other curves follow by name.
_FIRST_CURVES = (
    "reward/score",
    "kl/k3",
    "losses/reward",
    "reward/total",
    "policy/entropy",
    "kl",
    "value",
    "responses",
)
_CURVES_SHOWN = 8
_FACTS_SHOWN = 8
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


def rounds(db: Database) -> str:
    """The latest turns of the loop: curves and a table."""
    made = models.rounds(db)[-50:]
    if not made:
        return _section("Rounds", _empty("No round is finished yet. Rank some responses, then run one."))
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
    return _section("Rounds", f'<div class="charts">{charts}</div>{_table(head, rows)}')


def lineage(db: Database) -> str:
    """The model versions, newest first, each with the chain that it comes from."""
    every = models.every(db)
    if not every:
        return _section("Models", _empty("No model yet."))
    by_id = {model.id: model for model in every}
    rows = "".join(
        f'<tr><td class="name">{escape(m.name)}</td><td>{m.kind}</td><td>{_chain(m, by_id)}</td>'
        f'<td class="facts">{_facts(m.metrics)}</td><td>{_ago(m.created)}</td></tr>'
        for m in reversed(every)
    )
    heads = ("Model", "Kind", "Comes from", "Measured", "Made")
    return _section("Models", _table("".join(f"<th>{head}</th>" for head in heads), rows))


def curves(db: Database) -> str:
    """The metrics of the latest job that has any, step by step."""
    for job in jobs.recent(db):
        series = {name: points for name, points in jobs.series(db, job.id).items() if points}
        if series:
            drawn = [line_chart(name, series[name]) for name in sorted(series, key=_importance)]
            rest = "".join(drawn[_CURVES_SHOWN:])
            more = (
                f'<details><summary>All metrics</summary><div class="charts">{rest}</div></details>' if rest else ""
            )
            shown = "".join(drawn[:_CURVES_SHOWN])
            return _section(f"{_kind(job)}, job {job.id}, step by step", f'<div class="charts">{shown}</div>{more}')
    return ""


def job_list(db: Database) -> str:
    """The latest jobs: how far, what came of them, and a way to stop those that have not ended."""
    recent = jobs.recent(db, JOBS_SHOWN)
    if not recent:
        return _empty("No job yet.")
    return '<ol class="jobs">' + "".join(_job(job) for job in recent) + "</ol>"


def notice(db: Database) -> str:
    """Why a button cannot be pressed, and whether a worker is missing."""
    active = jobs.active(db)
    lines = [
        f"{_kind(job)}: job {job.id} is {job.state}; the button comes back when it ends."
        for job in active
        if job.kind in ("reward", "round")
    ]
    waiting = [job for job in active if job.state == "queued" and _age(job.created) > WAIT_FOR_WORKER]
    if waiting and len(waiting) == len(active):
        lines.append("No worker has taken it: start one with <code>python launch.py work</code>.")
    return f'<p class="notice" role="status">{"<br>".join(lines)}</p>'


def _job(job: Job) -> str:
    open_ = job.state in ("queued", "running")
    percent = round(100 * job.progress)
    bar = (
        f'<div class="progress" role="progressbar" aria-label="Job {job.id}" aria-valuenow="{percent}"'
        f' aria-valuemin="0" aria-valuemax="100"><i style="width:{percent}%"></i></div>'
    )
    when = f"job {job.id} · {_ago(job.created)}"
    corner = f'<button type="button" data-cancel="{job.id}">Cancel</button>' if open_ else f"<i>{when}</i>"
    state = f"{job.state} {percent}%" if job.state == "running" else job.state
    note = f"<p>{' · '.join(filter(None, (when, escape(job.note))))}</p>" if open_ else ""
    error = f'<p class="error">{escape(job.error)}</p>' if job.error else ""
    result = f'<p class="facts">{_facts(_flat(job.result))}</p>' if job.result else ""
    return f"""<li class="{job.state}" data-job="{job.id}"><div class="line"><b>{_kind(job)}</b>
<span class="state">{state}</span>{corner}</div>{bar if job.state == "running" else ""}{note}{error}{result}</li>"""


def _flat(result: dict[str, Any]) -> dict[str, Any]:
    """A result that lists rounds is told by its last one."""
    listed = result.get("rounds")
    if isinstance(listed, list) and listed and isinstance(listed[-1], dict):
        return listed[-1]
    return result


def _facts(values: dict[str, Any]) -> str:
    told = {name: value for name, value in values.items() if isinstance(value, int | float | str)}
    return " ".join(
        f"<span>{escape(name.replace('_', ' '))} <b>{figure(value)[:60]}</b></span>"
        for name, value in list(told.items())[:_FACTS_SHOWN]
    )


def _kind(job: Job) -> str:
    return escape(KIND_NAMES.get(job.kind, job.kind.capitalize()))


def _chain(model: Model, by_id: dict[int, Model]) -> str:
    names: list[str] = []
    parent = model.parent_id
    while parent in by_id and len(names) < 50:
        names.append(escape(by_id[parent].name))
        parent = by_id[parent].parent_id
    shown = names if len(names) <= 3 else [*names[:2], "…", names[-1]]
    return " ← ".join(shown) or f"{escape(model.base_model)} (base)"


def _importance(name: str) -> tuple[int, str]:
    return next((i for i, start in enumerate(_FIRST_CURVES) if name.startswith(start)), len(_FIRST_CURVES)), name


def _cell(metrics: dict[str, Any], key: str) -> str:
    keys = ("reward_before", "reward_after") if key == "reward" else (key,)
    return " → ".join(figure(metrics[k]) for k in keys if metrics.get(k) is not None)


def _table(head: str, rows: str) -> str:
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _section(title: str, body: str) -> str:
    return f'<section class="panel"><h2>{title}</h2>{body}</section>'


def _empty(text: str) -> str:
    return f'<p class="empty">{text}</p>'


def _age(created: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds()


def _ago(created: str) -> str:
    seconds = _age(created)
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            n = int(seconds // size)
            return f"{n} {name}{'s' * (n > 1)} ago"
    return "just now"
