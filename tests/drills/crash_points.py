"""Jobs killed just before and just after each of their writes, and started again.

    python -m tests.drills.crash_points [--short] [generate] [reward] [ppo] [sft] [dpo] [round] [loop]

A real workspace on the embedded model, small enough that a job takes seconds. Each job is run once undisturbed,
which counts its writes: every commit of the store, every write, rename and removal of model files. Then it is run
again from the same start once for every point: a child process is killed there (SIGKILL), the job goes back to the
queue, and a second child does it. In the end all tables and all model files must be those of the undisturbed run.
`--short` tries the points around what the job makes only.
"""

import argparse
import json
import math
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from rlhf import loop  # noqa: F401 - loaded before the children are forked
from rlhf.commands.init import begin
from rlhf.commands.options import InitOptions
from rlhf.jobs import execute
from store import jobs, prompts
from store.records import Json
from store.workspace import Workspace
from tests.drills.state import differences, state
from tests.drills.table import Row, table
from tests.drills.writes import Writes, watch

PROMPTS = 24
SETTINGS = """
[sampling]
max_new_tokens = 12
responses = 3
[generate]
prompts = 6
[rating]
reliability = false
[reward]
epochs = 1
[gate]
permutations = 99
[ppo]
steps = 1
prompts_per_step = 4
max_new_tokens = 12
calibration = 4
check_prompts = 2
compare_prompts = 2
[sft]
batch_size = 4
microbatch_size = 4
[dpo]
max_pairs = 8
batch_size = 4
microbatch_size = 4
[round]
min_rankings = 4
auto_promote = true
"""
PARAMS: dict[str, Json] = {
    "ppo": {"force": True},
    "round": {"force": True},
    "loop": {"force": True, "rounds": 1},
    "sft": {"from_": "rankings"},
    "simulate": {"count": 3},
}
BEFORE = {
    "generate": ("rate", "reward", "ppo"),  # a new version answers, beside the base, and what is rated comes again
    "reward": ("rate",),
    "ppo": ("rate", "reward"),
    "sft": ("rate",),
    "dpo": ("rate",),
    "round": (),
    "loop": (),
}
"""The jobs that are drilled, each with what is done before it, when prompts are answered and ranked."""
PRODUCTS = ("responses", "of models", "rounds", "ratings", "folder")
"""What a job makes; the short form tries the points around these."""


@dataclass(frozen=True)
class Tally:
    """How often a job was killed, and the points after which it did not end as if undisturbed."""

    kind: str
    killed: int
    unlike: tuple[str, ...]
    seconds: float


def prepared(folder: Path, kind: str) -> Workspace:
    """A workspace in which the job of this kind is the next thing to do."""
    workspace = Workspace(folder / f"before-{kind}")
    begin(workspace.folder, InitOptions())
    toml = workspace.folder / "workspace.toml"
    toml.write_text(toml.read_text().split("[sampling]")[0] + SETTINGS)
    with workspace.store() as db:
        few = [p.id for p in prompts.every(db, "train")[: PROMPTS - 8] + prompts.every(db, "eval")[:8]]
        db.execute(f"DELETE FROM prompts WHERE id NOT IN ({', '.join(map(str, few))})")
        db.conn.commit()
    first = {"settings": {"generate": {"prompts": 0 if kind != "generate" else 18}}}
    for earlier in ("generate", "simulate", *BEFORE[kind]):
        number = asked(workspace, earlier, first if earlier == "generate" else {})
        status, _ = child(workspace, number, Writes(_kill))
        if status:
            sys.exit(
                f"{earlier} ended with {status}:\n{(workspace.runs / f'child-{number}.log').read_text()[-2000:]}"
            )
    return workspace


def asked(workspace: Workspace, kind: str, params: Json) -> int:
    """The number of a job in the queue."""
    with workspace.store() as db:
        return jobs.enqueue(db, kind, {**PARAMS.get(kind, {}), **params})


def child(workspace: Workspace, number: int, writes: Writes) -> tuple[int, list[str]]:
    """Do a queued job in a child process; returns its exit code (-9 where it was killed) and its crossings."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        code = 1
        try:
            _do(workspace, number, writes)
            os.write(writing, json.dumps(writes.seen).encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        seen = told.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), json.loads(seen or b"[]")


def _do(workspace: Workspace, number: int, writes: Writes) -> None:
    torch.set_num_threads(1)
    execute.REPORT_SECONDS = math.inf  # how far a job is depends on the clock, and is no product
    log = os.open(workspace.runs / f"child-{number}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    with workspace.store() as db:
        job = jobs.claim(db, os.getpid(), number)
    assert job is not None
    watch(writes)
    execute.execute(workspace, job)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def drilled(folder: Path, kind: str, *, short: bool) -> Iterator[tuple[str, list[str]]]:
    """Each point of a job, with what differs in the end if the job is killed there and started again."""
    before = prepared(folder, kind)
    number = asked(before, kind, {})
    whole = _copy(before, folder / "undisturbed")
    _, points = child(whole, number, Writes(_kill))
    expected = state(whole)
    for at, name in enumerate(points, start=1):
        if short and not any(product in name for product in PRODUCTS):
            continue
        broken = _copy(before, folder / "killed")
        status, _ = child(broken, number, Writes(_kill, at))
        assert status == -signal.SIGKILL, f"{kind} was to be killed at point {at} ({name}) and ended with {status}"
        with broken.store() as db:
            jobs.settle(db)
            waiting = jobs.get(db, number).state == "queued"
        if waiting:
            child(broken, number, Writes(_kill))
        yield f"{at} of {len(points)}, {name}", differences(expected, state(broken))


def _copy(workspace: Workspace, to: Path) -> Workspace:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(workspace.folder, to)
    return Workspace(to)


def drill(kind: str, *, short: bool) -> Tally:
    """Kill a job of this kind at its write points; says on stderr what differs."""
    started, killed, unlike = time.monotonic(), 0, []
    with tempfile.TemporaryDirectory(prefix="crash-points-") as folder:
        for point, found in drilled(Path(folder), kind, short=short):
            killed += 1
            print(f"{kind} {point}: {'as if undisturbed' if not found else '; '.join(found)}", file=sys.stderr)
            unlike += [point] if found else []
    return Tally(kind, killed, tuple(unlike), time.monotonic() - started)


def row(tallies: Sequence[Tally]) -> Row:
    """All of them as one row of the table of drills."""
    injected = ", ".join(f"{t.kind} {t.killed}" for t in tallies)
    total, unlike = sum(t.killed for t in tallies), [f"{t.kind} {p}" for t in tallies for p in t.unlike]
    survived = f"{total - len(unlike)} end as if undisturbed"
    what = "SIGKILL just before and after each write"
    return Row(what, f"{injected} = {total} points", survived, tuple(unlike), "python -m tests.drills points --long")


def main(argv: Sequence[str] | None = None) -> int:
    """Drill the named jobs, or all; exit status 1 where one did not end as if undisturbed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="only the points around what the job makes")
    parser.add_argument("kinds", nargs="*", default=list(BEFORE), help="jobs to drill (default: all)")
    arguments = parser.parse_args(argv)
    tallies = [drill(kind, short=arguments.short) for kind in arguments.kinds]
    print(table([row(tallies)]))
    return int(any(t.unlike for t in tallies))


if __name__ == "__main__":
    sys.exit(main())
