"""What a shell needs in order to complete a command line: commands, options, and the words that an option may be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rlhf.commands.options import Common, ConfigOptions
from rlhf.commands.parse import Command, in_a_flag
from rlhf.settings import Settings
from rlhf.settings.bounds import choices
from rlhf.settings.dials import dials
from store.called import INSTALLED

_SCRIPT = """_rankloop() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=
    if ((COMP_CWORD == 1)); then
        words="%s"
    else
        case "${COMP_WORDS[1]} $before" in
%s
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _rankloop %s"""
"""`-o default` completes file names where no word fits."""
_BASH_IN_ZSH = "autoload -U +X bashcompinit && bashcompinit"


@dataclass(frozen=True)
class Completion:
    """The text that a shell has to read."""

    script: str


def script(commands: Mapping[str, Command], shell: str) -> Completion:
    """The functions that complete a command line of `rankloop`; zsh reads those of bash."""
    cases = [line for name, command in commands.items() for line in _cases(name, command)]
    made = _SCRIPT % (" ".join([*commands, "help", "--version"]), "\n".join(cases), INSTALLED)
    return Completion(f"{_BASH_IN_ZSH}\n{made}" if shell == "zsh" else made)


def _cases(name: str, command: Command) -> Iterator[str]:
    """What may follow each option of a command, then what may stand where no option waits for its value."""
    offered: list[str] = []
    for written, words, takes in _options(command):
        if not written.startswith("-"):
            offered += words
            continue
        offered.append(written)
        if takes:
            yield f'            "{name} {written}") words="{" ".join(words)}" ;;'
    yield f'            "{name} "*) words="{" ".join(offered)}" ;;'


def _options(command: Command) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Each option as it is written, the words that it may be, and whether it takes a value."""
    settings = Settings()
    groups: list[tuple[str, Any]] = [("", command.options)]
    groups += [(f"{table}." if table in command.parts else "", getattr(settings, table)) for table in command.tables]
    groups += [(f"{table}.", getattr(settings, table)) for table in command.parts]
    groups += [("", ConfigOptions)] * command.configured + [("", Common)]
    for prefix, config in groups:
        for dial in dials(config if isinstance(config, type) else type(config)):
            if not hasattr(config, dial.name):
                yield dial.name, choices(dial.hint), False
                continue
            default = getattr(config, dial.name)
            off = "no-" if default is True else ""
            yield f"--{prefix}{off}{in_a_flag(dial.name)}", choices(dial.hint), not isinstance(default, bool)
    yield "--help", (), False
