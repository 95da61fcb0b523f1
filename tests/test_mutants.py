"""The list of mutants does not rot: each names a line that is there, and tests that are there."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants import MUTANTS
from tests.mutants.record import ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_changes_one_line_that_is_there(mutant: Mutant) -> None:
    assert mutant.found() == 1, f"{mutant.file} holds {mutant.old!r} {mutant.found()} times"
    assert mutant.changed(ROOT) != (ROOT / mutant.file).read_text(encoding="utf-8")
    compile(mutant.changed(ROOT), mutant.file, "exec")
    assert all((ROOT / test).exists() for test in mutant.tests.split())


def test_names_are_told_apart() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


TRY = """
import sys
from pathlib import Path
from tests.mutants.__main__ import try_one
from tests.mutants.record import Mutant
for old, new in (("ONE = 1", "ONE = 3"), ("TWO = 2", "TWO = 3"), ("SIX = 6", ""), ("ONE = 1", "ONE = ")):
    print(try_one(Mutant("name", "room.py", old, new, "test_room.py", ""), Path(sys.argv[1])))
"""


@pytest.mark.slow
def test_a_line_that_no_test_holds_survives_and_the_tree_is_put_back(tmp_path: Path) -> None:
    """In a process of its own, since it forks. A change that cannot even be read has shown nothing."""
    (tmp_path / "room.py").write_text("ONE = 1\nTWO = 2\n")
    (tmp_path / "test_room.py").write_text("import room\ndef test_one() -> None:\n    assert room.ONE == 1\n")
    command = [sys.executable, "-c", TRY, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["killed", "survived", "not found", "pytest 2"]
    assert (tmp_path / "room.py").read_text() == "ONE = 1\nTWO = 2\n"
