"""Which base models are taken: six families in the shapes they come in, and in words why the others are not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rlhf.training import pretrained, trial
from rlhf.training.chat import Chat
from rlhf.training.loading import load_base, quantized_share
from rlhf.training.models import RoleModel
from store.errors import BadInput

Make = Callable[..., Path]

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA = (
    "{{ '<|begin|>' }}{% for m in messages %}<|head|>{{ m.role }}<|/head|>\n\n{{ m.content }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}<|head|>assistant<|/head|>\n\n{% endif %}"
)
GEMMA = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}</turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<turn>model\n{% endif %}"
)
PHI = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|done|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
MISTRAL = (
    "{{ '<s>' }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }}<end>{% endif %}{% endfor %}"
)
GROUPED = {"intermediate_size": 128, "num_key_value_heads": 2}
FAMILIES: dict[str, dict[str, Any]] = {
    "qwen2": {"template": CHATML, "special": ["<|im_start|>", "<|im_end|>"]},
    "llama": {"template": LLAMA, "special": ["<|begin|>", "<|head|>", "<|/head|>", "<|eot|>"], "dtype": "bfloat16"},
    "gemma": {"template": GEMMA, "special": ["<turn>", "</turn>"], "shape": {**GROUPED, "head_dim": 16}, "spare": 8},
    "phi3": {
        "template": PHI,
        "special": ["<|user|>", "<|assistant|>", "<|done|>"],
        "shape": {**GROUPED, "tie_word_embeddings": False},
        "save": {"max_shard_size": "100KB"},
        "spare": 8,
    },
    "mistral": {"template": MISTRAL, "special": ["<s>", "[INST]", "[/INST]"], "shape": GROUPED, "spare": 8},
    "gpt2": {"template": False, "spare": 8},
    "opt": {"template": False, "shape": {"word_embed_proj_dim": 32, "do_layer_norm_before": False}},
}


def edit(file: Path, **changes: object) -> None:
    known = json.loads(file.read_text())
    file.write_text(json.dumps({**known, **changes}))


@pytest.mark.parametrize("kind", FAMILIES)
def test_six_families_are_tried_and_taken(make_base: Make, kind: str) -> None:
    folder = make_base(kind, **FAMILIES[kind])
    if "save" in FAMILIES[kind]:
        assert len(list(folder.glob("*.safetensors"))) > 1
    assert 0 < trial.attempt(str(folder), "nf4") < 1


@pytest.mark.slow
def test_a_vocabulary_of_a_hundred_thousand_is_tried_too(make_base: Make) -> None:
    folder = make_base("qwen2", **FAMILIES["qwen2"], vocabulary=100_352)
    assert 0 < trial.attempt(str(folder), "nf4") < 0.02


def test_a_trial_without_quantisation_has_nothing_in_four_bit(make_base: Make) -> None:
    assert trial.attempt(str(make_base("llama")), "none") == 0


def test_the_share_in_four_bit_is_that_of_the_shapes(make_base: Make) -> None:
    """Counted by hand for a Llama: two layers of attention and MLP, beside two embeddings and five norms."""
    folder = make_base("llama")
    rows = json.loads((folder / "config.json").read_text())["vocab_size"]
    linear = 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128)
    others = 2 * rows * 64 + 5 * 64
    assert trial.attempt(str(folder), "nf4") == pytest.approx(linear / (linear + others))


def test_heads_are_as_wide_as_the_last_hidden_state(make_base: Make) -> None:
    """OPT-350m ends in a projection: `hidden_size` 64 here, states of 32."""
    model = RoleModel(str(make_base("opt", **FAMILIES["opt"])), rank=4)
    model.fresh("reward")
    seq = model.chat.sequences([[5, 6]], [[11, 12]])
    with torch.no_grad(), model.role("reward"):
        assert model.scores(seq).shape == (1,)
    assert model.heads["reward"].in_features == 32


def test_experts_that_stay_whole_show_in_the_share(make_base: Make) -> None:
    shapes = {"mistral": GROUPED, "mixtral": {**GROUPED, "num_local_experts": 4}}
    folders = [str(make_base(kind, shape=shape, spare=8)) for kind, shape in shapes.items()]
    dense, sparse = (quantized_share(load_base(folder, "nf4", torch.device("cpu"))) for folder in folders)
    assert 0 < sparse < dense / 3


def without(folder: Path, *names: str) -> None:
    weights = {k: v for k, v in load_file(folder / "model.safetensors").items() if k not in names}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def test_a_folder_without_all_of_its_weights_is_refused_by_their_names(make_base: Make) -> None:
    folder = make_base("llama")
    without(folder, "lm_head.weight")
    with pytest.raises(BadInput, match=r"lacks weights \(1\): lm_head\.weight\. They would be drawn at random"):
        RoleModel(str(folder))
    tied = make_base("qwen2")
    assert "lm_head.weight" not in load_file(tied / "model.safetensors")
    RoleModel(str(tied), rank=4)  # its head is its embedding: nothing is missing
    without(tied, *(name for name in load_file(tied / "model.safetensors") if "mlp" in name))
    with pytest.raises(BadInput, match=r"lacks weights \(6\): .* and 3 more"):
        RoleModel(str(tied))


def test_a_saved_reward_model_is_refused_also_where_its_head_is_its_embedding(make_base: Make) -> None:
    from transformers import AutoModelForSequenceClassification

    folder = make_base("qwen2")
    AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1).save_pretrained(folder)
    with pytest.raises(BadInput, match="saved as Qwen2ForSequenceClassification, which writes no text"):
        RoleModel(str(folder))


def test_tokens_beyond_the_embedding_are_refused(make_base: Make) -> None:
    from transformers import AutoTokenizer

    folder = make_base("llama")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = json.loads((folder / "config.json").read_text())["vocab_size"]
    assert tokenizer.add_tokens(["<tool>"]) == 1
    tokenizer.save_pretrained(folder)
    with pytest.raises(BadInput, match=rf"up to number {rows} and the model has embeddings for {rows}: .*resize"):
        RoleModel(str(folder))


def test_a_state_space_model_is_refused(make_base: Make) -> None:
    with pytest.raises(BadInput, match="of type mamba, which keeps a running state instead of an attention cache"):
        trial.attempt(str(make_base("mamba", shape={"state_size": 8})), "nf4")


def named_templates(folder: Path, *names: str) -> None:
    (folder / "chat_template.jinja").unlink()
    text = "{% for m in messages %}{{ m.content }}{% endfor %}<bot>"
    edit(folder / "tokenizer_config.json", chat_template=[{"name": n, "template": f"{n} {text}"} for n in names])


def test_of_named_templates_the_default_is_taken_or_none(make_base: Make) -> None:
    folder = make_base("llama")
    named_templates(folder, "default", "tool_use")
    assert str(Chat(str(folder)).tokenizer.chat_template).startswith("default ")
    other = make_base("llama")
    named_templates(other, "rag", "tool_use")
    with pytest.raises(BadInput, match="chat templates rag, tool_use and none of them is the default"):
        Chat(str(other))


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_that_comes_with_a_model_is_never_run_and_nobody_is_asked(
    make_base: Make, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    folder = make_base("llama")
    ran = folder / "ran"
    for module in ("conf", "model"):
        (folder / f"{module}.py").write_text(f"open({str(ran)!r}, 'w')")
    if file == "config.json":
        edit(folder / file, model_type="mine", auto_map={"AutoConfig": "conf.C", "AutoModelForCausalLM": "model.M"})
    else:
        edit(folder / file, tokenizer_class="Mine", auto_map={"AutoTokenizer": ["conf.T", None]})

    def asked(*_: object) -> str:
        pytest.fail("a question was asked")

    monkeypatch.setattr("builtins.input", asked)
    with pytest.raises(BadInput, match="needs Python code that comes with it, which is never run here"):
        trial.attempt(str(folder), "nf4")
    assert not ran.exists()


def test_whatever_fails_in_a_trial_is_one_line(make_base: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("shapes 3 and 4\ndo not fit")

    folder = str(make_base("llama"))
    for name, said in (("generate", "cannot write an answer here"), ("_gradient", "cannot be trained here")):
        with monkeypatch.context() as patched:
            patched.setattr(trial, name, broken)
            with pytest.raises(BadInput, match=rf"{said} \(RuntimeError: shapes 3 and 4\): name another") as refused:
                trial.attempt(folder, "nf4")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("gradient", [0.0, float("nan")])
def test_a_model_that_cannot_learn_is_refused(
    make_base: Make, monkeypatch: pytest.MonkeyPatch, gradient: float
) -> None:
    monkeypatch.setattr(trial, "_gradient", lambda *_: (0.0, gradient))
    with pytest.raises(BadInput, match=f"cannot be trained here: its adapter's gradient is {gradient:g}"):
        trial.attempt(str(make_base("llama")), "nf4")


def test_a_model_that_hears_its_padding_is_refused(make_base: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from rlhf.training.chat import Sequences

    folder = str(make_base("opt", template=False))  # an embedding for each position
    shifted = property(lambda seq: torch.arange(seq.input_ids.shape[1]).expand(seq.input_ids.shape))
    monkeypatch.setattr(Sequences, "position_ids", shifted)
    with pytest.raises(BadInput, match="padding moves its log-probabilities by"):
        trial.attempt(folder, "nf4")


@pytest.mark.parametrize(
    ("own", "taken"),
    [
        ({}, {}),
        ({"temperature": 0.6, "top_p": 0.95, "do_sample": True}, {"temperature": 0.6, "top_p": 0.95}),
        ({"max_new_tokens": 40, "temperature": 0.0}, {"max_new_tokens": 40}),
        ({"max_new_tokens": 32768}, {"max_new_tokens": 64}),  # half of the context of 128
        ({"top_p": 7.0, "max_new_tokens": 2.5}, {}),
    ],
)
def test_sampling_is_what_the_generation_config_names(make_base: Make, own: Any, taken: Any) -> None:
    folder = make_base("llama")
    (folder / "generation_config.json").write_text(json.dumps(own))
    assert pretrained.sampling_of(str(folder), 128) == taken
