"""The worker: takes queued jobs one at a time and does each in a process of its own.

    python -m rlhf.jobs.worker --workspace DIR [--job N]

A child that runs out of memory takes neither the page nor the worker with it. A job whose worker died goes back to
the queue; since finished stages are skipped, it goes on where it stopped.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from store import jobs
from store.errors import PlatformError
from store.records import Job
from store.workspace import Workspace

POLL_SECONDS = 0.5
"""How often the worker looks for jobs, and whether the one it runs was cancelled."""
KILL_AFTER_SECONDS = 10.0
"""How long a child that was told to end may take before it is killed."""

log = logging.getLogger(__name__)


def work(workspace: Workspace, *, once: bool = False) -> None:
    """Do queued jobs until interrupted; with `once`, until the queue is empty."""
    while True:
        requeue_dead(workspace)
        with workspace.store() as db:
            job = jobs.claim(db, os.getpid())
        if job is not None:
            supervise(workspace, job)
        elif once:
            return
        else:
            time.sleep(POLL_SECONDS)


def supervise(workspace: Workspace, job: Job) -> None:
    """Run one job in a child with a session of its own; end it when the job is cancelled or the worker stops."""
    command = [sys.executable, "-m", "rlhf.jobs.worker", "--workspace", str(workspace.folder), "--job", str(job.id)]
    with (workspace.runs / f"job-{job.id}.log").open("a") as output:
        child = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        with workspace.store() as db:
            jobs.beat(db, job.id, pid=child.pid)
        while child.poll() is None:
            time.sleep(POLL_SECONDS)
            with workspace.store() as db:
                jobs.beat(db, job.id)
                cancelled = jobs.get(db, job.id).state == "cancelled"
            if cancelled:
                end(child)
    except BaseException:
        end(child)
        with workspace.store() as db:
            jobs.requeue(db, job.id)
        raise
    with workspace.store() as db:
        if jobs.get(db, job.id).state == "running":  # it ended without storing a result or an error
            jobs.fail(db, job.id, f"The process ended with code {child.returncode}: see runs/job-{job.id}.log.")


def end(child: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM, and SIGKILL to the child's whole session if it has not ended after `KILL_AFTER_SECONDS`."""
    child.terminate()
    try:
        child.wait(KILL_AFTER_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def requeue_dead(workspace: Workspace) -> None:
    """Put the jobs back into the queue that have not been heard of lately and whose process is gone."""
    with workspace.store() as db:
        for job in jobs.stale(db):
            if job.pid is None or not _alive(job.pid):
                log.warning("job %d was left by process %s: queued again", job.id, job.pid)
                jobs.requeue(db, job.id)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--job", type=int, help="do just this job, which has been claimed already")
    arguments = parser.parse_args()
    workspace = Workspace(arguments.workspace)
    # SIGTERM as an exception, so that a stopped worker ends its child and puts the job back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments.job is None:
        work(workspace)
        return 0
    from rlhf.jobs.execute import execute  # here, since the waiting worker does without it

    with workspace.store() as db:
        job = jobs.get(db, arguments.job)
    try:
        execute(workspace, job)
    except PlatformError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(_main())
    except KeyboardInterrupt:
        sys.exit(130)
