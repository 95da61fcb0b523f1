"""HTML is a type apart from text: no line of the pages can forget to escape, or do it by hand."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

FACE = Path(__file__).resolve().parents[2] / "annotate"


def with_parents(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    for parent in ast.walk(tree):
        for child in ast.iter_child_nodes(parent):
            yield parent, child


def calls(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == name


def markup_parameters(tree: ast.AST) -> set[ast.AST]:
    """Uses of a function's parameters that are declared as Markup, in that function."""
    found: set[ast.AST] = set()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            names = {
                arg.arg for arg in function.args.args if arg.annotation and ast.unparse(arg.annotation) == "Markup"
            }
            found |= {node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id in names}
    return found


def loose_html(source: str) -> set[int]:
    """Lines with a tag outside a literal that is handed straight to Markup; docstrings are no HTML.

    So a tag in an f-string, in a sum, before a %, in a plain str's format or join is found, inside Markup or not.
    And lines where gr.HTML is given anything but a Markup made there, or one that the function was given as a Markup,
    which mypy holds its callers to: what changes later comes through handlers.
    """
    found, tree = set(), ast.parse(source)
    given = markup_parameters(tree)
    for parent, node in with_parents(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            docstring = isinstance(parent, ast.Expr)
            if re.search("<[a-zA-Z/!]", node.value) and not docstring and not calls(parent, "Markup"):
                found.add(node.lineno)
        if isinstance(node, ast.Call) and calls(node, "gr.HTML"):
            shown = [*node.args, *(given.value for given in node.keywords if given.arg == "value")]
            found |= {node.lineno for value in shown if not calls(value, "Markup") and value not in given}
    return found


@pytest.mark.parametrize(
    "line",
    [
        'f"<b>{name}</b>"',
        'Markup(f"<b>{name}</b>")',
        '"<b>" + name',
        'Markup("<b>" + name)',
        '"<b>%s</b>" % name',
        'Markup("<b>%s</b>" % name)',
        '"<b>{}</b>".format(name)',
        '"</li><li>".join(names)',
        'shown = "<b>"',
        'gr.HTML(text, elem_id="x")',
        "gr.HTML(value=text)",
        "def f(text: str): gr.HTML(text)",
    ],
)
def test_the_reading_finds_html_that_is_a_text(line: str) -> None:
    assert loose_html(f'"""A <b> in a docstring."""\n{line}\n') == {2}


@pytest.mark.parametrize(
    "line",
    [
        'Markup("<b>{}</b>").format(name)',
        'Markup("</li><li>").join(names)',
        'f"{a} < {b}"',
        '"a < b"',
        "gr.HTML()",
        "def f(text: Markup): gr.HTML(text)",
    ],
)
def test_the_reading_lets_markup_and_comparisons_pass(line: str) -> None:
    assert loose_html(line) == set()


def test_no_html_is_a_text() -> None:
    sources = {path.relative_to(FACE).as_posix(): path.read_text(encoding="utf-8") for path in FACE.rglob("*.py")}
    assert {"app.py", "login.py", "panels/people.py"} <= set(sources)
    found = {name: loose_html(source) for name, source in sources.items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_nothing_is_escaped_by_hand() -> None:
    """Whoever escapes what is escaped shows `&lt;` to people, and whoever may escape by hand may forget it."""
    hands = {
        path.relative_to(FACE).as_posix(): name
        for path in FACE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (name := getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", None))
        in ("escape", "escape_silent", "EscapeFormatter", "unescape")
    }
    assert hands == {}
