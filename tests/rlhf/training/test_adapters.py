"""The shape of adapters: rank, alpha and layers as the settings have them, kept with each, and compared when read."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rlhf.training.chat import Sequences
from rlhf.training.models import RoleModel
from store.errors import BadInput


@pytest.fixture(scope="module")
def base(make_base: Callable[..., Path]) -> str:
    return str(make_base("llama"))


def batch(model: RoleModel) -> Sequences:
    return model.chat.sequences([[5, 6], [7, 8, 9, 10]], [[11, 12, 1], [13, 14, 15, 16]])


def perturb(model: RoleModel, role: str) -> None:
    torch.manual_seed(2)
    for parameter in model.parameters(role):  # type: ignore[arg-type]
        parameter.data.add_(torch.randn_like(parameter) * 0.1)


def layers(model: RoleModel) -> set[str]:
    """The layers of the base in which the policy has weights."""
    adapted = [name.split(".lora_")[0] for name, _ in model.peft.named_parameters() if ".lora_" in name]
    return {name.rpartition(".")[2] for name in adapted}


def test_an_adapter_sits_where_the_settings_say_and_weighs_what_they_say(base: str, tmp_path: Path) -> None:
    """Against the formula of LoRA: W x + alpha / r B A x on the layers that are named, and W x on the others."""
    model = RoleModel(base, quantization="none", rank=4, alpha=12, targets="q_proj, down_proj")
    assert layers(model) == {"q_proj", "down_proj"}
    perturb(model, "policy")
    for name, module in model.base.named_modules():
        if not name.endswith(("q_proj", "k_proj", "down_proj")):
            continue
        torch.manual_seed(1)
        x = torch.randn(3, module.in_features)
        with torch.no_grad(), model.role("policy"):
            said = module(x)
        with torch.no_grad(), model.role("base"):
            added = said - module(x)
        if name.endswith("k_proj"):
            assert torch.equal(added, torch.zeros_like(added))
        else:
            a, b = module.lora_A["policy"].weight, module.lora_B["policy"].weight
            torch.testing.assert_close(added, 12 / 4 * x @ a.T @ b.T)
    model.save("policy", tmp_path / "p")
    told = json.loads((tmp_path / "p" / "adapter_config.json").read_text())
    assert (told["r"], told["lora_alpha"], sorted(told["target_modules"])) == (4, 12, ["down_proj", "q_proj"])


def test_alpha_is_twice_the_rank_and_every_layer_but_the_last_has_an_adapter(base: str, tmp_path: Path) -> None:
    model = RoleModel(base, rank=4)
    model.save("policy", tmp_path / "p")
    assert json.loads((tmp_path / "p" / "adapter_config.json").read_text())["lora_alpha"] == 8
    assert layers(model) == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


@pytest.mark.parametrize(
    ("targets", "wrong"),
    [("q_proj,value", "value"), ("lm_head", "lm_head"), (" , ", "no layer"), ("all-linear,z", "all-linear, z")],
)
def test_layers_that_are_not_there_are_named_with_those_that_are(base: str, targets: str, wrong: str) -> None:
    there = "down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj"
    with pytest.raises(BadInput, match=rf"names {wrong}: .* are {there}; name some of them, or write all-linear\."):
        RoleModel(base, rank=4, targets=targets)


def test_an_adapter_of_another_shape_is_refused_by_the_setting_that_differs(base: str, tmp_path: Path) -> None:
    made = RoleModel(base, rank=4, alpha=6, targets="v_proj,q_proj")
    made.save("policy", tmp_path / "p")
    for other, said in (
        ({"rank": 8, "alpha": 6, "targets": "q_proj,v_proj"}, "rank 4 and this workspace uses 8: set `rank`"),
        ({"rank": 4, "targets": "q_proj,v_proj"}, "alpha 6 and this workspace uses 8: set `alpha`"),
        ({"rank": 4, "alpha": 6, "targets": "q_proj"}, "targets q_proj,v_proj and .* uses q_proj: set `targets`"),
    ):
        with pytest.raises(BadInput, match=said):
            RoleModel(base, **other).load("policy", tmp_path / "p")  # type: ignore[arg-type]
    RoleModel(base, rank=4, alpha=6, targets=" q_proj ,v_proj").load("policy", tmp_path / "p")


def test_every_layer_by_name_is_all_linear(base: str, tmp_path: Path) -> None:
    """A workspace may write the names out that all-linear stood for when its adapters were made."""
    model = RoleModel(base, rank=4)
    perturb(model, "policy")
    model.save("policy", tmp_path / "p")
    other = RoleModel(base, rank=4, alpha=8, targets=",".join(sorted(layers(model))))
    other.load("policy", tmp_path / "p")
    seq = batch(model)
    with torch.no_grad(), model.role("policy"), other.role("policy"):
        assert torch.equal(model.logprobs(seq)[0], other.logprobs(seq)[0])
