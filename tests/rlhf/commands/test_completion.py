"""What bash offers on Tab, asked of bash itself."""

import shutil
import subprocess
from collections.abc import Callable, Iterable

import pytest

import launch
from rlhf.commands.completion import script

Offered = Callable[..., set[str]]

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@pytest.fixture(scope="module")
def offered() -> Offered:
    """The words that bash offers after others, the last of which has been begun."""
    made = script(launch.COMMANDS, "bash").script

    def after(*typed: str) -> set[str]:
        words = " ".join(f"'{word}'" for word in ("rankloop", *typed))
        lines = (
            f"{made}\nCOMP_WORDS=({words}); COMP_CWORD={len(typed)}; _rankloop; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        done = subprocess.run(["bash", "-c", lines], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return set(done.stdout.split())

    return after


def test_bash_offers_commands_options_and_words(offered: Offered) -> None:
    assert offered("") == {*launch.COMMANDS, "help", "--version"}
    assert offered("ba") == {"backup"}
    assert offered("rate", "--m") == {"--method"}
    assert offered("rate", "--method", "") == {"davidson", "elo", "plackett_luce"}
    assert offered("round", "--ppo.ste") == {"--ppo.steps"}
    assert offered("imports", "re") == {"remove", "restore"}
    assert offered("sft", "--from", "r") == {"rankings"}
    assert offered("ppo", "--conf") == {"--config"}
    assert offered("status", "--conf") == set()


def test_bash_is_left_to_offer_files_where_an_option_waits_for_one(offered: Offered) -> None:
    assert offered("rate", "--workspace", "") == set()
    assert "--workspace" in offered("rate", "--json", "")


def test_every_option_that_is_offered_is_one_of_the_command(
    offered: Offered, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("loop", "generate", "export"):
        with pytest.raises(SystemExit):
            launch.main([name, "--help"])
        told = capsys.readouterr().out
        assert missing(offered(name, "--"), told) == []


def missing(flags: Iterable[str], told: str) -> list[str]:
    return [flag for flag in flags if flag not in told]


def test_zsh_reads_what_bash_does() -> None:
    first, rest = script(launch.COMMANDS, "zsh").script.split("\n", 1)
    assert "bashcompinit" in first
    assert rest == script(launch.COMMANDS, "bash").script
