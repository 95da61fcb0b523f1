"""The shape of adapters, kept with each and compared when read; and several that speak in turn on one base."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from rlhf.settings import SamplingConfig
from rlhf.training.chat import Sequences
from rlhf.training.models import RoleModel, Version
from rlhf.training.sampling import sample
from store.errors import BadInput, Damaged


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


ASKED = ("tea", "red green cake", "yes or no")
SHAPES = {"version-1": {"rank": 4}, "version-2": {"rank": 2, "alpha": 3, "targets": "q_proj,down_proj"}}


def saved(base: str, folder: Path) -> dict[Version, Path]:
    """Two policies of different weights and shape in folders."""
    for number, (name, shape) in enumerate(SHAPES.items()):
        model = RoleModel(base, **shape)  # type: ignore[arg-type]
        torch.manual_seed(number)
        for parameter in model.parameters("policy"):
            parameter.data.add_(torch.randn_like(parameter) * 0.5)
        model.save("policy", folder / name)
    return {Version(name): folder / name for name in SHAPES}


def said(model: RoleModel, voice: str, turn: int) -> tuple[int, ...]:
    chat = [{"role": "user", "content": ASKED[turn]}]
    config = SamplingConfig(responses=1, max_new_tokens=6, seed=turn)
    return sample(model, [chat], config, role=voice)[0][0].token_ids  # type: ignore[arg-type]


def test_two_versions_answer_in_turn_as_each_does_alone(base: str, tmp_path: Path) -> None:
    """And the base and the roles between them as they do where no version is loaded."""
    folders = saved(base, tmp_path)
    alone: dict[str, list[tuple[int, ...]]] = {"base": [said(RoleModel(base, rank=4), "base", t) for t in range(3)]}
    for voice, folder in folders.items():
        model = RoleModel(base, **SHAPES[voice])  # type: ignore[arg-type]
        model.load("policy", folder)
        alone[voice] = [said(model, "policy", turn) for turn in range(3)]
    together = RoleModel(base, rank=4)
    for voice, folder in folders.items():
        together.load(voice, folder)
    for turn in range(3):
        for voice in (*folders, "base"):
            assert said(together, voice, turn) == alone[voice][turn], (turn, voice)
        assert said(together, "policy", turn) == alone["base"][turn]  # fresh, and so the base
    assert len({tuple(answers) for answers in alone.values()}) == 3


def test_a_version_is_not_trained_and_leaves_the_roles_as_they_are(base: str, tmp_path: Path) -> None:
    voice, folder = next(iter(saved(base, tmp_path).items()))
    model = RoleModel(base, rank=4)
    perturb(model, "policy")
    before = [p.detach().clone() for p in model.parameters("policy")]
    model.train_roles("policy")
    model.load(voice, folder)
    with model.role(voice):
        assert not any(p.requires_grad for p in model.parameters(voice))
    with model.role("policy"):
        assert all(p.requires_grad for p in model.parameters("policy"))
    for mine, was in zip(model.parameters("policy"), before, strict=True):
        assert torch.equal(mine, was)
    model.drop(voice)
    assert not model.has(voice)
    assert model.parameters(voice) == []


def test_a_name_may_be_taken_again_by_a_version_of_another_shape(base: str, tmp_path: Path) -> None:
    first, second = saved(base, tmp_path).values()
    model, fresh = RoleModel(base, rank=4), RoleModel(base, rank=4)
    model.load(Version("guest"), first)
    model.load(Version("guest"), second)
    fresh.load(Version("guest"), second)
    assert said(model, "guest", 1) == said(fresh, "guest", 1)


def test_a_damaged_version_is_refused_and_does_not_stay(base: str, tmp_path: Path) -> None:
    voice, folder = next(iter(saved(base, tmp_path).items()))
    file = folder / "adapter_model.safetensors"
    weights = load_file(file)
    next(iter(weights.values()))[0, 0] = float("nan")
    save_file(weights, file)
    model = RoleModel(base, rank=4)
    with pytest.raises(Damaged, match="NaN or infinite in 1 of"):
        model.load(voice, folder)
    assert not model.has(voice)
