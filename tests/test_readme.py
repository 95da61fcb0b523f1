"""What the README tells a newcomer to type is understood."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

import launch
from rlhf.commands.parse import parse
from rlhf.settings import Settings, overlay

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^python launch\.py (.+)$", README, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_each_launcher_line_parses(line: str) -> None:
    name, *rest = shlex.split(line)
    call = parse(name, launch.COMMANDS[name], rest)
    assert call.workspace.folder == Path("work")
    assert call.common.workspace == Path("work")


def test_there_are_launcher_lines() -> None:
    assert len(COMMANDS) >= 4


def test_each_make_target_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^make ([\w-]+)", README, re.MULTILINE)
    assert {"demo", "test", "serve"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_settings_shown_are_settings() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert overlay(Settings(), tomllib.loads(shown)).ppo.steps == 100


def test_every_path_it_names_is_there() -> None:
    for path in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / path).exists(), path
    stored = {path.name for top in ("rlhf", "store", "annotate", "tests") for path in (ROOT / top).rglob("*")}
    stored |= {path.name for path in ROOT.iterdir()}
    for line in re.search(r"```\nlaunch.py.*?```", README, re.DOTALL).group().splitlines()[1:-1]:  # type: ignore[union-attr]
        name = line.split()[0]
        assert name.rstrip("/") in stored, name
