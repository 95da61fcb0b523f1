"""What the pages for developers name is there, and what they say of the imports is what the test of imports holds."""

import re
from pathlib import Path

import pytest

from tests.test_arrows import WINGS

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("docs/architecture.md", "CONTRIBUTING.md", "SECURITY.md")
IN_A_WORKSPACE = ("feedback.db", "workspace.toml", "models/", "runs/", "runs/job-N.log")
CODE = ("rlhf", "store", "annotate", "tests")
NO_TABLES = "FILE"
TO_BE_MADE = ("lengths", "stars")
"""What the recipes add; a name with one of these in it is an example."""


@pytest.mark.parametrize("page", PAGES)
def test_every_path_and_every_link_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`(\w[\w./-]*(?:/|\.(?:py|js|md|toml|css|html)))`", text)
    assert named
    for path in named:
        if path not in IN_A_WORKSPACE and not any(example in path for example in TO_BE_MADE):
            assert (ROOT / path).exists(), path
    for link in re.findall(r"\]\(([\w./-]+)\)", text):
        assert ((ROOT / page).parent / link).exists(), link


def test_the_table_of_wings_is_the_one_that_the_imports_are_held_to() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w/.]+)` \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE)
    told = {name.removesuffix("/").removesuffix(".py").replace("/", "."): known for name, known in rows}
    assert told.pop("launch") == "everything"
    assert {wing: set(re.findall(r"`([\w.]+)`", known)) for wing, known in told.items()} == {
        wing: set(known) for wing, (known, _) in WINGS.items()
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_name_in_capitals_is_in_the_code(page: str) -> None:
    """`KINDS`, `PANELS`: a table that a recipe sends a reader to."""
    files = [ROOT / "launch.py", *(path for top in CODE for path in (ROOT / top).rglob("*.py"))]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    for name in re.findall(r"`([A-Z][A-Z_]{2,})`", (ROOT / page).read_text(encoding="utf-8")):
        if name not in NO_TABLES:
            assert re.search(rf"^{name}\b", code, re.MULTILINE), name


def test_no_model_may_bring_code_of_its_own() -> None:
    """The promise of SECURITY.md: whatever loads a model says that it runs no code of its folder."""
    code = "\n".join(path.read_text(encoding="utf-8") for top in CODE[:3] for path in (ROOT / top).rglob("*.py"))
    assert set(re.findall(r"trust_remote_code\s*=\s*(\w+)", code)) == {"False"}
