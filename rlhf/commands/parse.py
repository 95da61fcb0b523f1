"""Reads a command line: the command's own options, and the settings of the workspace that it names."""

import argparse
import dataclasses
import difflib
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin

import tyro
from tyro import _errors as failures

from rlhf.commands.console import readable
from rlhf.commands.options import Common, ConfigOptions
from rlhf.settings import settings_of, tables_of
from rlhf.settings.bounds import choices, optional, plain
from rlhf.settings.dials import Dial, dials
from rlhf.settings.kinds import NoOptions
from rlhf.settings.overlay import checked, overlay, short
from store.called import CHECKOUT, as_called
from store.errors import BadInput
from store.records import Json
from store.workspace import Workspace

Options = TypeVar("Options")

_NOT_A_LIST = "Could not find valid parse for arguments: "
"""What tyro says of words that are not of a list's type, which here is always whole numbers."""
_MARKS = (tyro.conf.FlagCreatePairsOff, tyro.conf.PositionalMetavarFromFieldName)


@dataclass(frozen=True)
class Command:
    """One command: its line in the overview, the function that does it (or `module:function`), and its options.

    `tables` are settings whose dials are flags of their own (`--steps`), `parts` those whose flags carry the table's
    name (`--ppo.steps`). A `configured` command takes a file of settings too (`--config`). A `quiet` command has
    printed all that a person needs by the time it ends, so its result is printed with `--json` only; `shown` is the
    function that makes lines of a result for a person.
    """

    summary: str
    run: str | Callable[["Call[Any]"], object]
    options: type = NoOptions
    tables: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    configured: bool = False
    quiet: bool = False
    shown: Callable[[Json, str], str] = readable


@dataclass(frozen=True)
class Call(Generic[Options]):
    """One call of the launcher: the command's name, the common options, its own options.

    `settings` are its settings tables, as flags have them, and what a file of `--config` says of others.
    """

    name: str
    common: Common
    options: Options
    settings: dict[str, dict[str, object]]

    @property
    def workspace(self) -> Workspace:
        """The workspace that `--workspace` names."""
        return Workspace(self.common.workspace)


def parse(name: str, command: Command, argv: Sequence[str]) -> Call[Any]:
    """Read the command line of one command; the defaults of its settings are those of the workspace that it names.

    Raises BadInput for an option that is not known, not of its type or outside its bounds, and for a workspace.toml
    or a file of settings that cannot be used. Exits with 0 after printing the help that was asked for.
    """
    own, tables = command.options, _tables(command, argv)
    fields: list[Any] = [("command", Annotated[_flags(own), tyro.conf.OmitArgPrefixes])]
    for table, config in tables.items():
        flat = table in command.tables
        fields.append((table, Annotated[_flags(config), tyro.conf.OmitArgPrefixes] if flat else _flags(config)))
    fields.append(("common", Annotated[_flags(Common()), tyro.conf.OmitArgPrefixes]))
    if command.configured:
        fields.append(("file", Annotated[_flags(ConfigOptions()), tyro.conf.OmitArgPrefixes]))
    shape = dataclasses.make_dataclass(name.title(), fields, kw_only=True)
    shape.__doc__ = f"{command.summary[0].upper()}{command.summary[1:]}."
    program = f"{as_called(CHECKOUT)} {name}"
    with failures.on_parse_error(_refuse(program, shape)):
        parsed: Any = tyro.cli(shape, prog=program.removeprefix("python "), args=list(argv), config=_MARKS)
    settings = {t: _read(config, getattr(parsed, t), t if t in command.parts else "") for t, config in tables.items()}
    common = Common(**_read(Common(), parsed.common))
    workspace = Workspace(common.workspace)
    if command.configured and (config := _read(ConfigOptions(), parsed.file)["config"]):
        laid = settings_of(workspace, config)
        told = {table: [*values] for table, values in tables_of(config).items()}
        settings = {t: {key: getattr(getattr(laid, t), key) for key in keys} for t, keys in told.items()} | settings
    if settings:
        overlay(settings_of(workspace), settings)  # whether they can go together, with the others
    return Call(name, common, command.options(**_read(own, parsed.command)), settings)


def _tables(command: Command, argv: Sequence[str]) -> dict[str, object]:
    """The settings tables that are flags too, as the workspace, or a file of settings over it, has them."""
    if not command.tables and not command.parts:
        return {}
    # The folder first, before the rest can be understood: the defaults of the other flags lie in it.
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--workspace", type=Path, default=Common.workspace)
    first.add_argument("--config", type=Path, default=ConfigOptions.config)
    try:
        known = first.parse_known_args(list(argv))[0]
    except argparse.ArgumentError:  # `--workspace` without a folder, which is refused in words later
        known = first.parse_args([])
    settings = settings_of(Workspace(known.workspace), known.config if command.configured else None)
    return {table: getattr(settings, table) for table in (*command.tables, *command.parts)}


def _flags(config: Any) -> Any:
    """A dataclass for tyro: each dial with its docstring and bounds as help; one without a default is positional.

    Positional ones come in their order: an action (a choice of words), then what it is done to (a tuple: any number).
    """
    table = config if isinstance(config, type) else type(config)
    required, optional = [], []
    for dial in dials(table):
        default = getattr(config, dial.name, None)
        told: Any = Annotated[dial.hint, _help(dial, default)]
        if hasattr(config, dial.name):
            optional.append((dial.name, told, dataclasses.field(default=default)))
        else:
            required.append((dial.name, Annotated[told, tyro.conf.Positional]))
    made = dataclasses.make_dataclass(table.__name__, [*required, *optional])
    made.__doc__ = table.__doc__
    return made


def _help(dial: Dial, default: object) -> Any:
    """What `--help` says of a dial; of one that is on, the flag is `--no-...`, which switches it off."""
    bounds = f" {dial.bounds[0].upper()}{dial.bounds[1:]}." if dial.bounds else ""
    arg = partial(tyro.conf.arg, name=in_a_flag(dial.name) if dial.name.endswith("_") else None)
    if default is True:
        return arg(help=f"Switch off: {dial.help[0].lower()}{dial.help[1:]}", help_behavior_hint="")
    if default is False:
        return arg(help=dial.help, help_behavior_hint="")
    if default is None:  # tyro would name the value {None}|STR, and the default None
        kind = plain(dial.hint)
        words = ",".join(choices(dial.hint)) if optional(dial.hint) else ""
        metavar = kind.__name__.upper() if kind else f"{{{words}}}" if words else None
        return arg(help=f"{dial.help}{bounds}", metavar=metavar, help_behavior_hint="")
    if default == ():  # a list that may be left empty
        return arg(help=f"{dial.help}{bounds}", help_behavior_hint="")
    return arg(help=f"{dial.help}{bounds}")


def in_a_flag(field: str) -> str:
    """A field as its flag names it; `from_` stands for a word that Python keeps for itself."""
    return field.rstrip("_").replace("_", "-")


def _read(config: object, parsed: object, prefix: str = "") -> dict[str, Any]:
    """The values of one table, each within its bounds."""
    table = config if isinstance(config, type) else type(config)
    where = f"--{prefix}." if prefix else "--"
    values: dict[str, Any] = {}
    for dial in dials(table):
        positional = not hasattr(config, dial.name)
        name = dial.name.upper() if positional else f"{where}{in_a_flag(dial.name)}"
        value = getattr(parsed, dial.name)
        if isinstance(value, tuple):
            values[dial.name] = tuple(checked(name, _item(dial.hint), item) for item in value)
        else:
            values[dial.name] = checked(name, dial.hint, value)
    return values


def _item(hint: Any) -> object:
    """X of `tuple[X, ...]`, which may carry a mark of tyro's."""
    plainly = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return get_args(plainly)[0]


def _refuse(program: str, shape: Any) -> failures.ParseErrorHook:
    """The function that tyro calls where the command line is wrong; it raises one line in place of tyro's box."""

    def refuse(event: failures.ParseErrorEvent, /) -> None:
        raise BadInput(f"{_sentence(event, shape).rstrip('.')}: see `{program} --help`.")

    return refuse


def _sentence(event: failures.ParseErrorEvent, shape: Any) -> str:
    match event:
        case failures.UnrecognizedArgs(tokens=[first, *_]):
            if not first.startswith("-"):
                return f"{short(first)} is one word too many"
            near = difflib.get_close_matches(first, _all_flags(shape), 1)
            return f"There is no option {first[:80]}" + (f", did you mean {near[0]}?" if near else "")
        case failures.InvalidChoice(argument=argument, value=value, choices=choices):
            return f"{_flag(argument)} is {short(value)}, choose one of {', '.join(choices)}"
        case failures.BadValue(argument=argument):
            return f"Missing value for {_flag(argument)}"
        case failures.InstantiationFailure(argument=argument, message=message):
            said = textwrap.shorten(message.splitlines()[0], 200)  # a choice of types explains itself over many lines
            if said.startswith(_NOT_A_LIST):
                said = f"{said.removeprefix(_NOT_A_LIST)} is no list of whole numbers"
            return f"{_flag(argument)}: {said}" if argument else said
        case failures.MissingArgs(missing_arguments=missing):
            return f"Missing: {', '.join(_flag(lacking.arg) for lacking in missing)}"
    return str(event)


def _flag(argument: Any) -> str:
    """`--steps`, or `FILE` for a positional one."""
    return (
        str(argument.field.intern_name).upper()
        if argument.is_positional()
        else str(argument.lowered.name_or_flags[0])
    )


def _all_flags(shape: Any) -> list[str]:
    flags = []
    for group in dataclasses.fields(shape):
        flat = hasattr(group.type, "__metadata__")
        table: Any = get_args(group.type)[0] if flat else group.type
        prefix = "" if flat else f"{group.name}."
        flags += [f"--{prefix}{in_a_flag(field.name)}" for field in dataclasses.fields(table)]
    return flags
