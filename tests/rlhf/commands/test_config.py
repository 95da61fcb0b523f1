"""`--config FILE`: over workspace.toml, under the flags, with the same bounds."""

from collections.abc import Callable
from pathlib import Path

import pytest

import launch
from rlhf.commands.parse import Call, parse
from store.errors import BadInput
from store.workspace import Workspace

Parsed = Callable[..., Call]


@pytest.fixture
def parsed(fresh: Callable[[Path], Workspace], tmp_path: Path) -> Parsed:
    """A command line read in a workspace that sets two dials, with a file of one's own."""
    made = fresh(tmp_path / "w")
    (made.folder / "workspace.toml").write_text("[ppo]\nsteps = 3\nclip = 0.3\n")

    def call(name: str, told: str, *flags: str) -> Call:
        (tmp_path / "own.toml").write_text(told)
        argv = ["--workspace", str(made.folder), "--config", str(tmp_path / "own.toml"), *flags]
        return parse(name, launch.COMMANDS[name], argv)

    return call


def test_a_file_lies_over_the_workspace_and_under_the_flags(parsed: Parsed) -> None:
    told = "[ppo]\nsteps = 5\nkl_target = 4\n[sampling]\nmax_new_tokens = 9\n"
    asked = parsed("ppo", told, "--kl-target", "2").settings
    assert (asked["ppo"]["clip"], asked["ppo"]["steps"], asked["ppo"]["kl_target"]) == (0.3, 5, 2.0)
    assert asked["sampling"] == {"max_new_tokens": 9}  # no flag of this command, and for its stage all the same
    assert parsed("simulate", told).settings["sampling"] == {"max_new_tokens": 9}
    dotted = parsed("round", told, "--ppo.kl-target", "2").settings
    assert (dotted["ppo"]["steps"], dotted["ppo"]["kl_target"], dotted["sampling"]["max_new_tokens"]) == (5, 2.0, 9)


def test_a_base_model_beside_the_workspace_is_found_from_anywhere(parsed: Parsed, tmp_path: Path) -> None:
    assert parsed("reward", '[model]\nbase_model = "./base"\n').settings["model"] == {
        "base_model": str(tmp_path / "w" / "base")
    }


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("[ppo]\nstpes = 5\n", r"own\.toml: There is no setting ppo\.stpes: did you mean steps\?"),
        ("[ppo]\nsteps = 0\n", r"own\.toml: ppo\.steps is 0: it must be at least 1"),
        ("[pppo]\n", r"own\.toml: There is no setting pppo"),
        ("[ppo\n", r"own\.toml: it is not valid TOML"),
        ("ppo = 5\n", r"own\.toml: ppo is a table of settings"),
        ("[ppo]\nkl_target = 90\n", r"own\.toml: ppo\.kl_target is 90 and ppo\.max_kl is"),
    ],
)
@pytest.mark.parametrize("name", ["ppo", "simulate"])  # the one has the table as flags, the other has no table
def test_a_file_is_held_to_the_bounds(parsed: Parsed, name: str, told: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        parsed(name, told)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for name in ("ppo", "simulate"):
        with pytest.raises(BadInput, match="no such file"):
            parse(name, launch.COMMANDS[name], ["--config", str(tmp_path / "none.toml")])


def test_a_command_without_settings_takes_no_file() -> None:
    with pytest.raises(BadInput, match="no option --config"):
        parse("status", launch.COMMANDS["status"], ["--config", "own.toml"])
