"""Whatever is put into whatever setting: it is taken where it can be, or refused in one line that names it.

The settings are those that there are, so a new one is held to this by itself.
"""

import dataclasses
import datetime
import math
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from annotated_types import Ge, Gt, Le, Lt

from rlhf.commands.parse import Command, parse
from rlhf.settings import KINDS, Settings, overlay
from rlhf.settings.dials import Dial, dials
from store.errors import BadInput
from store.workspace import Workspace

VALUES: list[Any] = [
    *(math.nan, math.inf, -math.inf, -1, -1.0, -0.5, 0, 0.0, -0.0, 1, 2, 5, 99, 1.0, 0.5, 1.5, 1.0000001, 5e-324),
    *(1e308, -1e308, 2**31 - 1, 2**31, -(2**31), 10**18 - 1, 10**18, 2**63, 10**30, -(10**30), 10**400, 0.1 + 0.2j),
    *(True, False, None, "", " ", "x", "nan", "0", "nf4", "elo", "a\nb", "a\0b", "\ud800", b"5", "x" * 5000),
    *([], [1], (1,), {}, {"a": 1}, {1}, datetime.date(2026, 1, 1), datetime.time(1), object, len),
]
WORDS = ["nan", "inf", "-1", "1.5", "9" * 30, "9" * 5000, "", "a b", "\udcff"]
TABLES = [(f.name, dial) for f in dataclasses.fields(Settings) for dial in dials(type(getattr(Settings(), f.name)))]


def possible(hint: Any, value: Any) -> bool:
    """Whether a value is what a field's type says, read from the type alone."""
    if get_origin(hint) in (Union, types.UnionType):
        return value is None or possible(next(h for h in get_args(hint) if h is not type(None)), value)
    if get_origin(hint) is Literal:
        return type(value) is str and value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, list | tuple) and all(possible(get_args(hint)[0], held) for held in value)
    bounds = ()
    if get_origin(hint) is Annotated:
        hint, *bounds = get_args(hint)
    if type(value) is int and hint in (int, float):
        return abs(value) < 10**18 and within(bounds, value)
    if type(value) is not hint:
        return False
    if hint is str:
        return "\0" not in value and not any(0xD800 <= ord(letter) < 0xE000 for letter in value)
    return hint is bool or (math.isfinite(value) and within(bounds, value))


def within(bounds: Any, value: float) -> bool:
    for bound in bounds:
        if (isinstance(bound, Ge) and value < bound.ge) or (isinstance(bound, Gt) and value <= bound.gt):
            return False
        if (isinstance(bound, Le) and value > bound.le) or (isinstance(bound, Lt) and value >= bound.lt):
            return False
    return True


def refused_well(error: BadInput, *names: str) -> None:
    said = str(error)
    assert "\n" not in said
    assert len(said) < 400, said
    assert any(name in said for name in names), said


def others_are_named(error: BadInput) -> None:
    named = sum(f"{table}.{dial.name}" in str(error) for table, dial in TABLES)
    assert named > 1 or "people compare at least 2" in str(error), error


def test_there_are_forty_values_and_more() -> None:
    assert len(VALUES) >= 40
    assert len(TABLES) >= 50


@pytest.mark.parametrize(("table", "dial"), TABLES, ids=lambda x: x.name if isinstance(x, Dial) else x)
def test_what_a_setting_cannot_be_is_refused_by_name(table: str, dial: Dial) -> None:
    name = f"{table}.{dial.name}"
    for value in VALUES:
        try:
            got = overlay(Settings(), {table: {dial.name: value}})
        except BadInput as error:
            refused_well(error, name)
            if possible(dial.hint, value):  # then it was another setting that it does not go with
                others_are_named(error)
            continue
        assert possible(dial.hint, value), (name, value)
        taken_as = getattr(getattr(got, table), dial.name)
        assert taken_as == (float(value) if type(taken_as) is float else value)


@pytest.mark.parametrize("value", [v for v in VALUES if not isinstance(v, dict)], ids=repr)
def test_a_table_that_is_none_is_refused(value: Any) -> None:
    for field in dataclasses.fields(Settings):
        with pytest.raises(BadInput, match=rf"{field.name} is a table of settings, not ") as refused:
            overlay(Settings(), {field.name: value})
        refused_well(refused.value, field.name)


def flags() -> list[tuple[str, str, Dial]]:
    """Each setting that is a flag somewhere: the command, the flag, the setting."""
    found: dict[tuple[str, str], tuple[str, str, Dial]] = {}
    for command, kind in KINDS.items():
        for table in (*kind.tables, *kind.parts):
            for dial in dials(type(getattr(Settings(), table))):
                prefix = "" if table in kind.tables else f"{table}."
                flag = f"--{prefix}{dial.name}".replace("_", "-")
                found.setdefault((table, dial.name), (command, flag, dial))
        for dial in dials(kind.options):
            found.setdefault((command, dial.name), (command, f"--{dial.name}".replace("_", "-"), dial))
    return list(found.values())


@pytest.mark.slow
@pytest.mark.parametrize(("command", "flag", "dial"), flags(), ids=lambda x: "" if isinstance(x, Dial) else x)
def test_what_a_flag_cannot_be_is_refused_by_name(command: str, flag: str, dial: Dial, tmp_path: Any) -> None:
    taken(command, flag, dial, WORDS, tmp_path)


def test_a_flag_of_each_type_is_refused_by_name(tmp_path: Any) -> None:
    one_of_each = {str(dial.hint): (command, flag, dial) for command, flag, dial in flags() if command == "ppo"}
    for command, flag, dial in one_of_each.values():
        taken(command, flag, dial, ["nan"], tmp_path)


def taken(command: str, flag: str, dial: Dial, words: list[str], folder: Any) -> None:
    kind = KINDS[command]
    asked = Command(kind.summary, "none:none", kind.options, kind.tables, kind.parts)
    for word in words:
        try:
            call = parse(command, asked, [flag, word, "--workspace", str(folder)])
        except BadInput as error:
            # What stands behind a switch is a word too many, or no option; and two settings may not go together.
            refused_well(error, flag, "one word too many", "There is no option", f"ppo.{dial.name} is")
            continue
        tables = [dataclasses.asdict(call.options), *call.settings.values()]
        got = [table[dial.name] for table in tables if dial.name in table]
        assert any(possible(dial.hint, value) for value in got), (flag, word)


RELATIONS = [
    ({"ppo": {"minibatches": 8, "prompts_per_step": 4}}, ["ppo.minibatches is 8", "prompts_per_step is 4"]),
    ({"ppo": {"prompts_per_step": 1}}, ["ppo.minibatches is 2", "prompts_per_step is 1"]),
    ({"ppo": {"kl_target": 12.0}}, ["ppo.kl_target is 12", "max_kl is 12"]),
    ({"ppo": {"max_drift": 11.0}}, ["ppo.max_drift is 11", "max_kl is 12"]),
    ({"sampling": {"responses": 1}}, ["sampling.responses is 1", "at least 2"]),
    ({"sampling": {"responses": 2}}, ["generate.previous is 1", "generate.base is 1", "sampling.responses is 2"]),
    ({"gate": {"alpha": 0.001}}, ["gate.alpha is 0.001", "gate.permutations is 499"]),
]


@pytest.mark.parametrize(("tables", "said"), RELATIONS)
def test_settings_that_cannot_go_together_are_refused_wherever_they_stand(
    tables: dict[str, dict[str, Any]], said: list[str], tmp_path: Any
) -> None:
    with pytest.raises(BadInput) as refused:
        overlay(Settings(), tables)
    refused_well(refused.value, said[0])
    assert all(part in str(refused.value) for part in said)
    if set(tables) <= {"ppo", "sampling", "gate"}:
        asked = Command("try it", "none:none", tables=tuple(tables))
        words = [w for t in tables.values() for k, v in t.items() for w in (f"--{k}".replace("_", "-"), str(v))]
        with pytest.raises(BadInput, match=said[0]):
            parse("x", asked, [*words, "--workspace", str(tmp_path)])


@pytest.mark.parametrize(
    "tables",
    [
        {"ppo": {"minibatches": 4, "prompts_per_step": 4}},
        {"ppo": {"kl_target": 11.9}},
        {"sampling": {"responses": 2}, "generate": {"previous": 1, "base": 0}},
        {"sampling": {"responses": 3}},
        {"gate": {"alpha": 0.001, "permutations": 999}},
    ],
)
def test_settings_that_just_go_together_are_taken(tables: dict[str, dict[str, Any]]) -> None:
    got = overlay(Settings(), tables)
    for table, values in tables.items():
        assert {k: getattr(getattr(got, table), k) for k in values} == values


def test_a_command_sees_what_its_flags_make_of_the_whole_workspace(tmp_path: Any) -> None:
    (tmp_path / "workspace.toml").write_text("[ppo]\nprompts_per_step = 8\n")
    assert Workspace(tmp_path).settings() == {"ppo": {"prompts_per_step": 8}}
    asked = Command("try it", "none:none", tables=("ppo",))
    parse("ppo", asked, ["--minibatches", "8", "--workspace", str(tmp_path)])
    with pytest.raises(BadInput, match=r"ppo\.minibatches is 9 and ppo\.prompts_per_step is 8"):
        parse("ppo", asked, ["--minibatches", "9", "--workspace", str(tmp_path)])
