"""The jobs: what is being done, how far it is, and the curves that it leaves."""

from collections.abc import Container
from html import escape
from typing import Any

from sqlite_utils import Database

from annotate.charts import line_chart
from annotate.panels.parts import age, ago, empty, facts, section
from store import jobs
from store.records import Job

KIND_NAMES = {
    "reward": "Reward model",
    "round": "PPO round",
    "ppo": "PPO",
    "rate": "Rating",
    "sft": "Supervised fine-tuning",
}
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
            return section(f"{_kind(job)}, job {job.id}, step by step", f'<div class="charts">{shown}</div>{more}')
    return ""


def job_list(db: Database) -> str:
    """The latest jobs: how far, what came of them, and a way to stop those that have not ended."""
    recent = jobs.recent(db, JOBS_SHOWN)
    if not recent:
        return empty("No job yet.")
    return '<ol class="jobs">' + "".join(_job(job) for job in recent) + "</ol>"


def notice(db: Database, buttons: Container[str]) -> str:
    """Why a button cannot be pressed, and whether a worker is missing."""
    active = jobs.active(db)
    lines = [
        f"{_kind(job)}: job {job.id} is {job.state}; the button comes back when it ends."
        for job in active
        if job.kind in buttons
    ]
    waiting = [job for job in active if job.state == "queued" and age(job.created) > WAIT_FOR_WORKER]
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
    when = f"job {job.id} · {ago(job.created)}"
    corner = f'<button type="button" data-cancel="{job.id}">Cancel</button>' if open_ else f"<i>{when}</i>"
    state = f"{job.state} {percent}%" if job.state == "running" else job.state
    note = f"<p>{' · '.join(filter(None, (when, escape(job.note))))}</p>" if open_ else ""
    error = f'<p class="error">{escape(job.error)}</p>' if job.error else ""
    result = f'<p class="facts">{facts(_flat(job.result))}</p>' if job.result else ""
    return f"""<li class="{job.state}" data-job="{job.id}"><div class="line"><b>{_kind(job)}</b>
<span class="state">{state}</span>{corner}</div>{bar if job.state == "running" else ""}{note}{error}{result}</li>"""


def _flat(result: dict[str, Any]) -> dict[str, Any]:
    """A result that lists rounds is told by its last one."""
    listed = result.get("rounds")
    if isinstance(listed, list) and listed and isinstance(listed[-1], dict):
        return listed[-1]
    return result


def _kind(job: Job) -> str:
    return escape(KIND_NAMES.get(job.kind, job.kind.capitalize()))


def _importance(name: str) -> tuple[int, str]:
    return next((i for i, start in enumerate(_FIRST_CURVES) if name.startswith(start)), len(_FIRST_CURVES)), name
