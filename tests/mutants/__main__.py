"""Change one central line at a time in a copy of the tree and see whether the quick tests notice.

    python -m tests.mutants                       all of them
    python -m tests.mutants head-never-fitted     some of them
    python -m tests.mutants --list                what there is, and why

The exit status is 1 where a mutant survived, or where its old text does not stand exactly once in its file.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutants import MUTANTS
from tests.mutants.record import ROOT, Mutant

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "workspace")
TIMEOUT_SECONDS = 300.0
FAILED = 1
"""What pytest answers where a test failed; anything above is an error of the run itself, which proves nothing."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only these")
    parser.add_argument("--list", action="store_true", help="print names, files and reasons, and run nothing")
    asked = parser.parse_args(argv)
    if unknown := sorted(set(asked.names) - {m.name for m in MUTANTS}):
        parser.error(f"there is no mutant {unknown[0]}: see --list")
    chosen = [m for m in MUTANTS if not asked.names or m.name in asked.names]
    if asked.list:
        for mutant in chosen:
            print(f"{mutant.name:<36} {mutant.file:<32} {mutant.why}")
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        return run(chosen, tree)


def run(chosen: Sequence[Mutant], tree: Path) -> int:
    """Try the mutants on the tree, which is put back after each; returns the exit status."""
    tests = sorted({test for mutant in chosen for test in mutant.tests.split()})
    print(f"The tests as they are: {' '.join(tests)}", flush=True)
    if status := quick_tests(tree, tests):
        print(f"They do not pass on the unchanged tree (pytest: {status}): mend that first.")
        return 1
    killed = 0
    for mutant in chosen:
        started = time.monotonic()
        verdict = try_one(mutant, tree)
        killed += verdict == "killed"
        print(f"{verdict:<9} {time.monotonic() - started:5.0f} s  {mutant.name}", flush=True)
    print(f"{killed} killed of {len(chosen)} tried")
    return 0 if killed == len(chosen) else 1


def try_one(mutant: Mutant, tree: Path) -> str:
    """`killed`, `survived`, or what kept it from being tried."""
    if mutant.found(tree) != 1:
        return "not found"
    path = tree / mutant.file
    before = path.read_text(encoding="utf-8")
    path.write_text(mutant.changed(tree), encoding="utf-8")
    try:
        status = quick_tests(tree, mutant.tests.split())
    finally:
        path.write_text(before, encoding="utf-8")
    return {0: "survived", FAILED: "killed"}.get(status, f"pytest {status}")


def quick_tests(tree: Path, tests: Sequence[str]) -> int:
    """pytest's exit status; tests that hang have noticed something too."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow and not e2e", "-p", "no:cacheprovider"]
    # Without compiled files: the change and its undoing may fall into one second, and be taken for one another.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*command, *tests], cwd=tree, env=environment, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return FAILED
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
