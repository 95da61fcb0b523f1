"""Records are built by name, and hold what the file holds."""

import ast
import dataclasses
from pathlib import Path

import store
from store import records

CLASSES = {name for name, made in vars(records).items() if dataclasses.is_dataclass(made)}


def test_the_store_builds_records_by_keyword() -> None:
    """By position, a field added in the middle would shift the ones after it in silence."""
    built = [
        (node.func.id, f"{path.name}:{node.lineno}", len(node.args))
        for path in Path(str(store.__file__)).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CLASSES
    ]
    assert {name for name, _, _ in built} == CLASSES
    assert [(name, place) for name, place, positional in built if positional] == []
