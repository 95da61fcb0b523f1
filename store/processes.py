"""Which process does a thing, and whether it still lives, without trusting a clock.

A number alone says little: after a restart another process has it, and each container counts from 1. So a process is
known by the boot of its machine, the room its numbers are counted in, its number and when it was started.
"""

import os
import socket
import time
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

STALE_SECONDS = 30.0
"""A process that cannot be seen from here is taken for dead when its beats have stood still for so long.

A holder beats every second: thirty beats that are missing are more than a busy disk explains.
"""
PROC = Path("/proc")
UNKNOWN = "?"
"""The start time of a process that is there and that this system tells no more about."""

_heard: dict[Hashable, tuple[int, float, bool]] = {}
# What this process has seen: the count of beats of each holder, since when by our own clock it stands there, and
# whether it was seen to grow.


@dataclass(frozen=True)
class Process:
    """A process: `boot` names the boot and the room of process numbers (empty where the system does not tell them),
    `started` is when it began, in ticks since the boot."""

    host: str
    boot: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def process(pid: int) -> Process:
    """A process of this machine, as it is now."""
    return Process(socket.gethostname(), room(), pid, _started(pid))


@cache
def room() -> str:
    """The boot of this machine with the room of process numbers that we are in; empty where there is no /proc."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink(PROC / 'self/ns/pid')}"
    except OSError:
        return ""


def lives(whose: Process, key: Hashable, beats: int) -> bool:
    """Whether a process lives that has beaten so often; `key` tells what it holds from all else that is held.

    In our own room the system is asked, and nothing else counts. Elsewhere it is dead once its beats have not moved
    for `STALE_SECONDS` while this process looked, by a clock that nobody sets; at first sight it lives.
    """
    if whose.boot and whose.boot == room():
        now = _started(whose.pid)
        if now != UNKNOWN:
            return now != "" and now == whose.started
    seen, since, _ = _heard.get(key, (-1, 0.0, False))
    if seen != beats:
        _heard[key] = (beats, time.monotonic(), seen != -1)
        return True
    return time.monotonic() - since < STALE_SECONDS


def known(whose: Process, key: Hashable) -> bool:
    """Whether this process knows that another lives or not, and does not only give it the time to beat."""
    here = bool(whose.boot) and whose.boot == room() and _started(whose.pid) != UNKNOWN
    return here or _heard.get(key, (-1, 0.0, False))[2]


def forget() -> None:
    """Count the silence of others anew: while the store could be written by nobody, nobody could beat."""
    _heard.clear()


def _started(pid: int) -> str:
    """When a process began, in ticks since the boot; empty where there is none, or only what is left of one."""
    try:
        # The name comes first, in brackets, and may hold anything: state and times are counted from its end.
        words = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return "" if words[0] in "ZXx" else words[19]
    except (OSError, IndexError):
        return UNKNOWN if _answers(pid) else ""


def _answers(pid: int) -> bool:
    """Whether a process of this number is there, for systems that say no more of it, or of those of others."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
