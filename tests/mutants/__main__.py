"""Change one central line at a time in a copy of the tree and see whether the quick tests notice.

    python -m tests.mutants                       all of them
    python -m tests.mutants head-never-fitted     some of them
    python -m tests.mutants --list                what there is, and why

The exit status is 1 where a mutant survived, or where its old text does not stand exactly once in its file.
"""

import argparse
import importlib
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.mutants import MUTANTS
from tests.mutants.record import ROOT, Mutant

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "workspace")
LOADED_ONCE = ("numpy", "scipy.stats", "torch", "transformers", "peft", "bitsandbytes", "trl.trainer.utils", "pytest")
"""Libraries that take most of a short test's time; every run of pytest is forked from a process that has them."""
TIMEOUT_SECONDS = 600.0
OPTIONS = ("-x", "-q", "-m", "not slow and not e2e", "-p", "no:cacheprovider")
# Loaded before pytest could read them; none of them is tested here.
OPTIONS += ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
FAILED = 1
"""What pytest answers where a test failed; anything above is an error of the run itself, which proves nothing."""
SHOWN = 3000
"""Characters of pytest's last words, where the tests fail before anything is changed."""


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
    logging.disable(logging.WARNING)  # bitsandbytes says what a CPU does without
    for library in LOADED_ONCE:
        importlib.import_module(library)
    logging.disable(logging.NOTSET)
    tests = sorted({test for mutant in chosen for test in mutant.tests.split()})
    print(f"{len(chosen)} mutants; first the tests as they are", flush=True)
    if status := quick_tests(tree, tests):
        print((tree / "pytest.log").read_text(encoding="utf-8")[-SHOWN:])
        print(f"The tests do not pass on the unchanged tree (pytest: {status}): mend that first.")
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
    """pytest's exit status, from a process of its own; tests that hang have noticed something too."""
    child = multiprocessing.get_context("fork").Process(target=_pytest, args=(tree, tests))
    child.start()
    child.join(TIMEOUT_SECONDS)
    if child.is_alive():
        child.kill()
        child.join()
        return FAILED
    return int(child.exitcode or 0)


def _pytest(tree: Path, tests: Sequence[str]) -> None:
    """In the child: forget this checkout, and run what is in the tree."""
    import pytest

    os.chdir(tree)
    sys.path[:] = [str(tree), *(path for path in sys.path if path and Path(path) != ROOT)]
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    # No compiled files: the change and its undoing may fall into one second, and be taken for one another.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with (tree / "pytest.log").open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            sys.exit(int(pytest.main([*OPTIONS, *tests])))
        except Exception:  # of pytest itself, which Python would end with the status of a failed test
            traceback.print_exc()
            sys.exit(int(pytest.ExitCode.INTERNAL_ERROR))


if __name__ == "__main__":
    sys.exit(main())
