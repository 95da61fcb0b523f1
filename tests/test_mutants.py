"""The list of mutants does not rot: each names a line that is there, and tests that are there."""

from pathlib import Path

import pytest

from tests.mutants import MUTANTS
from tests.mutants.__main__ import try_one
from tests.mutants.record import ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_changes_one_line_that_is_there(mutant: Mutant) -> None:
    assert mutant.found() == 1, f"{mutant.file} holds {mutant.old!r} {mutant.found()} times"
    assert mutant.changed(ROOT) != (ROOT / mutant.file).read_text(encoding="utf-8")
    compile(mutant.changed(ROOT), mutant.file, "exec")
    assert all((ROOT / test).exists() for test in mutant.tests.split())


def test_names_are_told_apart() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_a_line_that_no_test_holds_survives_and_the_tree_is_put_back(tmp_path: Path) -> None:
    (tmp_path / "room.py").write_text("ONE = 1\nTWO = 2\n")
    (tmp_path / "test_room.py").write_text("import room\ndef test_one() -> None:\n    assert room.ONE == 1\n")
    held, loose, gone = (
        Mutant(name, "room.py", old, new, "test_room.py", "")
        for name, old, new in (("held", "ONE = 1", "ONE = 3"), ("loose", "TWO = 2", "TWO = 3"), ("gone", "SIX", ""))
    )
    assert [try_one(mutant, tmp_path) for mutant in (held, loose, gone)] == ["killed", "survived", "not found"]
    assert (tmp_path / "room.py").read_text() == "ONE = 1\nTWO = 2\n"
