"""Whatever is given on the command line and in workspace.toml: it is done, or one line says what is wrong."""

import contextlib
import dataclasses
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import launch
from rlhf.commands.parse import Call
from rlhf.settings import Settings
from rlhf.settings.dials import dials
from store.errors import NotReady
from store.workspace import Workspace, create
from tests.tasks_to_rank import add_tasks

DONE_HERE = (
    "status",
    "cancel",
    "import",
    "imports",
    "prompts",
    "user",
    "check",
    "leaderboard",
    "promote",
    "rate",
    "backup",
    "restore",
    "simulate",
    "export",
)
"""Commands that are done in full; of the others, which load models or serve, the command line is read."""
TABLES = [field.name for field in dataclasses.fields(Settings)]
KEYS = [(table, dial.name) for table in TABLES for dial in dials(type(getattr(Settings(), table)))]
# No separators, so that no path leads out of the test's folder.
TEXT = st.text(st.characters(blacklist_characters="/\\.~"), max_size=8)
WORDS = TEXT | st.sampled_from(
    [
        "nan",
        "inf",
        "-inf",
        "-1",
        "0",
        "1.5",
        "1e999",
        "9" * 30,
        "9" * 5000,
        str(2**63),
        "",
        " ",
        "\0",
        "\udcff",
        "--",
        "-",
        "-h",
        "a\nb",
        "\ud800",
        "work",
        "none",
        "True",
        "null",
        "elo",
        "base",
        "prompts.txt",
        "list",
        "remove",
        "restore",
        "1",
        "--json",
        "--x=",
    ]
)
TOML = st.sampled_from(
    [
        "nan",
        "inf",
        "-1",
        "0",
        "1.5",
        "1e999",
        "9" * 30,
        "9" * 5000,
        str(2**63),
        '""',
        "true",
        "[]",
        "{}",
        "{a = 1}",
        "1979-05-27",
        '"elo"',
        '"\\u0000"',
        '"\\uFFFF"',
        "'a'",
        '"""a\nb"""',
        "[nan]",
        "",
        "=",
        '"\\uD800"',
    ]
)
LINES = st.lists(st.tuples(st.sampled_from(KEYS), TOML).map(lambda kv: f"[{kv[0][0]}]\n{kv[0][1]} = {kv[1]}\n"))
FILES = LINES.map("".join).map(str.encode) | st.binary(max_size=30) | TEXT.map(lambda t: t.encode("utf-8", "replace"))


def flags(name: str) -> list[str]:
    command = launch.COMMANDS[name]
    found = [f"--{dial.name}" for dial in dials(command.options)]
    found += [f"--{dial.name}" for table in command.tables for dial in dials(type(getattr(Settings(), table)))]
    found += [f"--{table}.{d.name}" for table in command.parts for d in dials(type(getattr(Settings(), table)))]
    return [flag.replace("_", "-") for flag in found] + ["--workspace", "--config", "--json", "--help", "--workspce"]


def line_of(name: str) -> st.SearchStrategy[list[str]]:
    pairs = st.tuples(st.sampled_from(flags(name)), WORDS).map(list)
    parts = st.lists(pairs | WORDS.map(lambda word: [word]), max_size=4)
    return parts.map(lambda found: [name, *(word for part in found for word in part)])


LINES_OF_COMMANDS = st.sampled_from(sorted(launch.COMMANDS)).flatmap(line_of) | st.lists(WORDS, max_size=3)


def run(argv: list[str]) -> tuple[int, str]:
    """Exit status and stderr, by streams that refuse what a terminal's refuse."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = launch.main(argv)
        except SystemExit as end:  # the help that was asked for
            status = int(end.code or 0)
        sys.stderr.flush()
    return status, err.buffer.getvalue().decode()  # type: ignore[attr-defined]


def only_asked(call: Call[Any]) -> object:
    raise NotReady(f"`{call.name}` takes long and is only asked for here.")


@pytest.fixture
def anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with a workspace under its usual name; what is long is only asked for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts.txt").write_text("Which film?\n")
    workspace = create(tmp_path / "workspace", "")
    with workspace.store() as db:
        add_tasks(db, count=2, overlap=1)
    real: Callable[..., Any] = launch._function

    def function(command: Any) -> Callable[[Call[Any]], object]:
        name = next(name for name, known in launch.COMMANDS.items() if known is command)
        return real(command) if name in DONE_HERE else only_asked

    monkeypatch.setattr(launch, "_function", function)
    return tmp_path


def ends_well(argv: list[str]) -> None:
    status, err = run(argv)
    assert status in (0, 1, 2), (argv, status)
    assert "Traceback" not in err, argv
    assert "An error of the program" not in err, (argv, err)
    if status and err:  # `check` that finds something prints what it found
        assert err.count("\n") == 1, (argv, err)
        assert len(err) < 700, (argv, err)


def many(examples: int) -> Any:
    """The same at each run."""
    quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=examples, derandomize=True, deadline=None, suppress_health_check=quiet)


def any_line(examples: int) -> None:
    many(examples)(given(LINES_OF_COMMANDS)(ends_well))()


def any_file(workspace: Workspace, examples: int) -> None:
    @given(FILES, st.sampled_from(["status", "round", "ppo", "rate", "init"]))
    def check(content: bytes, command: str) -> None:
        (workspace.folder / "workspace.toml").write_bytes(content)
        ends_well([command, "--workspace", str(workspace.folder)])

    many(examples)(check)()


def test_any_command_line(anywhere: Path) -> None:
    any_line(40)


def test_any_workspace_toml(anywhere: Path) -> None:
    any_file(Workspace(anywhere / "workspace"), 40)


@pytest.mark.slow
def test_many_command_lines_and_files(anywhere: Path) -> None:
    any_line(400)
    any_file(Workspace(anywhere / "workspace"), 250)


def test_a_result_that_a_terminal_cannot_show_is_words(anywhere: Path) -> None:
    status, err = run(["backup", "--to", "\udcff"])
    assert (status, err.count("\n")) in ((0, 0), (2, 1)), err
    assert json.dumps(err)
