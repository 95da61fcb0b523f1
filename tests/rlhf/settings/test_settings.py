"""Settings are overlaid, never guessed: an unknown key or another type is an error with a remedy."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import pytest
from annotated_types import Ge

from rlhf.settings import PPOConfig, RoundConfig, Settings, overlay, ppo_config, settings_of
from rlhf.settings.bounds import describe, plain
from rlhf.settings.dials import dials
from store.errors import BadInput
from store.workspace import Workspace


def test_nothing_to_overlay_changes_nothing() -> None:
    assert overlay(Settings(), {}) == Settings()
    every_value = dataclasses.asdict(Settings())
    assert overlay(Settings(), every_value) == Settings()


def test_the_later_overlay_wins_and_leaves_the_rest() -> None:
    first = overlay(Settings(), {"ppo": {"steps": 3, "gamma": 0.5}, "round": {"min_rankings": 7}})
    second = overlay(first, {"ppo": {"steps": 4}})
    assert (second.ppo.steps, second.ppo.gamma, second.round.min_rankings) == (4, 0.5, 7)
    changed = {"steps": 4, "gamma": 0.5}
    assert dataclasses.replace(second.ppo) == dataclasses.replace(Settings().ppo, **changed)
    assert first.ppo.steps == 3


def test_a_whole_number_is_a_float_and_nothing_else_is_converted() -> None:
    converted = overlay(Settings(), {"ppo": {"gamma": 1}}).ppo.gamma
    assert (converted, type(converted)) == (1.0, float)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"pppo": {}}, r"no setting pppo: did you mean ppo\?"),
        ({"ppo": {"learning_rte": 1.0}}, r"ppo\.learning_rte: did you mean learning_rate\?"),
        ({"round": {"zzz": 1}}, r"round\.zzz: known: min_rankings, auto_promote, judge"),
        ({"ppo": {"steps": "many"}}, r"ppo\.steps is 'many': it must be of type int"),
        ({"ppo": {"steps": 1.5}}, "must be of type int"),
        ({"ppo": {"steps": True}}, "must be of type int"),
        ({"ppo": {"gamma": True}}, "must be of type float"),
        ({"ppo": {"gamma": "1"}}, "must be of type float"),
        ({"rating": {"reliability": 1}}, "must be of type bool"),
        ({"rating": {"method": "glicko"}}, "choose one of 'davidson', 'elo', 'plackett_luce'"),
        ({"model": {"quantization": "int3"}}, "choose one of 'nf4', 'none'"),
        ({"model": {"base_model": 3}}, "must be of type str"),
        ({"ppo": 3}, r"ppo is a table of settings, not 3: write \[ppo\]"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(values: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        overlay(Settings(), values)


def test_every_default_is_of_its_own_type() -> None:
    for field in dataclasses.fields(Settings):
        table = getattr(Settings(), field.name)
        assert overlay(table, dataclasses.asdict(table)) == table
    assert overlay(RoundConfig(), {"judge": "simulated"}).judge == "simulated"


def test_the_page_s_guideline_is_a_setting() -> None:
    assert overlay(Settings(), {"annotate": {"guideline": "Be kind."}}).annotate.guideline == "Be kind."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("round = 3", r"round is a table of settings, not 3"),
        ("[round]\nmin_rankings = 'x'", r"round\.min_rankings is 'x': it must be of type int"),
        ("[round]\nmin_rankings = true", "must be of type int"),
        ("[round]\nmin_rankings = 0", r"round\.min_rankings is 0: it must be at least 1"),
        ("[annotate]\nguidline = 'Be kind.'", r"annotate\.guidline: did you mean guideline\?"),
        ("annotate = 3", r"write \[annotate\] above its keys"),
    ],
)
def test_workspace_toml_is_read_by_one_function(tmp_path: Path, text: str, said: str) -> None:
    workspace = Workspace(tmp_path)
    assert settings_of(workspace) == Settings()
    (tmp_path / "workspace.toml").write_text("[round]\nmin_rankings = 5")
    assert settings_of(workspace).round.min_rankings == 5
    (tmp_path / "workspace.toml").write_text(text)
    with pytest.raises(BadInput, match=said):
        settings_of(workspace)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ppo": {"learning_rate": -1.0}}, r"ppo\.learning_rate is -1\.0: it must be above 0, at most 1"),
        ({"ppo": {"steps": 0}}, "at least 1"),
        ({"ppo": {"gae_lambda": 5.0}}, "at least 0, at most 1"),
        ({"ppo": {"clip": -1.0}}, "above 0"),
        ({"ppo": {"kl_target": float("nan")}}, "finite"),
        ({"ppo": {"kl_target": float("inf")}}, "finite"),
        ({"ppo": {"temperature": 0.0}}, "above 0"),
        ({"ppo": {"epochs": 0}}, "at least 1"),
        ({"sampling": {"top_p": 0.0}}, "above 0"),
        ({"sampling": {"seed": -1}}, "at least 0"),
        ({"sampling": {"seed": 2**40}}, "below 2"),
        ({"model": {"rank": 0}}, "at least 1"),
        ({"generate": {"overlap_share": 1.5}}, "at most 1"),
    ],
)
def test_what_cannot_be_is_refused_by_the_bound_beside_the_field(values: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        overlay(Settings(), values)


def test_every_number_has_a_bound_and_every_setting_a_sentence() -> None:
    for table in dataclasses.fields(Settings):
        for dial in dials(type(getattr(Settings(), table.name))):
            assert dial.help.endswith((".", ")")), (table.name, dial.name)
            if plain(dial.hint) in (int, float):
                assert dial.bounds, (table.name, dial.name)


def test_a_dial_says_what_stands_under_its_field_inherited_or_not() -> None:
    said = {dial.name: dial for dial in dials(PPOConfig)}
    assert said["steps"].help == "Iterations of rollout and update."
    assert said["minibatches"].help == "Optimiser steps in an epoch."
    assert (said["clip"].bounds, said["steps"].bounds) == ("above 0, at most 1", "at least 1")


@dataclasses.dataclass(frozen=True)
class Loose:
    """Settings that may be left open."""

    most: Annotated[int, Ge(1)] | None = None
    name: str | None = None


def test_a_setting_may_be_optional() -> None:
    assert overlay(Loose(most=3), {"most": None}) == Loose()
    assert overlay(Loose(), {"most": 3, "name": "x"}) == Loose(3, "x")
    for value, said in ((0, "at least 1"), ("3", "of type int"), (1.5, "of type int")):
        with pytest.raises(BadInput, match=said):
            overlay(Loose(), {"most": value})
    assert describe(Annotated[int, Ge(1)] | None) == "at least 1"


def test_ppo_samples_as_the_ranked_answers_were_sampled(caplog: pytest.LogCaptureFixture) -> None:
    assert ppo_config(Settings()) == PPOConfig()
    found = ppo_config(overlay(Settings(), {"sampling": {"max_new_tokens": 512, "temperature": 0.7}}))
    assert found == PPOConfig(max_new_tokens=512, temperature=0.7)
    same = {"max_new_tokens": 512, "temperature": 0.7}
    assert ppo_config(overlay(Settings(), {"sampling": same, "ppo": {**same, "steps": 3}})).steps == 3
    assert not caplog.text


def test_where_both_are_given_and_differ_the_own_one_holds_and_a_line_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = {"sampling": {"max_new_tokens": 512, "temperature": 0.7}, "ppo": {"max_new_tokens": 64}}
    assert ppo_config(overlay(Settings(), given)) == PPOConfig(max_new_tokens=64, temperature=0.7)
    (line,) = caplog.messages
    assert line.startswith("PPO trains with max_new_tokens 64 and [sampling] has max_new_tokens 512: ")
    caplog.clear()
    assert ppo_config(overlay(Settings(), {**given, "ppo": {"temperature": 1}})).temperature == 1.0
    assert caplog.messages[0].startswith("PPO trains with temperature 1 and [sampling] has temperature 0.7: ")


def test_ppo_never_samples_at_temperature_zero(caplog: pytest.LogCaptureFixture) -> None:
    assert ppo_config(overlay(Settings(), {"sampling": {"temperature": 0}})) == PPOConfig(temperature=1.0)
    (line,) = caplog.messages
    assert line.startswith("PPO samples at temperature 1: ")
    caplog.clear()
    assert ppo_config(overlay(Settings(), {"sampling": {"temperature": 0}, "ppo": {"temperature": 0.5}})).temperature
    assert len(caplog.messages) == 1
