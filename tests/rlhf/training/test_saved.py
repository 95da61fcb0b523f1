"""What lies in a model's folder is taken whole or refused in words, and a refusal leaves the model as it was."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rlhf.training.models import RoleModel
from store.errors import BadInput, Damaged, PlatformError

ADAPTER, CONFIG, HEAD = "adapter_model.safetensors", "adapter_config.json", "head.safetensors"


@pytest.fixture(scope="module")
def model(make_base: Callable[..., Path]) -> RoleModel:
    """A model that is read into again and again: each refusal has to leave it as it was."""
    return RoleModel(str(make_base("llama")), rank=4)


@pytest.fixture(scope="module")
def whole(model: RoleModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound folder of a reward model."""
    folder = tmp_path_factory.mktemp("whole") / "reward"
    model.fresh("reward")
    model.save("reward", folder)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to be hurt."""
    return Path(shutil.copytree(whole, tmp_path / "reward"))


def cut(name: str) -> Callable[[Path], None]:
    def hurt(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return hurt


def emptied(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(b"") and None


def gone(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def foreign(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(b"\x89PNG" * 200) and None


def a_folder(name: str) -> Callable[[Path], None]:
    def hurt(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return hurt


def weights(name: str, change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    def hurt(folder: Path) -> None:
        held = load_file(folder / name)
        change(held)
        save_file({key: value.contiguous() for key, value in held.items()}, folder / name)

    return hurt


def first(held: dict[str, torch.Tensor]) -> str:
    return sorted(held)[0]


def one_number(number: float) -> Callable[[dict[str, torch.Tensor]], Any]:
    return lambda held: held[first(held)].view(-1).__setitem__(-1, number)


def config(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def hurt(folder: Path) -> None:
        (folder / CONFIG).write_text(json.dumps(change(json.loads((folder / CONFIG).read_text()))))

    return hurt


HURT: dict[str, tuple[Callable[[Path], None], type[PlatformError], str]] = {
    "adapter cut": (cut(ADAPTER), Damaged, "cannot be read"),
    "adapter emptied": (emptied(ADAPTER), Damaged, "cannot be read"),
    "adapter gone": (gone(ADAPTER), BadInput, "holds no adapter"),
    "adapter foreign": (foreign(ADAPTER), Damaged, "cannot be read"),
    "adapter a folder": (a_folder(ADAPTER), Damaged, "cannot be read"),
    "adapter with NaN": (weights(ADAPTER, one_number(float("nan"))), Damaged, "NaN or infinite in 1 of"),
    "adapter with Inf": (weights(ADAPTER, one_number(float("-inf"))), Damaged, "NaN or infinite in 1 of"),
    "adapter lacks one": (weights(ADAPTER, lambda w: w.pop(first(w))), BadInput, "1 weights are missing, 0 unknown"),
    "adapter has one more": (weights(ADAPTER, lambda w: w.update(x=torch.ones(1))), BadInput, "1 unknown"),
    "adapter of another width": (
        weights(ADAPTER, lambda w: w.update({first(w): torch.ones(4, 7)})),
        BadInput,
        "1 of another shape",
    ),
    "config cut": (cut(CONFIG), Damaged, "cannot be read"),
    "config gone": (gone(CONFIG), Damaged, "cannot be read"),
    "config foreign": (foreign(CONFIG), Damaged, "cannot be read"),
    "config a list": (config(lambda c: [c]), Damaged, "cannot be read"),
    "config without rank": (config(lambda c: {}), Damaged, "no key 'r'"),
    "config with a word": (config(lambda c: c | {"r": "four"}), Damaged, "'four' for `r`"),
    "config without layers": (config(lambda c: c | {"target_modules": None}), Damaged, "target_modules"),
    "config of another rank": (config(lambda c: c | {"r": 8}), BadInput, "rank 8 and this workspace uses 4"),
    "head gone": (gone(HEAD), Damaged, "cannot be read"),
    "head cut": (cut(HEAD), Damaged, "cannot be read"),
    "head with NaN": (weights(HEAD, one_number(float("nan"))), Damaged, "NaN or infinite"),
    "head of another width": (weights(HEAD, lambda w: w.update(weight=torch.ones(1, 3))), Damaged, "(1, 3)"),
    "head without bias": (weights(HEAD, lambda w: w.pop("bias")), Damaged, "belongs"),
    "fingerprint a list": (
        lambda folder: (folder / "base.json").write_text("[]") and None,
        BadInput,
        "not valid JSON",
    ),
}


@pytest.mark.parametrize("how", HURT)
def test_a_hurt_folder_is_refused_in_words_and_leaves_nothing_behind(
    model: RoleModel, folder: Path, how: str
) -> None:
    hurt, kind, said = HURT[how]
    hurt(folder)
    for role in ("reward", "value"):  # one that is there, and one that is not
        before = [p.clone() for p in model.parameters(role)]  # type: ignore[arg-type]
        with pytest.raises(PlatformError) as refused:
            model.load(role, folder)  # type: ignore[arg-type]
        assert type(refused.value) is kind
        assert said in str(refused.value)
        assert str(folder) in str(refused.value)
        after = model.parameters(role)  # type: ignore[arg-type]
        assert len(before) == len(after)
        assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_the_sound_folder_is_taken(model: RoleModel, whole: Path) -> None:
    model.load("reward", whole)
    assert model.parameters("value") == []
