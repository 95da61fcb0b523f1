"""A base model from its files, in 4 bit, and in words what makes one of no use here."""

import logging
from typing import Any

import bitsandbytes as bnb
import torch
from torch import nn
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, GenerationConfig, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar
from trl.trainer.utils import disable_dropout_in_model

from rlhf.settings import Quantization
from rlhf.training.base import resolve
from rlhf.training.pretrained import first_line
from store.errors import BadInput

log = logging.getLogger(__name__)

READERS = ("Classification", "QuestionAnswering", "RewardModel")
"""How the classes end whose weights judge a text instead of writing one: a saved reward model is one of them."""
NAMED = 3
"""Weights that a refusal names before it says how many more there are."""


def load_base(base_model: str, quantization: Quantization, device: torch.device) -> Any:
    """The transformers model, frozen, without dropout or sampling habits; raises BadInput for one of no use.

    A weight that the files lack would be drawn at random, anew at each load: so such a model is refused.
    """
    # bf16 is what QLoRA computes in on a GPU; on the CPU fp32 is as fast, and exact enough to test against.
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    nf4 = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    disable_progress_bar()
    try:
        made: Any = AutoModelForCausalLM.from_pretrained(
            resolve(base_model),
            dtype=dtype,
            quantization_config=nf4 if quantization == "nf4" else None,
            device_map={"": device},
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:  # whatever class: each family of models has its own ways to fail
        raise BadInput(f"{base_model} cannot be loaded as a causal language model ({first_line(error)}).") from error
    model, found = made
    _check_whole(base_model, model, found)
    _check_attention(base_model, model)
    for module in model.modules():
        # On CPUs with AVX512-BF16 an eval forward repacks the weight in place for a kernel without autograd.
        if isinstance(module, bnb.nn.Linear4bit):
            module.support_avx512bf16_for_cpu = False
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    disable_dropout_in_model(model)
    without_habits(model)
    return model


def without_habits(model: Any) -> None:
    """Take away how the model's own generation config samples.

    Chat models ship sampling habits (top_p, a repetition penalty) that would make the log-probabilities of what they
    sample differ from what the trainer computes: every draw here names its own settings.
    """
    model.generation_config = GenerationConfig()


def _check_whole(base_model: str, model: Any, found: dict[str, Any]) -> None:
    for saved_as in model.config.architectures or ():
        if saved_as.endswith(READERS):  # where the embedding is the head as well, nothing would be missing
            raise BadInput(
                f"{base_model} was saved as {saved_as}, which writes no text: name a causal language model."
            )
    lacking = sorted({*found["missing_keys"], *(name for name, *_ in found["mismatched_keys"])})
    if lacking:
        named = ", ".join(lacking[:NAMED])
        more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
        raise BadInput(
            f"{base_model} lacks weights ({len(lacking)}): {named}{more}. They would be drawn at random at each "
            "load: name a folder saved whole, from a causal language model."
        )
    if unknown := sorted(found["unexpected_keys"]):
        log.warning(
            "%s has weights that are not used (%d): %s.", base_model, len(unknown), ", ".join(unknown[:NAMED])
        )


def _check_attention(base_model: str, model: Any) -> None:
    if model._is_stateful:
        raise BadInput(
            f"{base_model} is of type {model.config.model_type}, which keeps a running state instead of an attention "
            "cache, and sampling here needs the cache: name a model that is a transformer."
        )


def check_tokens(base_model: str, model: Any, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise BadInput if the tokenizer knows a token that the model has no embedding for."""
    rows = model.get_input_embeddings().num_embeddings
    last = max(tokenizer.get_vocab().values())
    if last >= rows:
        raise BadInput(
            f"The tokenizer of {base_model} has tokens up to number {last} and the model has embeddings for {rows}: "
            "save it again after `model.resize_token_embeddings(len(tokenizer))`, or take the added tokens out."
        )


def quantized_share(model: Any) -> float:
    """Weights in 4 bit as a part of a model's own; what is shared (a tied head) counts once, adapters do not."""
    packed = {
        module.weight.data_ptr(): module.in_features * module.out_features
        for module in model.modules()
        if isinstance(module, bnb.nn.Linear4bit)
    }
    own = (p for name, p in model.named_parameters() if ".lora_" not in name)
    others = sum(p.numel() for p in own if p.data_ptr() not in packed)
    in_four_bit = int(sum(packed.values()))
    return float(in_four_bit / (in_four_bit + others))


def hidden_width(model: Any) -> int:
    """The width of the last hidden state, which is what the model's own head reads; `hidden_size` may be another."""
    head = model.get_output_embeddings()
    assert isinstance(head, nn.Linear)
    return head.in_features
