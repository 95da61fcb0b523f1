"""The worker: takes queued jobs one at a time and does each in a process of its own.

    python -m rlhf.jobs.worker --workspace DIR [--tied] [--job N --lease M]

A child that runs out of memory takes neither the page nor the worker with it. A job whose process died goes back to
the queue; since finished stages are skipped, it goes on where it stopped. With `--tied` a process ends when its
standard input closes, as it does when the parent dies: no worker outlives its `serve`, and no child its worker.
"""

import argparse
import dataclasses
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from rlhf.jobs.copies import Copies
from rlhf.jobs.messages import telling
from rlhf.jobs.pulse import END_SECONDS, MOST_PAUSE, end_with_parent, insist
from rlhf.settings.kinds import KINDS, OWNERS
from store import jobs, leases, workers
from store.called import as_called
from store.errors import NewerWorkspace, PlatformError
from store.leases import Fence
from store.processes import forget, process
from store.records import Job
from store.workspace import Workspace

POLL_SECONDS = 0.5
"""How often the worker looks for jobs, and whether the one it runs was cancelled."""
PRESENCE_SECONDS = 5.0
"""How often it says that it is there, for the research page: on this machine the process itself is asked."""
KILL_AFTER_SECONDS = END_SECONDS
"""How long a child that was told to end may take before it is killed."""

log = logging.getLogger(__name__)


class Presence:
    """What the worker tells the page of itself, as far as the store can be written."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.id: int | None = None
        self.note = ""
        self.due = 0.0

    def say(self, note: str = "") -> None:
        """Beat where it is time to, or where there is something new to say."""
        if note != self.note or time.monotonic() >= self.due:
            with self.workspace.store() as db:
                self.id = workers.beat(db, self.id, note)
            self.note, self.due = note, time.monotonic() + PRESENCE_SECONDS

    def leave(self) -> None:
        """Take the worker off the page; where that cannot be written, its process is seen to be gone."""
        try:
            with self.workspace.store() as db:
                workers.leave(db, self.id or 0)
        except (sqlite3.Error, OSError, PlatformError) as error:
            log.warning("the worker could not say that it ends: %s", error)


def work(workspace: Workspace, *, once: bool = False) -> None:
    """Do queued jobs until interrupted; with `once`, until none is left that can be taken.

    A store that cannot be written (a lock, a full disk) is waited for, with pauses that grow, and said on the page.
    """
    with workspace.store():  # a folder that is no workspace is refused at once, and not waited for
        presence, copies = Presence(workspace), Copies(workspace)
    with telling(workspace):
        _take_turns(workspace, presence, copies, once)


def _take_turns(workspace: Workspace, presence: Presence, copies: Copies, once: bool) -> None:
    """Jobs, one after the other, and what there is to do between them."""
    pause, since = POLL_SECONDS, 0.0
    try:
        while True:
            try:
                presence.say(_went_on(since) if since else presence.note)
                since, pause = 0.0, POLL_SECONDS
                job = take(workspace)
                if job is not None:
                    supervise(workspace, job, presence)
                elif once:
                    return
                elif trouble := copies.make_if_due():
                    presence.say(trouble)
            except NewerWorkspace:
                raise
            except (sqlite3.Error, OSError, PlatformError) as error:
                forget()  # nobody could beat either
                since = since or time.time()
                pause = min(2 * pause, MOST_PAUSE)
                log.warning("the worker waits and goes on: %s", error)
                time.sleep(pause)
                continue
            if job is None:
                time.sleep(pause)
    finally:
        presence.leave()


def _went_on(since: float) -> str:
    """What the page is told once the store can be written again; while it cannot, the page cannot be told."""
    at = time.strftime("%H:%M", time.gmtime(since))
    return f"the store could not be written at {at} UTC: it waited for {time.time() - since:.0f} s and went on"


def take(workspace: Workspace) -> Job | None:
    """The next job for this process, after the jobs of the dead have gone back to the queue."""
    with workspace.store() as db:
        jobs.settle(db)
        return jobs.claim(db, os.getpid(), owners=OWNERS)


def supervise(workspace: Workspace, job: Job, presence: Presence | None = None) -> None:
    """Run one job in a child with a session of its own; end it when the job is cancelled or the worker stops.

    The child beats, and writes under the number of the job's lease. That this worker cannot write is no reason to
    end it.
    """
    command = [sys.executable, "-m", "rlhf.jobs.worker", "--tied", "--workspace", str(workspace.folder)]
    command += ["--job", str(job.id), "--lease", str(job.lease)]
    child, blind = None, False
    try:
        with (workspace.runs / f"job-{job.id}.log").open("a") as output:
            child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True
            )
        while child.poll() is None:
            time.sleep(POLL_SECONDS)
            try:
                if presence:
                    presence.say(presence.note)
                with workspace.store() as db:
                    cancelled = jobs.get(db, job.id).state == "cancelled"
            except (sqlite3.Error, OSError, PlatformError) as error:
                if not blind:  # said once, and not twice a second
                    log.warning("the worker cannot look after job %d: %s", job.id, error)
                blind = True
                continue
            blind = False
            if cancelled:
                end(child)
    except BaseException:
        if child:
            end(child)
        # Where this cannot be written, the next worker sees that the child is dead.
        with suppress(sqlite3.Error, PlatformError), workspace.store() as db:
            jobs.requeue(db, job.id, job.lease)
        raise
    finally:
        if child and child.stdin:
            child.stdin.close()
    insist(lambda: _wordless(workspace, job, child.returncode))


def _wordless(workspace: Workspace, job: Job, code: int) -> None:
    """Say what became of a job whose child stored neither a result nor an error, and give its lease up."""
    with workspace.store() as db:
        if job.lease in (lease.number for lease in leases.held(db)) and jobs.get(db, job.id).state == "running":
            if code < 0:  # by a signal: most often the system, which ran out of memory
                jobs.died(db, job.id, job.lease, f"its process was ended by {signal.Signals(-code).name}")
            else:
                jobs.fail(db, job.id, f"The process ended with code {code}: see runs/job-{job.id}.log.")
        leases.release(db, job.lease)


def end(child: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM, and SIGKILL to the child's whole session if it has not ended after `KILL_AFTER_SECONDS`."""
    child.terminate()
    try:
        child.wait(KILL_AFTER_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _do(workspace: Workspace, job_id: int, number: int) -> int:
    """The child: one job, which its worker has claimed under this number; returns the exit status."""
    from rlhf.jobs.execute import execute  # here, since the waiting worker does without it

    def adopt() -> Job:
        with workspace.store(Fence(job_id, number)) as db:
            leases.adopt(db, number, process(os.getpid()))
            return jobs.get(db, job_id)

    try:
        job = dataclasses.replace(insist(adopt), lease=number)
        if refused := _by_hand_only(job):
            with workspace.store(Fence(job_id, number)) as db:
                jobs.fail(db, job_id, refused)
            return 1
        execute(workspace, job)
    except PlatformError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _by_hand_only(job: Job) -> str:
    """Why a queued job is not done: whoever may ask for work on the page is not thereby to run programs here."""
    named = [name for name in (KINDS[job.kind].by_hand if job.kind in KINDS else ()) if job.params.get(name)]
    if not named:
        return ""
    flag = f"--{named[0].replace('_', '-')}"
    by_hand = as_called(f"`python launch.py {job.kind} {flag} ...`")
    return f"{named[0]} names a program to be run: give it by hand, {by_hand}."


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--tied", action="store_true", help="end when standard input closes")
    parser.add_argument("--job", type=int, help="do just this job, which has been claimed already")
    parser.add_argument("--lease", type=int, default=0, help="the number under which it was claimed")
    arguments = parser.parse_args()
    workspace = Workspace(arguments.workspace)
    # SIGTERM as an exception, so that a stopped worker ends its child and puts the job back.
    for told in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(told, lambda *_: sys.exit(143))
    if arguments.tied:
        end_with_parent()
    if arguments.job is not None:
        return _do(workspace, arguments.job, arguments.lease)
    work(workspace)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(_main())
    except KeyboardInterrupt:
        sys.exit(130)
