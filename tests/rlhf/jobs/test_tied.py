"""Worker and child end with their parent, and a worker that dies is started again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rlhf.jobs import keeper
from store import jobs, workers
from store.processes import process
from store.workspace import Workspace
from tests.rlhf.jobs.watching import ROOT, cancel, held, look, wait, waiting

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(60)
"""


TIED = "from rlhf.jobs.pulse import end_with_parent; import time; end_with_parent(); time.sleep(60)"


def test_a_tied_process_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, TIED], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = process(int(parent.stdout.readline()))
    time.sleep(0.3)
    assert process(child.pid) == child
    parent.kill()
    parent.communicate()
    wait(lambda: process(child.pid) != child, 10)


def test_a_worker_that_dies_is_started_again_and_ends_with_the_pages(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("")
    child = tmp_path / "child"
    child.write_text(f'#!/bin/sh\necho $$ "$@" >> {log}\nexec sleep 60\n')
    child.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(child))
    monkeypatch.setattr(keeper, "FIRST_PAUSE", 0.01)
    with keeper.kept_working(workspace):
        for number in range(3):
            wait(lambda number=number: log.read_text().count("\n") > number, 10)
            words = log.read_text().splitlines()[number].split()
            assert words[1:] == ["-m", "rlhf.jobs.worker", "--tied", "--workspace", str(workspace.folder)]
            pid = int(words[0])
            if number < 2:
                os.kill(pid, signal.SIGKILL)
    assert process(pid).started == ""
    assert log.read_text().count("\n") == 3


@pytest.mark.slow
def test_no_worker_and_no_child_outlives_the_pages(workspace: Workspace, tmp_path: Path) -> None:
    """`serve` is killed: its worker ends, and so does the child; the next `serve` does the job from the queue."""
    with workspace.store() as db:
        jobs.enqueue(db, "loop", {"rounds": 1})
    code = (
        "import sys, time; from pathlib import Path; from rlhf.jobs.keeper import kept_working\n"
        "from store.workspace import Workspace\n"
        "with kept_working(Workspace(Path(sys.argv[1]))): time.sleep(90)"
    )

    def serve() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", code, str(workspace.folder)], cwd=ROOT)

    pages = serve()
    try:
        wait(waiting(workspace))
        child = process(look(workspace).pid or 0)
        with workspace.store() as db:
            (only,) = workers.living(db)
        assert child.started
        pages.kill()
        pages.wait()
        wait(lambda: process(child.pid) != child and process(only.by.pid) != only.by, 30)
        assert (look(workspace).state, look(workspace).deaths) == ("queued", 0)
        pages = serve()
        wait(lambda: waiting(workspace)() and look(workspace).state == "running")
        pid = look(workspace).pid
        assert pid not in (None, child.pid)
        os.kill(int(str(pid)), signal.SIGKILL)  # the child alone: it is done again
        wait(lambda: look(workspace).deaths == 1 and look(workspace).state == "running")
        cancel(workspace)
        wait(lambda: not held(workspace), 30)
    finally:
        pages.terminate()
        pages.wait()
    assert look(workspace).state == "cancelled"
