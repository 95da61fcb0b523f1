"""The never-arrows of the house, held by reading the imports, and once by importing.

To add a room: give it a line in `WINGS` with what it may know of the project. Nothing else here names a module.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets")
FACE = ("gradio", "fastapi", "starlette", "uvicorn")
RECORDS = ("store.records", "store.errors")

# Each wing, from the ground up: the wings of the project that it may know beside itself, and what it may never load.
WINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "store": ((), (*HEAVY, *FACE, "numpy", "pandas")),
    "rlhf.tiny": ((), (*FACE, "trl", "peft")),
    "rlhf.ratings": (("store.errors",), (*HEAVY, *FACE)),
    "rlhf.settings": (("store",), (*HEAVY, *FACE, "numpy", "tyro")),
    "rlhf.training": (("rlhf.settings", "rlhf.tiny", *RECORDS), (*FACE, "sqlite3", "sqlite_utils")),
    "rlhf.stages": (
        ("rlhf.training", "rlhf.settings", "rlhf.ratings", "rlhf.tiny", "store"),
        (*FACE, "transformers", "peft", "trl"),
    ),
    "rlhf.loop": (("rlhf.stages", "store"), (*FACE, *HEAVY)),
    "rlhf.jobs": (
        ("rlhf.stages", "rlhf.settings", "rlhf.training.progress", "rlhf.training.trackers", "store"),
        (*FACE, *HEAVY),
    ),
    "rlhf.exports": (
        ("rlhf.training", "rlhf.settings", "store"),
        (*FACE, "transformers", "peft", "trl", "datasets"),
    ),
    "rlhf.commands": (
        ("rlhf.jobs", "rlhf.stages", "rlhf.exports", "rlhf.settings", "rlhf.training", "rlhf.tiny", "store"),
        (*FACE, *HEAVY),
    ),
    "annotate": (
        (
            "rlhf.settings",
            "rlhf.ratings",
            "rlhf.exports.names",
            "rlhf.exports.records",
            "rlhf.exports.rows",
            "store",
        ),
        HEAVY,
    ),
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    """Every dotted name that a file imports when it is run, at its top or in a function.

    `from a import b` gives `a.b`, and `a` where b is no module. What only the type checker sees does not count.
    """
    found = set()
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in _run(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            module = (up + (node.module or "")).rstrip(".")
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                found.add(whole if _is_module(whole) else module)
    return found


def _run(tree: ast.AST) -> list[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:`."""
    found = []
    for child in ast.iter_child_nodes(tree):
        checked_only = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        found += [child, *([] if checked_only else _run(child))]
    return found


def _is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def under(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


MODULES = {name_of(p): imports_of(p) for top in ("store", "rlhf", "annotate") for p in (ROOT / top).rglob("*.py")}
OURS = ("store", "rlhf", "annotate", "launch", "tests")


def arrows(wing: str) -> list[tuple[str, str]]:
    return [(module, name) for module, names in sorted(MODULES.items()) if under(module, wing) for name in names]


def test_the_reading_sees_the_project() -> None:
    assert {"store.db", "rlhf.loop", "annotate.app", "rlhf.ratings"} <= set(MODULES)
    assert "store.errors" in MODULES["store.db"]
    assert "rlhf.training" in MODULES["rlhf.stages.ppo"]
    assert not under("rlhf.ratings_table", "rlhf.ratings")


def test_every_module_lives_in_a_wing() -> None:
    homeless = [module for module in MODULES if not under(module, *WINGS)]
    assert homeless == ["rlhf"], "give its room a line in WINGS"


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_knows_what_its_line_says_and_no_more(wing: str) -> None:
    known, never = WINGS[wing]
    strangers = [a for a in arrows(wing) if under(a[1], *OURS) and not under(a[1], wing, *known)]
    assert strangers == []
    assert [a for a in arrows(wing) if under(a[1], *never)] == []


def test_the_store_knows_sqlite_and_the_standard_library() -> None:
    allowed = sys.stdlib_module_names | {"store", "sqlite_utils"}
    beyond = [a for a in arrows("store") if a[1].split(".")[0] not in allowed]
    # Parquet and Arrow have one reader, which is loaded for such a file alone.
    assert {(module, name.split(".")[0]) for module, name in beyond} == {("store.formats.tables", "pyarrow")}


def test_losses_know_no_sibling_and_ppo_takes_scoring_as_a_callable() -> None:
    assert [a for a in arrows("rlhf.training.losses") if under(a[1], *OURS)] == []
    assert [a for a in arrows("rlhf.training.ppo") if under(a[1], "rlhf.training.reward", "rlhf.ratings")] == []


@pytest.mark.parametrize(
    ("modules", "unloaded"),
    [
        pytest.param("annotate.app", HEAVY[:4], marks=pytest.mark.slow),
        ("rlhf.ratings, rlhf.ratings.versions, rlhf.ratings.agreement", (*HEAVY, "sqlite_utils")),
        ("rlhf.settings, rlhf.settings.dials", (*HEAVY[:5], "tyro")),
        ("rlhf.stages.rate, rlhf.stages.reward, rlhf.stages.ppo, rlhf.loop, rlhf.jobs.execute", HEAVY[:5]),
        ("launch, rlhf.commands.init, rlhf.commands.demo, rlhf.commands.work", (*HEAVY[:5], "gradio")),
    ],
)
def test_importing_leaves_the_heavy_ones_unloaded(modules: str, unloaded: tuple[str, ...]) -> None:
    code = f"import sys, {modules}; print([m for m in {unloaded!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
