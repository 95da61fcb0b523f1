"""The jobs: which ones wait, run or have ended, how far each is, and the curves of what it measures."""

from collections.abc import Container, Mapping, Sequence

from markupsafe import Markup
from sqlite_utils import Database

from annotate.charts import Points, line_chart
from annotate.meanings import MEANINGS
from annotate.panels.parts import about, age, ago, empty, facts, note, section
from rlhf.settings import KINDS
from rlhf.settings.kinds import OWNERS
from store import jobs, leases, workers
from store.called import as_called
from store.leases import Lease
from store.records import Job, Json
from store.results import Answers, read
from store.workers import Worker

JOBS_BEFORE = 2
"""Earlier jobs of the same kind whose curves stand behind those of the newest."""
JOBS_SHOWN = 8
"""What is going on and what came of it lately; all jobs are in the store."""
WAIT_FOR_WORKER = 15.0
"""Seconds: a job that waits for longer while no job runs is waiting for a worker that is not there."""
TELLING_SHARE, TELLING_SECONDS = 0.02, 10.0
"""Before this share of a job is done, and before it has run for so long, its pace says nothing of what is left."""

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
"""As many as are named above; the others are a click away."""

_JOB = Markup("""<li class="{state}" data-job="{id}"><div class="line"><b>{kind}</b>
<span class="state">{told}</span>{corner}</div>{bar}{note}{error}{result}</li>""")

_ALL = Markup('<details data-name="all"><summary>All metrics</summary>{}</details>')
_MEANINGS = Markup("""<details data-name="meanings"><summary>What the metrics mean, and what is healthy</summary>
<dl class="meanings">{}</dl></details>""")
_MEANING = Markup("<dt>{name}</dt><dd>{told} <b>Healthy:</b> {healthy}</dd>")

_ANSWER = Markup("<div><dt>{}</dt><dd>{}{}</dd></div>")

_BAR = Markup(
    '<div class="progress" role="progressbar" aria-label="Job {id}" aria-valuenow="{percent}"'
    ' aria-valuemin="0" aria-valuemax="100"><i style="width:{percent}%"></i></div>'
)


def curves(db: Database) -> Markup:
    """The metrics of the latest job that has any, step by step, over those of the last ones of its kind, and what
    they mean; empty where no job has any."""
    for job in jobs.recent(db):
        if series := jobs.series(db, job.id):
            before = jobs.measured(db, job.kind, job.id, JOBS_BEFORE)
            return section(f"{_kind(job)}, job {job.id}, step by step", _curves(db, series, before))
    return Markup("")


def _curves(db: Database, series: Mapping[str, Points], before: Sequence[int]) -> Markup:
    names = sorted(series, key=_importance)
    earlier = [jobs.series(db, job) for job in before]
    drawn = [_curve(name, series[name], [found[name] for found in earlier if name in found]) for name in names]
    shown, rest = _charts(drawn[:_CURVES_SHOWN]), drawn[_CURVES_SHOWN:]
    if before:
        told = f"job{'s' * (len(before) > 1)} {', '.join(map(str, before))}"
        shown += note(f"Strong: the newest job; faint: {told}, of the same kind, for comparison.")
    if rest:
        shown += _ALL.format(_charts(rest))
    known = Markup("").join(
        _MEANING.format(name=name, told=MEANINGS[name].told, healthy=MEANINGS[name].healthy)
        for name in names
        if name in MEANINGS
    )
    return shown + (_MEANINGS.format(known) if known else Markup(""))


def _curve(name: str, points: Points, earlier: Sequence[Points]) -> Markup:
    known = MEANINGS.get(name)
    told = f"{known.told} Healthy: {known.healthy}" if known else ""
    return line_chart(name, points, told=told, others=earlier)


def job_list(db: Database) -> Markup:
    """The latest jobs: how far each is, what came of it, and a button to cancel it while it has not ended."""
    recent = jobs.recent(db, JOBS_SHOWN)
    held = leases.held(db)
    present = _workers(db, held)
    if not recent:
        return empty("No job yet.") + present
    left, by = jobs.left(db), {lease.job_id: lease for lease in held}
    listed = Markup("").join(_job(job, by.get(job.id), left=job.id in left) for job in recent)
    return Markup('<ol class="jobs">{}</ol>{}').format(listed, present)


def notice(db: Database, buttons: Container[str]) -> Markup:
    """Why a button cannot be pressed, and whether a worker is missing; `buttons` are the kinds that have one."""
    active = jobs.active(db)
    lines: list[str] = [
        f"{_kind(job)}: job {job.id} is {job.state}; the button comes back when it ends."
        for job in active
        if job.kind in buttons
    ]
    owner = leases.owner(db)
    if owner and any(job.state == "queued" and job.kind in OWNERS for job in active):
        lines.append(f"What is queued waits for {owner}, which has the workspace to itself.")
    waiting = [job for job in active if job.state == "queued" and age(job.created) > WAIT_FOR_WORKER]
    if waiting and not workers.living(db):
        start = Markup("<code>{}</code>").format(as_called("python launch.py work"))
        lines.append(Markup("No worker has taken it: start one with {}.").format(start))
    return Markup('<p class="notice" role="status">{}</p>').format(Markup("<br>").join(lines))


def _charts(drawn: list[Markup]) -> Markup:
    return Markup('<div class="charts">{}</div>').format(Markup("").join(drawn))


def _workers(db: Database, held: Sequence[Lease]) -> Markup:
    """A line for each worker that is there: where, what it has to say, and what it does."""
    living = workers.living(db)
    lines = (" · ".join(filter(None, (f"Worker: {w.by}", w.note, _does(w, living, held)))) for w in living)
    return Markup("").join(note(line) for line in lines)


def _does(worker: Worker, living: Sequence[Worker], held: Sequence[Lease]) -> str:
    """What a worker does; empty where several are on its machine, since a job's process does not say whose it is."""
    if sum(other.by.host == worker.by.host for other in living) > 1:
        return ""
    taken = [lease for lease in held if lease.queued and lease.lives and lease.by.host == worker.by.host]
    return f"does job {taken[0].job_id}" if taken else "waits for a job"


def _left(job: Job, lease: Lease) -> str:
    """How long a job will go on if it goes on as it did since its process took it; empty while that says nothing."""
    passed = age(lease.since)
    if job.progress < TELLING_SHARE or passed < TELLING_SECONDS:
        return ""
    return f"{about(passed * (1 - job.progress) / job.progress)} left"


def _job(job: Job, lease: Lease | None, *, left: bool) -> Markup:
    has_ended = job.state not in ("queued", "running")
    running = job.state == "running" and not left
    told = "left" if left else job.state
    where, rest = (str(lease.by), _left(job, lease)) if lease and running else ("", "")
    gone = "its process is gone, and the next worker sees to it" if left else ""
    percent = round(100 * job.progress)
    when = f"job {job.id} · {ago(job.created)}"
    cancel = Markup('<button type="button" data-cancel="{}">Cancel</button>')
    return _JOB.format(
        state=job.state,
        id=job.id,
        kind=_kind(job),
        told=f"running {percent}%" if running else told,
        corner=Markup("<i>{}</i>").format(when) if has_ended else cancel.format(job.id),
        bar=_BAR.format(id=job.id, percent=percent) if running else "",
        note=""
        if has_ended
        else Markup("<p>{}</p>").format(" · ".join(filter(None, (when, rest, where, gone, job.note)))),
        error=Markup('<p class="error">{}</p>').format(job.error) if job.error else "",
        result=_result(job) if job.result else "",
    )


def _result(job: Job) -> Markup:
    """What came of a job: answers side by side, or else its first few figures."""
    if job.kind == "answer":
        told = read(Answers, job.result)
        said = Markup("").join(
            _ANSWER.format(answer.model, answer.text, "" if answer.ended else " …") for answer in told.answers
        )
        return Markup('<blockquote>{}</blockquote><dl class="answers">{}</dl>').format(told.prompt, said)
    return Markup('<p class="facts">{}</p>').format(facts(_flat(job.result)))


def _flat(result: Json) -> Json:
    """The figures to show of a result: of its last round or last policy where it lists several, else all."""
    listed, policies = result.get("rounds"), result.get("policies")
    if isinstance(listed, list) and listed and isinstance(listed[-1], dict):
        return listed[-1]
    if isinstance(policies, list) and policies and isinstance(policies[-1], dict):
        last = policies[-1]
        told = {name: last.get(name) for name in ("win_rate", "low", "high", "reward", "kl")}
        return {"policy": last.get("name"), **told, **{name: result.get(name) for name in ("baseline", "judge")}}
    return result


def _kind(job: Job) -> str:
    kind = KINDS.get(job.kind)
    return kind.title if kind else job.kind.capitalize()


def _importance(name: str) -> tuple[int, str]:
    return next((i for i, start in enumerate(_FIRST_CURVES) if name.startswith(start)), len(_FIRST_CURVES)), name
