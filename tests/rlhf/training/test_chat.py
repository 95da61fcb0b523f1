"""Which tokens close an answer, on the shapes of tokenizer and template that families of chat models have."""

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from rlhf.settings import SamplingConfig
from rlhf.tiny import MODEL_DIR
from rlhf.training.chat import Chat
from rlhf.training.models import RoleModel
from rlhf.training.sampling import generate, sample
from store.errors import BadInput

LLAMA3 = (
    "{% for m in messages %}{% set content = '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' +"
    " m['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}"
    "{% endif %}{{ content }}{% endfor %}"
)
LLAMA3_FIRST = LLAMA3 + "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}"
"""The first release opens the assistant's turn whether it is asked to or not."""
LLAMA3_LATER = (
    LLAMA3 + "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% set role = 'model' if m['role'] == 'assistant' else"
    " m['role'] %}{{ '<start_of_turn>' + role + '\\n' + m['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)
PHI3 = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}"
)
CHATML = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are helpful.<|im_end|>\\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] | trim + eos_token }}{% endif %}{% endfor %}"
)
REFUSES_TO_END = (
    "{% if messages[-1]['role'] != 'user' %}{{ raise_exception('the last turn must be the user s') }}{% endif %}"
)
OPENS_ALWAYS = (
    "{% for m in messages %}{{ '<|user|>' if m['role'] == 'user' else '' }}{{ m['content'] }}"
    "{% if m['role'] == 'user' %}<|assistant|>{% endif %}{% endfor %}"
    "{% if messages[-1]['role'] != 'user' %}<|assistant|>{% endif %}"
)
SEPARATED = "{% for m in messages %}{{ m['content'] }}<|sep|>{% endfor %}"


@dataclass(frozen=True)
class Shape:
    """A tokenizer and the files around it: which token it calls its eos, which ones the generation config names."""

    template: str | None
    tokens: tuple[str, ...]
    eos: str | None
    end: str
    """The one that closes an answer."""
    stops: tuple[str, ...]
    bos: str | None = None
    pad: str | None = None
    generation: tuple[str, ...] | None = None
    config: str | None = None
    """What config.json calls the eos."""
    unmarked: tuple[str, ...] = ()
    """Added tokens that the tokenizer does not call special."""


HEADERS = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|end_of_text|>", "<|begin_of_text|>")
IM = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
SHAPES = {
    "llama3-first-release": Shape(
        LLAMA3_FIRST,
        HEADERS,
        "<|end_of_text|>",
        "<|eot_id|>",
        ("<|eot_id|>", "<|end_of_text|>"),
        "<|begin_of_text|>",
        generation=("<|end_of_text|>", "<|eot_id|>"),
    ),
    "llama3-no-generation-config": Shape(
        LLAMA3_LATER,
        HEADERS,
        "<|end_of_text|>",
        "<|eot_id|>",
        ("<|eot_id|>", "<|end_of_text|>"),
        "<|begin_of_text|>",
    ),
    "gemma": Shape(
        GEMMA,
        ("<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<pad>"),
        "<eos>",
        "<end_of_turn>",
        ("<end_of_turn>", "<eos>"),
        "<bos>",
        "<pad>",
        ("<eos>", "<end_of_turn>"),
    ),
    "phi3-pad-is-eos": Shape(
        PHI3,
        ("<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>", "<|system|>"),
        "<|endoftext|>",
        "<|end|>",
        ("<|end|>", "<|endoftext|>", "<|system|>"),
        pad="<|endoftext|>",
        generation=("<|endoftext|>", "<|end|>", "<|system|>"),
    ),
    "qwen-base": Shape(
        CHATML,
        IM,
        "<|endoftext|>",
        "<|im_end|>",
        ("<|im_end|>", "<|endoftext|>"),
        pad="<|endoftext|>",
        generation=("<|endoftext|>",),
    ),
    "chatml-refuses-to-end-with-an-answer": Shape(
        REFUSES_TO_END + CHATML, IM, "<|endoftext|>", "<|im_end|>", ("<|im_end|>", "<|endoftext|>")
    ),
    "llama3-refuses-to-end-with-an-answer": Shape(
        REFUSES_TO_END + LLAMA3_LATER,
        HEADERS,
        "<|end_of_text|>",
        "<|eot_id|>",
        ("<|eot_id|>", "<|end_of_text|>"),
        "<|begin_of_text|>",
    ),
    "chatml-added-as-plain-tokens": Shape(
        CHATML, ("<e>",), "<e>", "<|im_end|>", ("<|im_end|>", "<e>"), unmarked=("<|im_start|>", "<|im_end|>")
    ),
    "mistral": Shape(MISTRAL, ("<s>", "</s>", "[INST]", "[/INST]"), "</s>", "</s>", ("</s>",), "<s>"),
    "writes-nothing-after-an-answer": Shape(
        "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}",
        ("<|user|>", "<|assistant|>", "<|endoftext|>"),
        "<|endoftext|>",
        "<|endoftext|>",
        ("<|endoftext|>", "<|user|>"),
        generation=("<|endoftext|>", "<|user|>"),
    ),
    "nothing-and-refuses-to-end": Shape(
        REFUSES_TO_END + "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}",
        ("<|user|>", "<|assistant|>", "<|endoftext|>"),
        "<|endoftext|>",
        "<|endoftext|>",
        ("<|endoftext|>",),
    ),
    "opens-the-next-turn-always": Shape(
        OPENS_ALWAYS, ("<|user|>", "<|assistant|>", "<e>"), "<e>", "<e>", ("<e>",), generation=("<e>",)
    ),
    "one-separator-for-all": Shape(SEPARATED, ("<|sep|>", "<e>"), "<e>", "<|sep|>", ("<|sep|>", "<e>")),
    "no-template": Shape(None, ("<e>",), "<e>", "<e>", ("<e>",)),
    "no-eos-in-the-tokenizer": Shape(CHATML, IM, None, "<|im_end|>", ("<|im_end|>",)),
    "only-the-config-knows": Shape(None, ("<e>",), None, "<e>", ("<e>",), config="<e>"),
    "only-the-generation-config-knows": Shape(None, ("<e>",), None, "<e>", ("<e>",), generation=("<e>",)),
}


def folder_of(shape: Shape, folder: Path) -> str:
    """A tokenizer, a configuration and perhaps a generation config, as save_pretrained leaves them; no weights."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator([], trainers.BpeTrainer(initial_alphabet=alphabet, show_progress=False))
    named = {f"{name}_token": getattr(shape, name) for name in ("eos", "bos", "pad") if getattr(shape, name)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, additional_special_tokens=list(shape.tokens), chat_template=shape.template, **named
    )
    # Phi's tokenizers have runs of blanks as added tokens: no line break or indent is an end.
    tokenizer.add_tokens(["\n", "    ", *shape.unmarked])
    tokenizer.save_pretrained(folder)
    number = tokenizer.convert_tokens_to_ids
    eos = number(shape.config) if shape.config else None
    LlamaConfig(vocab_size=300, max_position_embeddings=64, eos_token_id=eos, bos_token_id=None).save_pretrained(
        folder
    )
    if shape.generation:
        ids = [number(token) for token in shape.generation]
        written = {"eos_token_id": ids if len(ids) > 1 else ids[0]}
        (folder / "generation_config.json").write_text(json.dumps(written))
    return str(folder)


@pytest.mark.parametrize("name", SHAPES)
def test_an_answer_is_closed_as_the_template_closes_it(name: str, tmp_path: Path) -> None:
    shape = SHAPES[name]
    chat = Chat(folder_of(shape, tmp_path))
    say = chat.tokenizer.convert_ids_to_tokens
    assert say(chat.end_id) == shape.end
    assert chat.stop_ids[0] == chat.end_id
    assert sorted(say(list(chat.stop_ids))) == sorted(shape.stops)
    words = chat.tokenizer.encode("red tea", add_special_tokens=False)
    assert chat.response("red tea") == [*words, chat.end_id]
    assert chat.response("red tea", finished=False) == words
    for stop in chat.stop_ids:
        assert chat.text([*words, stop]) == "red tea"
    assert chat.pad_id == (chat.tokenizer.convert_tokens_to_ids(shape.pad) if shape.pad else chat.end_id)
    # What stands before an answer is the template's own, with its start of text just once.
    asked = chat.prompt([{"role": "user", "content": "tea?"}])
    if shape.bos:
        start = chat.tokenizer.convert_tokens_to_ids(shape.bos)
        assert asked.index(start) == 0
        assert asked.count(start) == 1
        assert start not in chat.response("tea")


def test_what_a_chat_model_was_taught_is_what_it_is_taught_here(tmp_path: Path) -> None:
    """Prompt and closed answer are the beginning of the whole chat as the template writes it."""
    for name in ("gemma", "phi3-pad-is-eos", "qwen-base", "llama3-no-generation-config"):
        chat = Chat(folder_of(SHAPES[name], tmp_path / name))
        turns = [{"role": "user", "content": "tea?"}, {"role": "assistant", "content": "red"}]
        whole = list(chat.tokenizer.apply_chat_template(turns, tokenize=True, return_dict=True)["input_ids"])
        ours = [*chat.prompt(turns[:1]), *chat.response("red")]
        assert whole[: len(ours)] == ours, name


def test_a_turn_that_the_template_does_not_know_is_refused_in_words(tmp_path: Path) -> None:
    chat = Chat(folder_of(SHAPES["gemma"], tmp_path))
    with pytest.raises(BadInput, match=r"template refuses it .*no system role"):
        chat.prompt([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "tea?"}])


def test_a_model_that_nothing_ends_is_refused_in_words(tmp_path: Path) -> None:
    for template in (None, SHAPES["writes-nothing-after-an-answer"].template):
        shape = Shape(template, ("<|user|>", "<|assistant|>"), None, "", ())
        with pytest.raises(BadInput, match=r"Nothing ends an answer of .* set eos_token"):
            Chat(folder_of(shape, tmp_path))


def test_templates_of_which_none_is_the_default_are_named(tmp_path: Path) -> None:
    path = folder_of(SHAPES["mistral"], tmp_path)
    (tmp_path / "chat_template.jinja").unlink()
    (tmp_path / "additional_chat_templates").mkdir()
    for name in ("tool_use", "rag"):
        (tmp_path / "additional_chat_templates" / f"{name}.jinja").write_text("x")
    with pytest.raises(BadInput, match="chat templates rag, tool_use and none of them is the default"):
        Chat(path)


def test_a_plain_template_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert Chat(folder_of(SHAPES["no-template"], tmp_path)).plain
    assert "no chat template" in caplog.text


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The embedded model with a tokenizer that calls another token its eos than the one its template closes with."""
    folder = tmp_path_factory.mktemp("renamed") / "weights"
    shutil.copytree(MODEL_DIR, folder)
    written = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**written, "eos_token": "<|pad|>"}))
    return str(folder)


def test_a_score_as_taught_is_the_score_that_ppo_sees(renamed: str) -> None:
    """A reward model taught by stored texts and asked about sampled tokens reads the same answer in both."""
    model = RoleModel(renamed, rank=4)
    torch.manual_seed(0)
    model.fresh("reward")
    with torch.no_grad():
        for parameter in model.parameters("reward"):
            parameter.add_(torch.randn_like(parameter) * 0.1)
    chats = [[{"role": "user", "content": text}] for text in ASKED]
    prompts = [model.chat.prompt(chat) for chat in chats]
    sampling = SamplingConfig(responses=1, max_new_tokens=40)
    said = [group[0] for group in sample(model, chats, sampling)]
    taught = [model.chat.response(s.text, finished=s.finish_reason == "stop") for s in said]
    assert sum(s.finish_reason == "stop" for s in said) > len(said) / 2
    seen = scores(model, prompts, [s.token_ids for s in said])
    assert np.corrcoef(scores(model, prompts, taught), seen)[0, 1] == pytest.approx(1.0, abs=1e-6)
    # PPO's own rollouts end with the same token.
    drawn = generate(model, prompts, sampling, role="policy", seed=1)
    last = drawn.response_ids.gather(1, (drawn.lengths - 1)[:, None]).squeeze(1).tolist()
    assert {i for i, n in zip(last, drawn.lengths.tolist(), strict=True) if n < 40} == {taught[0][-1]}


ASKED = (
    "What should I cook tonight?",
    "Suggest a film for two.",
    "What should I read?",
    "Suggest a walk.",
    "What can I do in the rain?",
    "Suggest a drink.",
    "What should I play?",
    "Suggest a soup for four.",
)


@torch.no_grad()
def scores(model: RoleModel, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> np.ndarray:
    with model.role("reward"):
        found: np.ndarray = model.scores(model.chat.sequences(prompts, answers)).numpy()
    return found


def test_random_models_have_the_one_end_of_their_template(make_base: Callable[..., Path]) -> None:
    assert Chat(str(make_base("qwen2"))).stop_ids == (1,)
    assert Chat("tiny").stop_ids == (3,)
