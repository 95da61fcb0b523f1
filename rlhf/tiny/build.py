"""Make the tiny model from nothing: `python -m rlhf.tiny.build [--out DIR] [--seed 0]`, a few minutes on two cores.

Writes a folder that transformers reads without any code of ours: a Llama of about 1.8 M parameters, its tokenizer and
its chat template. A user's turn follows the end-of-turn token of a reply directly, without a token that announces it:
so the state at the end of a reply has to predict the first word of the user's reaction, that is, what the reply was
worth.
"""

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, pre_tokenizers, processors, trainers
from tokenizers import models as tokenizer_models
from torch import Tensor
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rlhf.tiny import MODEL_DIR
from rlhf.tiny.corpus import PLAIN, Message, conversations
from rlhf.tiny.nf4 import rounded_weights
from rlhf.tiny.topics import TOPICS

PAD, START, REPLY, END = "<|pad|>", "<|start|>", "<|reply|>", "<|end|>"
CONTEXT = 256

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}<|reply|>"
    "{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}"
    "{% else %}{{ message['content'] }}{% if not loop.last and loop.nextitem['role'] != 'assistant' %} {% endif %}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|reply|>{% endif %}"
)


@dataclass(frozen=True)
class BuildConfig:
    """How the tiny model is made."""

    seed: int = 0
    vocabulary: int = 1792
    hidden: int = 256
    """Width of the model; a multiple of 64, the block of NF4."""
    layers: int = 2
    intermediate: int = 512
    heads: int = 4
    plain: int = 36_000
    """How many short, plain conversations to begin with, each read once."""
    conversations: int = 52_000
    """How many conversations like those the base is to have, each read once."""
    batch: int = 32
    """Conversations a step."""
    learning_rate: float = 3e-3
    warmup: float = 0.04
    """Share of the steps in which the learning rate rises."""
    exact: float = 0.7
    """Share of the steps after which the forward pass sees the weights rounded to NF4."""
    weight_decay: float = 0.05
    question_weight: float = 0.2
    """Weight of the loss on the tokens of a first question; replies and reactions weigh 1."""
    verdict_weight: float = 4.0
    """Weight of the first token of a reaction: predicting it is judging the reply."""


def train_tokenizer(vocabulary: int, seed: int, chats: int = 12_000) -> PreTrainedTokenizerFast:
    """Train a byte-pair tokenizer with the chat template; nearly every word of the corpus is one token of it."""
    tokenizer = Tokenizer(tokenizer_models.BPE(byte_fallback=True, unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme="always"), pre_tokenizers.Punctuation("isolated")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="always"), decoders.Fuse()]
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="$A", pair="$A $B", special_tokens=[])
    specials = [PAD, START, REPLY, END]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=specials + [f"<0x{byte:02X}>" for byte in range(256)],
        min_frequency=2,
        show_progress=False,
    )
    texts = (message["content"] for chat in conversations(chats, seed=seed + 1) for message in chat)
    tokenizer.train_from_iterator(texts, trainer)
    content = json.loads(tokenizer.to_str())
    # The byte tokens are ordinary tokens for characters outside the vocabulary, not markers to be left out of a text.
    content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] in specials]
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(content)),
        pad_token=PAD,
        bos_token=START,
        eos_token=END,
        additional_special_tokens=[REPLY],
        model_max_length=CONTEXT,
        padding_side="left",
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def make_model(config: BuildConfig, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama with random weights, fp32."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.hidden,
            intermediate_size=config.intermediate,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.heads,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


@dataclass(frozen=True)
class Example:
    """One conversation as the model sees it."""

    ids: list[int]
    weights: list[float]
    """Weight of the loss of predicting each token, as long as `ids`."""


def encode(chat: list[Message], tokenizer: PreTrainedTokenizerFast, config: BuildConfig) -> Example:
    """The conversation as token ids, the same ids that the chat template gives."""
    ids, weights = [tokenizer.bos_token_id], [0.0]
    reply = tokenizer.convert_tokens_to_ids(REPLY)
    for place, message in enumerate(chat):
        tokens = tokenizer.encode(message["content"], add_special_tokens=False)
        if message["role"] == "assistant":
            ids += [reply, *tokens, tokenizer.eos_token_id]
            weights += [0.0] + [1.0] * (len(tokens) + 1)
        else:
            ids += tokens
            start = config.question_weight if place == 0 else config.verdict_weight
            weights += [start] + [config.question_weight if place == 0 else 1.0] * (len(tokens) - 1)
    return Example(ids[:CONTEXT], weights[:CONTEXT])


def batches(examples: list[Example], size: int, seed: int, pad: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (ids, weights), both (B, T), of examples of like length, padded on the right with weight 0."""
    rng = random.Random(seed)
    order = list(range(len(examples)))
    rng.shuffle(order)
    groups: list[list[int]] = []
    for start in range(0, len(order), size * 50):
        window = sorted(order[start : start + size * 50], key=lambda i: len(examples[i].ids))
        window_groups = [window[i : i + size] for i in range(0, len(window), size)]
        rng.shuffle(window_groups)
        groups += window_groups
    for group in groups:
        length = -(-max(len(examples[i].ids) for i in group) // 8) * 8  # few lengths: kernels are prepared per shape
        ids = [examples[i].ids + [pad] * (length - len(examples[i].ids)) for i in group]
        weights = [examples[i].weights + [0.0] * (length - len(examples[i].weights)) for i in group]
        yield torch.tensor(ids), torch.tensor(weights)


def loss_of(model: LlamaForCausalLM, ids: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean cross-entropy of the next token, in nats; `ids` and `weights` are (B, T)."""
    logits = model(input_ids=ids[:, :-1]).logits  # (B, T-1, V): right padding needs no mask in a causal model
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="none")
    target = weights[:, 1:].flatten()
    return (losses * target).sum() / target.sum()


def train(model: LlamaForCausalLM, lessons: list[list[Example]], config: BuildConfig, pad: int) -> None:
    """One pass over each list of examples in turn with AdamW, a warm-up and a cosine down to zero."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=config.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )
    steps = sum(math.ceil(len(examples) / config.batch) for examples in lessons)
    warm = max(1, round(config.warmup * steps))
    started = time.monotonic()
    model.train()
    every = chain.from_iterable(batches(examples, config.batch, config.seed, pad) for examples in lessons)
    for step, (ids, weights) in enumerate(every):
        rate = min((step + 1) / warm, 0.5 * (1 + math.cos(math.pi * step / steps)) + 0.005)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * rate
        optimizer.zero_grad()
        with rounded_weights(model, enabled=step >= config.exact * steps):
            loss = loss_of(model, ids, weights)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0:
            seconds = time.monotonic() - started
            print(f"step {step}/{steps}  loss {loss.item():.3f}  {seconds:.0f} s", flush=True)
    model.eval()


@torch.no_grad()
def held_out_loss(model: LlamaForCausalLM, examples: list[Example], config: BuildConfig, pad: int) -> float:
    """Mean loss in nats a token on conversations that were not trained on."""
    losses = [loss_of(model, ids, weights).item() for ids, weights in batches(examples, config.batch, 0, pad)]
    return sum(losses) / len(losses)


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path, card: str) -> None:
    """Write config, weights in bfloat16, tokenizer and model card into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        max_new_tokens=64,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model.bfloat16().save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "README.md").write_text(card, encoding="utf-8")


def build(out: Path, config: BuildConfig) -> float:
    """Train tokenizer and model and write them to `out`; returns the held-out loss in NF4, nats a token."""
    started = time.monotonic()
    torch.manual_seed(config.seed)
    tokenizer = train_tokenizer(config.vocabulary, config.seed)
    pad = tokenizer.pad_token_id
    lessons = [
        [encode(chat, tokenizer, config) for chat in chats]
        for chats in (
            conversations(config.plain, seed=config.seed + 3, rates=PLAIN),
            conversations(config.conversations, seed=config.seed),
        )
    ]
    held_out = [encode(chat, tokenizer, config) for chat in conversations(1_000, seed=config.seed + 2)]
    model = make_model(config, tokenizer)
    print(
        f"{model.num_parameters():,} parameters, {len(tokenizer)} tokens, "
        f"{sum(len(one.ids) for lesson in lessons for one in lesson):,} tokens to read",
        flush=True,
    )
    train(model, lessons, config, pad)
    loss = held_out_loss(model, held_out, config, pad)
    with rounded_weights(model, enabled=True):
        nf4_loss = held_out_loss(model, held_out, config, pad)
    seconds = time.monotonic() - started
    save(model, tokenizer, out, model_card(config, model.num_parameters(), (loss, nf4_loss), seconds))
    print(f"held-out loss {loss:.4f} nats a token, {nf4_loss:.4f} in NF4, {seconds:.0f} s, written to {out}")
    return nf4_loss


def model_card(config: BuildConfig, parameters: int, losses: tuple[float, float], seconds: float) -> str:
    """The README of the weights; `losses` are the held-out losses without and with the weights rounded to NF4."""
    loss, nf4_loss = losses
    return f"""# tiny: the embedded default model

Made by `python -m rlhf.tiny.build --seed {config.seed}` on {date.today().isoformat()} in {seconds:.0f} s,
with torch {torch.__version__} and transformers {transformers.__version__}. The project writes the corpus itself.

- Llama, {parameters:,} parameters, hidden {config.hidden}, {config.layers} layers, bfloat16, context {CONTEXT}
- {config.plain:,} short and {config.conversations:,} full conversations, each read once
- held-out loss {loss:.4f} nats a token, {nf4_loss:.4f} with the linear layers rounded to NF4
- it suggests things for {len(TOPICS)} everyday topics, and is mediocre on purpose: about six replies in ten are about
  what was asked, half are courteous, two in five give a reason
"""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train the tiny model and its tokenizer from nothing.")
    parser.add_argument("--out", type=Path, default=MODEL_DIR, help="folder to write")
    parser.add_argument("--seed", type=int, default=0)
    for name in ("plain", "conversations", "hidden", "layers", "intermediate"):
        parser.add_argument(f"--{name}", type=int, default=getattr(BuildConfig, name))
    parser.add_argument("--threads", type=int, default=2, help="CPU threads for the training")
    options = vars(parser.parse_args())
    torch.set_num_threads(options.pop("threads"))
    out = options.pop("out")
    build(out, BuildConfig(**options))


if __name__ == "__main__":
    main()
