"""The log of a job while it runs: the last lines of what its process wrote, as text."""

import os
from pathlib import Path

from markupsafe import Markup
from sqlite_utils import Database

from annotate.panels.parts import count, note, section
from store import jobs
from store.records import Job

LINES = 14
"""The newest lines that are shown: as many as are read at a glance."""
BYTES = 8192
"""So much of the end of a file is read, however long it is."""
LOGS = 3
"""Jobs that run at once and have their logs shown, the newest first."""

_LOG = Markup('<pre class="log" tabindex="0" aria-label="Log of job {id}">{text}</pre>')


def log(db: Database, runs: Path) -> Markup:
    """What the running jobs wrote to `runs`, or else the newest job that failed; empty where there is nothing."""
    recent = jobs.recent(db)
    shown = [job for job in recent if job.state == "running"][:LOGS]
    if not shown and recent and recent[0].state == "failed":
        shown = recent[:1]
    return Markup("").join(_log(job, runs) for job in shown)


def _log(job: Job, runs: Path) -> Markup:
    lines = tail(runs / f"job-{job.id}.log")
    if not lines:
        return Markup("")
    body = _LOG.format(id=job.id, text="\n".join(lines))
    told = note(f"The last {count(len(lines), 'line')} of runs/job-{job.id}.log.")
    return section(f"Log of job {job.id}", body + told)


def tail(path: Path) -> list[str]:
    """The last lines of a file, without empty ones; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(size - BYTES, 0))
            read = file.read(BYTES)
    except OSError:
        return []
    lines = read.decode("utf-8", "replace").splitlines()
    whole = lines[1:] if size > BYTES and len(lines) > 1 else lines  # the first one was cut
    return [line.rstrip() for line in whole if line.strip()][-LINES:]
