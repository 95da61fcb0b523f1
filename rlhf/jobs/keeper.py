"""Keeps a worker beside the pages: starts it, starts it again when it dies, and ends it with them."""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rlhf.jobs.pulse import END_SECONDS
from store.workspace import Workspace

FIRST_PAUSE, MOST_PAUSE = 1.0, 60.0
"""Seconds before a worker that died is started again: the pause doubles each time."""
LONG_LIFE = 120.0
"""Seconds after which a worker has lived well, and the pauses begin anew."""

log = logging.getLogger(__name__)


@contextmanager
def kept_working(workspace: Workspace) -> Iterator[None]:
    """A worker for as long as this lasts; it sees the pipe to its standard input close if this process is killed."""
    ending = threading.Event()
    thread = threading.Thread(target=_keep, args=(workspace, ending), name="keeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def _keep(workspace: Workspace, ending: threading.Event) -> None:
    command = [sys.executable, "-m", "rlhf.jobs.worker", "--tied", "--workspace", str(workspace.folder)]
    pause = FIRST_PAUSE
    while not ending.is_set():
        started = time.monotonic()
        try:
            worker = subprocess.Popen(command, stdin=subprocess.PIPE)
        except OSError as error:
            log.warning("the worker could not be started: %s", error)
        else:
            while worker.poll() is None and not ending.wait(0.2):
                pass
            _end(worker)
        if time.monotonic() - started >= LONG_LIFE:
            pause = FIRST_PAUSE
        if not ending.is_set():
            log.warning("the worker ended: it is started again in %.0f s", pause)
            ending.wait(pause)
            pause = min(2 * pause, MOST_PAUSE)


def _end(worker: subprocess.Popen[bytes]) -> None:
    """Tell it to end, which takes it as long as its child takes to end; then by force."""
    worker.terminate()
    try:
        worker.wait(2 * END_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
    if worker.stdin:
        worker.stdin.close()
