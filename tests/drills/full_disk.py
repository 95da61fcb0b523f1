"""A disk that fills under the pages while people rank, over and over: what was acknowledged is stored, and once.

Where there is a C compiler, every write to a regular file fails with ENOSPC as long as a flag lies in the drill's
folder: a library that is loaded before libc sees to it. Without one the server's RLIMIT_FSIZE is set to what its log
has grown to, which SQLite reports as an I/O error.
"""

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from store import rankings
from store.workspace import Workspace, create
from tests.drills.people import OVERLAP, crowded, wrong
from tests.drills.table import Row
from tests.server import Server

PEOPLE = 8
FULL = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
static int full(int fd) {
    const char *flag = getenv("DRILL_FULL");
    struct stat seen;
    int kept = errno, is = flag && access(flag, F_OK) == 0 && fstat(fd, &seen) == 0 && S_ISREG(seen.st_mode);
    errno = is ? ENOSPC : kept;
    return is;
}
#define AS(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))
ssize_t write(int fd, const void *from, size_t n) { return full(fd) ? -1 : AS(write)(fd, from, n); }
ssize_t pwrite(int fd, const void *from, size_t n, off_t at) { return full(fd) ? -1 : AS(pwrite)(fd, from, n, at); }
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) {
    return full(fd) ? -1 : AS(pwrite64)(fd, from, n, at);
}
int ftruncate(int fd, off_t to) { return full(fd) ? -1 : AS(ftruncate)(fd, to); }
int ftruncate64(int fd, off64_t to) { return full(fd) ? -1 : AS(ftruncate64)(fd, to); }
"""


def drill(fills: int) -> Row:
    """Fill the disk so often, at random moments, under `PEOPLE` people."""
    rng = random.Random(fills)
    with tempfile.TemporaryDirectory(prefix="drill-full-") as folder:
        workspace = create(Path(folder) / "workspace", "")
        crowd = crowded(workspace, PEOPLE, 200 + 60 * fills)
        server, until = Server(workspace), threading.Event()
        library = _library(Path(folder))
        _start(server, library, Path(folder) / "full")
        threads = [threading.Thread(target=p.rank, args=(server.url, until)) for p in crowd]
        for thread in threads:
            thread.start()
        broken = []
        for n in range(fills):
            time.sleep(rng.uniform(0.5, 1.5))
            free = _fill(server, workspace, Path(folder) / "full", library)
            time.sleep(rng.uniform(0.5, 1.5))
            before = sum(len(p.acknowledged) for p in crowd)
            free()
            if not _goes_on(lambda before=before: sum(len(p.acknowledged) for p in crowd) > before):
                broken.append(f"nobody could rank after fill {n + 1}")
            print(f"full: fill {n + 1}, {before} acknowledged", file=sys.stderr)
        until.set()
        for thread in threads:
            thread.join()
        server.kill()
        lost, acknowledged = wrong(workspace, crowd), sum(len(p.acknowledged) for p in crowd)
        with workspace.store() as db:
            unsaid = rankings.count(db) - acknowledged
    refused, next_later = sum(p.refused for p in crowd), sum(p.without_next for p in crowd)
    told = f"{acknowledged - len(lost)} of {acknowledged} acknowledged rankings; {refused} not stored and told so, "
    told += f"{next_later} stored or asked without a next task and told so, {unsaid} stored and not told"
    bare = [text for person in crowd for text in person.bare]
    broken += lost + ([f"{len(bare)} errors without words, such as {bare[0]!r}"] if bare else [])
    how = "ENOSPC by a library before libc" if library else "RLIMIT_FSIZE, no compiler"
    what = f"a full disk ({how}) under {PEOPLE} people, overlap {OVERLAP}"
    return Row(what, f"{fills} fills", told, tuple(broken), f"python -m tests.drills full --times {fills}")


def _library(folder: Path) -> Path | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    (folder / "full.c").write_text(FULL)
    made = folder / "full.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(made), str(folder / "full.c"), "-ldl"], check=True)
    return made


def _start(server: Server, library: Path | None, flag: Path) -> None:
    if library:
        os.environ |= {"LD_PRELOAD": str(library), "DRILL_FULL": str(flag)}
    try:
        server.start()
    finally:
        for name in ("LD_PRELOAD", "DRILL_FULL"):
            os.environ.pop(name, None)


def _fill(server: Server, workspace: Workspace, flag: Path, library: Path | None) -> Callable[[], None]:
    """Fill the disk of the server; returns what frees it."""
    if library:
        flag.touch()
        return flag.unlink
    assert server.running
    pid, before = server.running.pid, resource.RLIM_INFINITY
    log = workspace.database.with_name("feedback.db-wal")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size if log.exists() else 0, before))
    return lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (before, before)) and None


def _goes_on(so: Callable[[], bool], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
