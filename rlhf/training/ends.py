"""Which tokens end an answer: what the chat template writes after one, and what else the model may stop with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError
from transformers import GenerationConfig, PretrainedConfig, PreTrainedTokenizerBase

from store.errors import BadInput
from store.records import Message

ASKED, ANSWERED, NEXT = "quarantine", "rhododendron", "hippopotamus"
"""Words of a chat that is only rendered, to see what stands around them: no template holds them or changes them."""


@dataclass(frozen=True)
class _Around:
    """The added tokens that a template writes before a question, between it and its answer, and after the answer."""

    before: list[int]
    between: list[int]
    after: list[int]


def find_ends(path: str, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Every token that ends an answer, first the one that closes a turn in the chats the model was taught.

    That is what its chat template writes after an answer, which the tokenizer's eos often is not (Llama-3, Gemma,
    Phi-3, Qwen's base models); where it writes nothing, the tokenizer's eos. Raises BadInput where nothing ends one.
    """
    named = [template_end(tokenizer), tokenizer.eos_token_id, *_generation_ends(path, config)]
    ids = tuple(dict.fromkeys(int(i) for i in named if i is not None))
    if not ids:
        raise BadInput(
            f"Nothing ends an answer of {path}: its chat template writes no token after one, and neither its "
            "tokenizer nor its generation config names one; set eos_token in tokenizer_config.json."
        )
    return ids


def template_end(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The first added token that the chat template writes after an answer; None where it writes none.

    A line break behind it, or the start of the assistant's next turn, is no part of the end.
    """
    question, answer = {"role": "user", "content": ASKED}, {"role": "assistant", "content": ANSWERED}
    alone = _around(tokenizer, [question, answer])
    within = _around(tokenizer, [question, answer, {"role": "user", "content": NEXT}])
    if alone:
        end = alone.after[:1]
        # Some templates open the assistant's next turn unasked: then what stands there stands before the answer too,
        # and not before a next question.
        opens = end == alone.between[-1:] and within is not None and within.after[:1] != end
        return end[0] if end and not opens else None
    if within:  # a template that refuses a chat ending with an answer
        end = within.after[:1]
        opener = [i for i in within.before if i != tokenizer.bos_token_id][:1]
        return end[0] if end and end != opener and end[0] != tokenizer.bos_token_id else None
    return None


def _around(tokenizer: PreTrainedTokenizerBase, chat: Sequence[Message]) -> _Around | None:
    try:
        text = str(tokenizer.apply_chat_template(list(chat), tokenize=False))
    except TemplateError:
        return None
    if ASKED not in text or ANSWERED not in text:
        return None
    head, _, after = text.partition(ANSWERED)
    before, _, between = head.partition(ASKED)
    return _Around(*(_added(tokenizer, part) for part in (before, between, after.partition(NEXT)[0])))


def _added(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """The tokens of a text that stand beside the vocabulary of words; runs of blanks, which some add, left out."""
    known: dict[int, Any] = tokenizer.added_tokens_decoder
    marks = {i for i, token in known.items() if str(token).strip()}
    return [i for i in tokenizer.encode(text, add_special_tokens=False) if i in marks]


def _generation_ends(path: str, config: PretrainedConfig) -> list[int]:
    """What generation_config.json names, or the model's own configuration where there is no such file."""
    try:
        named: Any = GenerationConfig.from_pretrained(path).eos_token_id
    except OSError:
        named = getattr(config.get_text_config(), "eos_token_id", None)
    return list(named) if isinstance(named, list | tuple) else [named]
