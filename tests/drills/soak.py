"""Many people and jobs for a long time: memory, open files, the log of the store and the waiting do not grow."""

import os
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from store import jobs
from store.workspace import Workspace, create
from tests.drills.killed_jobs import started
from tests.drills.people import OVERLAP, Person, crowded, wrong
from tests.drills.table import Row
from tests.server import Server

READING = 5.0
"""Seconds that a person looks at a task, about."""
LOOK_EVERY = 2.0
"""Seconds from one look at the server to the next."""
JOB_EVERY = 20.0
"""Seconds from one rating to the next."""
MOST_GROWTH_MB, MOST_LOG_MB, MOST_FILES = 60.0, 64.0, 20
"""What is called growth: of memory, of the log in all, of open files."""


@dataclass(frozen=True)
class Look:
    """The web process and its store at one moment."""

    memory: float
    files: int
    log: float
    threads: int

    def __str__(self) -> str:
        return f"{self.memory:.0f} MB, {self.files} files, {self.threads} threads, log {self.log:.1f} MB"


def look(server: Server, workspace: Workspace) -> Look:
    assert server.running
    process = Path("/proc") / str(server.running.pid)
    told = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line)
    log = workspace.database.with_name("feedback.db-wal")
    size = log.stat().st_size / 2**20 if log.exists() else 0.0
    files = len(os.listdir(process / "fd"))
    return Look(int(told["VmRSS"].split()[0]) / 1024, files, size, int(told["Threads"]))


def middle(looks: list[Look]) -> Look:
    """The median of each figure: at any one moment some people ask, and more files are open."""
    memory, log = (statistics.median(getattr(one, name) for one in looks) for name in ("memory", "log"))
    files, threads = (statistics.median_low([getattr(one, name) for one in looks]) for name in ("files", "threads"))
    return Look(memory, files, log, threads)


def drill(minutes: float, people: int = 50) -> Row:
    """Let so many people rank for so long, while a worker rates again and again."""
    seconds = 60 * minutes
    with tempfile.TemporaryDirectory(prefix="drill-soak-") as folder:
        workspace = create(Path(folder) / "workspace", "")
        crowd = crowded(workspace, people, 100 + int(seconds * people / READING / OVERLAP * 1.5), READING)
        server, until = Server(workspace), threading.Event()
        server.start()
        worker = started(workspace)
        threads = [threading.Thread(target=p.rank, args=(server.url, until)) for p in crowd]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        try:
            time.sleep(seconds / 10)  # until everybody has a page, and everything was loaded once
            looks, asked_at = [], began
            while time.monotonic() - began < seconds:
                if time.monotonic() >= asked_at:
                    asked_at += JOB_EVERY
                    with workspace.store() as db:
                        if not jobs.active(db):
                            jobs.enqueue(db, "rate", {})
                time.sleep(min(LOOK_EVERY, max(0.1, seconds - (time.monotonic() - began))))
                looks.append(look(server, workspace))
                print(f"soak: {time.monotonic() - began:.0f} s, {looks[-1]}", file=sys.stderr)
            fifth = max(1, len(looks) // 5)
            first, last = middle(looks[:fifth]), middle(looks[-fifth:])
        finally:
            until.set()
            for thread in threads:
                thread.join()
            worker.terminate()
            worker.wait(30)
            server.kill()
        broken, rated = wrong(workspace, crowd), _rated(workspace)
    broken += _grown(first, last) + [text for person in crowd for text in person.bare]
    acknowledged = sum(len(p.acknowledged) for p in crowd)
    early, late = (_waits(crowd, began + share * seconds, began + (share + 0.1) * seconds) for share in (0.1, 0.9))
    told = f"{acknowledged} acknowledged, {rated} ratings; at the start {first}, {early}; at the end {last}, {late}"
    command = f"python -m tests.drills soak --minutes {minutes:g}"
    what = f"{people} people, who read for {READING:g} s, and a rating every {JOB_EVERY:g} s"
    return Row(what, f"{minutes:g} min", told, tuple(broken), command)


def _rated(workspace: Workspace) -> int:
    with workspace.store() as db:
        return sum(job.state == "done" for job in jobs.recent(db, 10_000))


def _waits(crowd: list[Person], start: float, end: float) -> str:
    """The median and the 95th percentile of what people waited for an answer, in ms."""
    took = sorted(1000 * wait for person in crowd for asked, wait in person.waits if start <= asked < end)
    if len(took) < 2:
        return "nobody asked"
    return f"waits of {statistics.median(took):.0f} ms (95 %: {took[int(0.95 * len(took))]:.0f})"


def _grown(first: Look, last: Look) -> list[str]:
    found = [f"memory grew by {last.memory - first.memory:.0f} MB"] * (last.memory - first.memory > MOST_GROWTH_MB)
    found += [f"open files grew by {last.files - first.files}"] * (last.files - first.files > MOST_FILES)
    return found + [f"the log is {last.log:.0f} MB"] * (last.log > MOST_LOG_MB)
