"""The never-arrows of the house, held by reading the imports, and once by importing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("store", "rlhf", "annotate")
NUMPY_ROOMS = ("rlhf.ratings",)
HEAVY = ("torch", "transformers", "trl", "peft", "bitsandbytes")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    """Every dotted name that a file imports, at its top or in a function; `from a import b` gives `a` and `a.b`."""
    found = set()
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            module = (up + (node.module or "")).rstrip(".")
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def under(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


IMPORTS = {name_of(path): imports_of(path) for room in ROOMS for path in (ROOT / room).rglob("*.py")}


def arrows(sources: tuple[str, ...], *targets: str) -> list[str]:
    """Arrows from some modules to what they may not know."""
    return [
        f"{module} -> {name}"
        for module, names in sorted(IMPORTS.items())
        if under(module, *sources)
        for name in sorted(names)
        if under(name, *targets)
    ]


def test_the_reading_sees_the_project() -> None:
    assert {"store.db", "rlhf.loop", "annotate.app", "rlhf.ratings"} <= set(IMPORTS)
    assert "store.errors" in IMPORTS["store.db"]
    assert under("rlhf.ratings.elo", "rlhf.ratings")
    assert not under("rlhf.ratings_table", "rlhf.ratings")


def test_the_store_knows_sqlite_and_the_standard_library() -> None:
    foreign = [
        f"{module} -> {name}"
        for module, names in sorted(IMPORTS.items())
        if under(module, "store")
        for name in sorted(names)
        if name.split(".")[0] not in sys.stdlib_module_names | {"store", "sqlite_utils"}
    ]
    assert not foreign


def test_the_pages_know_no_training() -> None:
    assert not arrows(("annotate",), *HEAVY)
    of_rlhf = [arrow for arrow in arrows(("annotate",), "rlhf") if not under(arrow.split(" -> ")[1], *NUMPY_ROOMS)]
    assert [arrow for arrow in of_rlhf if not arrow.endswith("-> rlhf")] == []


def test_training_knows_no_pages() -> None:
    assert not arrows(("rlhf",), "annotate", "gradio")


def test_only_the_loop_and_what_carries_it_read_and_write_the_store() -> None:
    """A training stage takes plain records: it may name records and errors, never a database."""
    seen = arrows(("rlhf.training", "rlhf.ratings"), "store", "sqlite3", "sqlite_utils")
    allowed = ("store.records", "store.errors")
    assert [a for a in seen if not under(a.split(" -> ")[1], *allowed)] == []


@pytest.mark.parametrize("room", ["rlhf.ratings", "rlhf.training.losses"])
def test_ratings_and_losses_know_no_sibling(room: str) -> None:
    siblings = [arrow for arrow in arrows((room,), "rlhf") if not under(arrow.split(" -> ")[1], room)]
    assert [arrow for arrow in siblings if not arrow.endswith("-> rlhf")] == []


def test_ppo_takes_scoring_as_a_callable() -> None:
    assert not arrows(("rlhf.training.ppo",), "rlhf.training.reward", "rlhf.stages.evaluate", "rlhf.ratings")


def test_nobody_knows_the_launcher() -> None:
    assert not arrows(ROOMS, "launch")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("modules", "unloaded"),
    [
        (("annotate.app",), HEAVY),
        (("rlhf.ratings", "rlhf.ratings.versions", "rlhf.ratings.agreement", "rlhf.stages.leaderboard"), HEAVY),
        (("launch",), (*HEAVY, "gradio")),
    ],
)
def test_importing_leaves_training_unloaded(modules: tuple[str, ...], unloaded: tuple[str, ...]) -> None:
    here = [
        m for m in modules if (ROOT / (m.replace(".", "/") + ".py")).exists() or (ROOT / m.replace(".", "/")).is_dir()
    ]
    code = f"import sys, {', '.join(here)}; print([m for m in {unloaded!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
