"""An adapter knows its base: a twin, another tokenizer or another template is refused, another place is not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from rlhf.training.fingerprint import FILE, Fingerprint, fingerprint
from rlhf.training.models import RoleModel
from store.errors import BadInput

Make = Callable[..., Path]


def of(folder: Path) -> Fingerprint:
    return RoleModel(str(folder), rank=4).fingerprint


@pytest.fixture
def twin(make_base: Make, tmp_path: Path) -> Path:
    """A copy of a base, to be changed."""
    return Path(shutil.copytree(make_base("llama"), tmp_path / "twin"))


def reweigh(folder: Path, name: str, by: float) -> None:
    weights = load_file(folder / "model.safetensors")
    weights[name] = weights[name] * by
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def test_it_is_of_the_model_and_not_of_where_and_how_it_was_saved(make_base: Make, twin: Path) -> None:
    first = of(twin)
    config = json.loads((twin / "config.json").read_text())
    (twin / "config.json").write_text(json.dumps({**config, "transformers_version": "9.9", "use_cache": False}))
    assert of(twin) == first
    for sharded in (make_base("llama", save={"max_shard_size": "100KB"}), make_base("llama")):
        assert of(sharded).model == first.model


@pytest.mark.parametrize("layer", ["model.layers.1.mlp.down_proj.weight", "model.norm.weight", "lm_head.weight"])
def test_a_fine_tuned_twin_is_another_model(twin: Path, layer: str) -> None:
    first = of(twin)
    reweigh(twin, layer, 1.01)
    assert (of(twin).model == first.model, of(twin).tokenizer) == (False, first.tokenizer)


def test_an_adapter_of_another_base_is_refused_by_what_differs(make_base: Make, twin: Path, tmp_path: Path) -> None:
    model = RoleModel(str(twin), rank=4)
    model.save("policy", tmp_path / "p")
    model.load("policy", tmp_path / "p")
    moved = Path(shutil.copytree(twin, tmp_path / "moved"))
    RoleModel(str(moved), rank=4).load("policy", tmp_path / "p")

    reweigh(moved, "model.layers.0.self_attn.q_proj.weight", -1.0)
    with pytest.raises(BadInput, match=rf"than .*moved \(the weights differ\): set `base_model` .* {twin}"):
        RoleModel(str(moved), rank=4).load("policy", tmp_path / "p")
    (moved / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}<bot>")
    told = json.loads((moved / "tokenizer.json").read_text())
    told["post_processor"] = None
    (moved / "tokenizer.json").write_text(json.dumps(told, indent=1))
    with pytest.raises(BadInput, match=r"\(the weights, the tokenizer, the chat template differ\)"):
        RoleModel(str(moved), rank=4).load("policy", tmp_path / "p")


def test_an_adapter_from_before_there_were_fingerprints_loads_with_a_warning(
    twin: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = RoleModel(str(twin), rank=4)
    with torch.no_grad():
        for parameter in model.parameters("policy"):
            parameter.add_(1.0)
    model.save("policy", tmp_path / "p")
    kept = json.loads((tmp_path / "p" / FILE).read_text())
    assert kept["base_model"] == str(twin)
    (tmp_path / "p" / FILE).unlink()
    other = RoleModel(str(twin), rank=4)
    other.load("policy", tmp_path / "p")
    assert "does not say which base it was trained on" in caplog.text
    for mine, theirs in zip(model.parameters("policy"), other.parameters("policy"), strict=True):
        assert torch.equal(mine, theirs)
    (tmp_path / "p" / FILE).write_text("{")
    with pytest.raises(BadInput, match=r"base\.json is not valid JSON"):
        other.load("policy", tmp_path / "p")


def test_tiny_is_told_from_its_files_in_no_time() -> None:
    from rlhf.training.chat import Chat

    assert len(fingerprint(Chat("tiny"), "tiny").model) == 64
