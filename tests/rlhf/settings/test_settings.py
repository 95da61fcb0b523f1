"""Settings are overlaid, never guessed: an unknown key or another type is an error with a remedy."""

import dataclasses
from typing import Any

import pytest

from rlhf.settings import RoundConfig, Settings, overlay
from store.errors import BadInput


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
