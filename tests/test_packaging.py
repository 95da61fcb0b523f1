"""What pyproject.toml promises is what is imported, and what the tests run on."""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = ("store", "rlhf", "annotate")
NAMES = {"annotated_types": "annotated-types", "markdown_it": "markdown-it-py", "sqlite_utils": "sqlite-utils"}
# Declared and used by name only: bitsandbytes and peft need accelerate to place a quantised model; the stages to come
# read their files with datasets.
NOT_IMPORTED = {"accelerate", "datasets"}


def requirements(lines: list[str]) -> dict[str, str]:
    """Lowest version allowed, or the pinned one, by name."""
    return {m[1].lower(): m[2] for line in lines if (m := re.match(r"([\w-]+)(?:>=|==)([\d.]+)", line))}


def imported() -> set[str]:
    """Third-party modules that the project imports, at a file's top or in a function."""
    found = set()
    for path in [
        ROOT / "launch.py",
        *(p for top in ("store", "rlhf", "annotate") for p in (ROOT / top).rglob("*.py")),
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module).split(".")[0])
    return {NAMES.get(name, name) for name in found - sys.stdlib_module_names - {"launch", *OURS}}


def test_what_is_imported_is_declared_and_nothing_else() -> None:
    declared = set(requirements(PROJECT["dependencies"]))
    assert imported() - declared == set()
    assert declared - imported() <= NOT_IMPORTED


def test_no_version_is_allowed_that_the_tests_do_not_run_on() -> None:
    pinned = requirements((ROOT / "constraints.txt").read_text().splitlines())
    extra = PROJECT["optional-dependencies"]["test"]
    lowest = requirements([*PROJECT["dependencies"], *extra])
    assert {name: pinned.get(name) for name in lowest} == lowest
