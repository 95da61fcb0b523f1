"""The configuration and the tokenizer of a base model, read without running a line of what comes with it."""

from typing import Any

from transformers import AutoConfig, AutoTokenizer, GenerationConfig, PretrainedConfig, PreTrainedTokenizerBase

from rlhf.settings import SamplingConfig
from rlhf.settings.bounds import refusal
from rlhf.settings.dials import dials
from rlhf.training.base import resolve
from store.errors import BadInput


def first_line(error: BaseException) -> str:
    """What an error says, as a part of a sentence; its class where it says nothing."""
    return next(iter(str(error).strip().splitlines()), "").rstrip(" .:") or type(error).__name__


def config_of(base_model: str) -> PretrainedConfig:
    """The configuration of a base model; code that comes with a model is never run, and nobody is asked whether to.

    Raises BadInput for a model that needs such code, OSError and ValueError for what cannot be read.
    """
    config: PretrainedConfig = _without_its_code(base_model, AutoConfig)
    return config


def tokenizer_of(base_model: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a base model, with one chat template or none.

    Raises BadInput for one that needs code of its own and for named templates of which none is the default, OSError
    and ValueError for what cannot be read.
    """
    tokenizer: PreTrainedTokenizerBase = _without_its_code(base_model, AutoTokenizer)
    if isinstance(named := tokenizer.chat_template, dict):
        if "default" not in named:
            raise BadInput(
                f"{base_model} names the chat templates {', '.join(sorted(named))} and none of them is the default: "
                "name the one for plain chats `default` in its tokenizer configuration."
            )
        tokenizer.chat_template = named["default"]
    return tokenizer


def sampling_of(base_model: str, context: int) -> dict[str, object]:
    """How a model's own generation config says to sample, as far as it does: settings of the table `[sampling]`.

    Temperature 0 is left out, since answers that are all alike cannot be ranked; an answer gets half of the context
    of so many tokens at most, which leaves room for prompts.
    """
    try:
        own: Any = GenerationConfig.from_pretrained(resolve(base_model))
    except (OSError, ValueError):
        return {}
    named = {"max_new_tokens": own.max_new_tokens, "temperature": own.temperature, "top_p": own.top_p}
    hints = {dial.name: dial.hint for dial in dials(SamplingConfig)}
    kept = {key: value for key, value in named.items() if value and not refusal(hints[key], value)}
    if "max_new_tokens" in kept:
        kept["max_new_tokens"] = min(kept["max_new_tokens"], context // 2)
    return kept


def _without_its_code(base_model: str, kind: Any) -> Any:
    try:
        return kind.from_pretrained(resolve(base_model), trust_remote_code=False)
    except ValueError as error:
        if "custom code" not in str(error):
            raise
        raise BadInput(
            f"{base_model} needs Python code that comes with it, which is never run here: "
            "name a model of a type that transformers knows itself."
        ) from error
