"""What a process needs that does a job: it beats while it works, and hears when it is to end."""

import logging
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from store import leases
from store.errors import Cancelled, Locked, NoDisk, PlatformError, Superseded
from store.leases import Fence
from store.workspace import Workspace

BEAT_SECONDS = 1.0
"""How often a job's process says that it lives, and hears whether the job was cancelled or taken over."""
INSIST_SECONDS = 900.0
"""How long it is tried to store the end of a job: hours of work are in it, and a full disk needs a person."""
MOST_PAUSE = 15.0
"""Seconds of the longest pause between two tries, which begin at a quarter of a second and grow."""
END_SECONDS = 10.0
"""How long a process that was told to end may take before it is killed."""

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Stopped(KeyboardInterrupt):
    """The process was told to end by something else than a person's Ctrl-C; its words are the job's error."""


@contextmanager
def beating(workspace: Workspace, fence: Fence) -> Iterator[None]:
    """Beat in a thread of its own; raise Cancelled or Superseded in the main thread once the job is no longer ours.

    A job that runs in another thread, as in a notebook, hears it where it next reports how far it is or writes.
    """
    ended, why = threading.Event(), list[BaseException]()
    main = threading.current_thread() is threading.main_thread()

    def beat() -> None:
        while not ended.wait(BEAT_SECONDS):
            try:
                with workspace.store(fence) as db:
                    leases.beat(db, fence.number)
            except (Cancelled, Superseded) as error:
                why.append(error)
            except (sqlite3.Error, OSError, PlatformError) as error:
                log.warning("job %d could not say that it lives: %s", fence.job_id, error)
            if why and main and not ended.is_set():  # again with each beat: some library may have swallowed the first
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def interrupt(number: int, frame: FrameType | None) -> None:
        if why and not ended.is_set():
            raise why[-1]

    thread = threading.Thread(target=beat, name=f"job-{fence.job_id}-beat", daemon=True)
    before = signal.signal(signal.SIGUSR1, interrupt) if main else None
    thread.start()
    try:
        with _told_to_end(main, why):
            yield
    finally:
        ended.set()
        thread.join()
        if main:
            signal.signal(signal.SIGUSR1, before)


@contextmanager
def _told_to_end(main: bool, why: list[BaseException]) -> Iterator[None]:
    """Raise Stopped where the terminal is closed or the process is told to end, unless somebody cares already.

    It is noted in `why` too: raised inside a finaliser it would be lost, and each beat raises it again.

    With nohup the hangup is ignored on purpose, and stays so; the worker's child has a handler of its own.
    """
    words = {
        signal.SIGHUP: "Its terminal was closed: give the command again to go on.",
        signal.SIGTERM: "Its process was told to end: give the command again to go on.",
    }

    def stop(number: int, frame: FrameType | None) -> None:
        why.append(Stopped(words[signal.Signals(number)]))
        raise why[-1]

    mine = [one for one in words if main and signal.getsignal(one) == signal.SIG_DFL]
    for one in mine:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one in mine:
            signal.signal(one, signal.SIG_DFL)


def insist(call: Callable[[], Result]) -> Result:
    """Do what has to be stored, again and again where the store is locked or the disk full; at last raises that."""
    deadline, pause = time.monotonic() + INSIST_SECONDS, 0.25
    while True:
        try:
            return call()
        except (sqlite3.OperationalError, NoDisk, Locked) as error:
            if time.monotonic() + pause > deadline:
                raise
            log.warning("the end of the job could not be stored, trying again in %.1f s: %s", pause, error)
            time.sleep(pause)
            pause = min(2 * pause, MOST_PAUSE)


def end_with_parent() -> None:
    """End this process when its standard input closes, as that pipe does when the parent dies, however it dies.

    It ends as if it had been told to by SIGTERM, and by force if it has not after `END_SECONDS`.
    """

    def watch() -> None:
        try:
            while os.read(sys.stdin.fileno(), 1024):
                pass
        except OSError:
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(END_SECONDS)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
