"""Messages name the command that was called: `python launch.py` in a checkout, `rankloop` where it is installed."""

import importlib
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import launch
from store.called import CALLED, CHECKOUT
from store.workspace import Workspace

ROOT = Path(__file__).resolve().parents[3]
Say = Callable[..., str]


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Say:
    """All that one call prints, by the entry that pyproject.toml gives `rankloop`, or by launch.py itself."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, function = scripts["rankloop"].split(":")
    installed = getattr(importlib.import_module(module), function)

    def call(*argv: str, by: str) -> str:
        monkeypatch.setenv(CALLED, "")  # so that it is as before in the end
        monkeypatch.delenv(CALLED)
        monkeypatch.setattr("sys.argv", [by, *argv])
        capfd.readouterr()
        with suppress(SystemExit):
            installed() if by == "rankloop" else launch.main()
        return "".join(capfd.readouterr())

    return call


def test_every_message_names_the_command_that_was_called(
    say: Say, fresh: Callable[[Path], Workspace], tmp_path: Path
) -> None:
    here = ("--workspace", str(fresh(tmp_path / "w").folder))
    (tmp_path / "w" / "models" / ".writing-policy").mkdir()
    for argv, named in [
        ((), "{} COMMAND"),
        (("rate", "--bogus", *here), "`{} rate --help`"),
        (("rate", "--workspace", str(tmp_path / "none")), "`{} init --workspace"),
        (("status", *here), "Import prompts: {} import FILE"),
        (("check", *here), "`{} check --repair`"),
        (("user", "reset", "nobody", *here), "`{} user list`"),
    ]:
        installed, checkout = say(*argv, by="rankloop"), say(*argv, by="launch.py")
        assert named.format("rankloop") in installed, argv
        assert "launch.py" not in installed, argv
        assert named.format(CHECKOUT) in checkout, argv
        assert f"{CHECKOUT} " + installed.partition("rankloop ")[2].partition(" ")[0] in checkout, argv


def test_the_help_shows_what_is_typed(say: Say) -> None:
    assert "usage: rankloop rate " in say("rate", "--help", by="rankloop")
    assert "usage: launch.py rate " in say("rate", "--help", by="launch.py")
