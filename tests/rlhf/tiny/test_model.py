"""The shipped weights: small, standard, complete; and the pieces of the build that can be tried in seconds."""

import subprocess
import sys

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlhf.tiny import MODEL_DIR
from rlhf.tiny.build import BuildConfig, batches, encode, loss_of, make_model, train_tokenizer
from rlhf.tiny.corpus import conversations
from rlhf.tiny.nf4 import rounded, rounded_weights


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(MODEL_DIR)


@pytest.fixture(scope="module")
def model():
    return AutoModelForCausalLM.from_pretrained(MODEL_DIR, dtype=torch.float32).eval()


def test_weights_are_at_most_4_mb() -> None:
    size = sum(path.stat().st_size for path in MODEL_DIR.iterdir())
    assert size <= 4_000_000, f"{MODEL_DIR} holds {size:,} bytes and 4,000,000 are allowed: build a smaller model."


def test_weights_load_as_a_standard_model(model) -> None:
    assert type(model).__name__ == "LlamaForCausalLM"
    assert model.dtype == torch.float32
    assert model.config.tie_word_embeddings
    linear = [m for name, m in model.named_modules() if isinstance(m, torch.nn.Linear) and name != "lm_head"]
    assert all(m.in_features % 64 == 0 and m.out_features % 64 == 0 for m in linear)
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


def test_tokenizer_and_template_agree_with_the_training(tokenizer) -> None:
    for chat in conversations(100, seed=9):
        assert tokenizer.apply_chat_template(chat, return_dict=False) == encode(chat, tokenizer, BuildConfig()).ids
        assert len(tokenizer.encode(chat[1]["content"])) < 80
        for message in chat:
            ids = tokenizer.encode(message["content"])
            assert tokenizer.decode(ids) == message["content"]
    hello = [{"role": "user", "content": "Hi"}]
    asked = tokenizer.apply_chat_template(hello, tokenize=False, add_generation_prompt=True)
    assert asked == "<|start|>Hi<|reply|>"


def test_tokenizer_takes_any_text_and_tells_padding_from_the_end(tokenizer, model) -> None:
    assert len({tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id}) == 3
    assert tokenizer.decode(tokenizer.encode("Grüße, 日本 🎉")) == "Grüße, 日本 🎉"
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id


def test_the_base_has_learned_its_corpus(tokenizer, model) -> None:
    examples = [encode(chat, tokenizer, BuildConfig()) for chat in conversations(64, seed=2)]
    ids, weights = next(batches(examples, 64, 0, tokenizer.pad_token_id))
    with torch.no_grad():
        assert loss_of(model, ids, weights) < 1.0
        with rounded_weights(model, enabled=True):
            assert loss_of(model, ids, weights) < 1.0


def test_the_build_starts_the_same_from_the_same_seed() -> None:
    losses = []
    for _ in range(2):
        torch.manual_seed(3)
        tokenizer = train_tokenizer(600, seed=0, chats=300)
        model = make_model(BuildConfig(hidden=64, heads=1, layers=1, intermediate=64), tokenizer)
        examples = [encode(chat, tokenizer, BuildConfig()) for chat in conversations(40, seed=1)]
        losses += [loss_of(model, *batch).item() for batch in batches(examples, 20, 0, tokenizer.pad_token_id)]
    assert len(losses) == 4
    assert losses[:2] == losses[2:]


def test_rounding_keeps_the_exact_weights_and_few_levels() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(64, 8, bias=False))
    before = layer[0].weight.data.clone()
    with rounded_weights(layer, enabled=True):
        assert not torch.equal(layer[0].weight.data, before)
        assert all(len(row.unique()) <= 16 for row in layer[0].weight.data)
        layer(torch.ones(1, 64)).sum().backward()
    assert torch.equal(layer[0].weight.data, before)
    assert layer[0].weight.grad is not None
    assert torch.allclose(rounded(rounded(before)), rounded(before))


def test_what_the_web_pages_may_import_leaves_torch_unloaded() -> None:
    code = "import sys, rlhf.tiny.annotator, rlhf.tiny.prompts, rlhf.tiny.topics; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
