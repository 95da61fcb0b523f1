"""Chats to token ids and back: the tokenizer of a base model, its template and its end-of-turn tokens."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)

from rlhf.training.base import resolve
from rlhf.training.ends import find_ends
from rlhf.training.pretrained import config_of, tokenizer_of
from store.errors import BadInput
from store.records import Message

log = logging.getLogger(__name__)

PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].capitalize() }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""For base models that bring no chat template of their own."""


@dataclass(frozen=True)
class Sequences:
    """Prompts and the responses to them, as token ids; True in a mask is a real token.

    Prompts (B, P) are padded on the left, responses (B, R) on the right, so that every response starts in the
    same column.
    """

    prompt_ids: torch.Tensor
    prompt_mask: torch.Tensor
    response_ids: torch.Tensor
    response_mask: torch.Tensor

    @property
    def input_ids(self) -> torch.Tensor:
        """(B, P + R)"""
        return torch.cat([self.prompt_ids, self.response_ids], dim=1)

    @property
    def attention_mask(self) -> torch.Tensor:
        """(B, P + R)"""
        return torch.cat([self.prompt_mask, self.response_mask], dim=1)

    @property
    def position_ids(self) -> torch.Tensor:
        """(B, P + R): counted over real tokens, so that padding changes nothing."""
        return (self.attention_mask.long().cumsum(dim=1) - 1).clamp(min=0)

    @property
    def lengths(self) -> torch.Tensor:
        """(B,): real tokens of each response."""
        return self.response_mask.sum(dim=1)

    def by_length(self, tokens: int, rows: Sequence[int] | None = None) -> list[torch.Tensor]:
        """Row numbers (of `rows`, or all) from short to long replies, cut into parts of at most `tokens` tokens.

        What is computed counts, padding included: longest prompt plus longest reply, times rows. A row that is longer
        than that is a part of its own.
        """
        prompt, reply = self.prompt_mask.sum(dim=1).tolist(), self.lengths.tolist()
        parts: list[list[int]] = [[]]
        for row in sorted(range(len(reply)) if rows is None else rows, key=lambda r: (reply[r], prompt[r])):
            part = [*parts[-1], row]
            if len(part) > 1 and len(part) * (max(prompt[r] for r in part) + reply[row]) > tokens:
                parts.append([row])
            else:
                parts[-1] = part
        return [torch.tensor(part, device=self.prompt_ids.device) for part in parts]

    def rows(self, index: torch.Tensor) -> "Sequences":
        """Some rows, with the padding that none of them needs cut off."""
        prompt_mask, response_mask = self.prompt_mask[index], self.response_mask[index]
        first = prompt_mask.shape[1] - int(prompt_mask.sum(dim=1).max())
        last = int(response_mask.sum(dim=1).max())
        return Sequences(
            self.prompt_ids[index, first:],
            prompt_mask[:, first:],
            self.response_ids[index, :last],
            response_mask[:, :last],
        )


class Chat:
    """The tokenizer of one base model with its chat template; `plain` says that a plain template stands in.

    `end_id` is the token that closes an answer in the chats the model was taught, `stop_ids` are all those that it
    may end one with.
    """

    def __init__(self, base_model: str) -> None:
        path = resolve(base_model)
        self.base_model = base_model
        try:
            self.tokenizer: PreTrainedTokenizerBase = tokenizer_of(base_model)
            config = config_of(base_model)
        except (OSError, ValueError) as error:
            first_line = str(error).splitlines()[0]
            raise BadInput(
                f"{base_model} cannot be loaded as a chat model ({first_line}): "
                "name a folder saved by save_pretrained, or a hub name this machine can reach."
            ) from error
        self.context = _context(config)
        self.plain = not self.tokenizer.chat_template
        if self.plain:
            log.warning("%s has no chat template: using a plain one, `User: ...` and `Assistant: ...`.", base_model)
            self.tokenizer.chat_template = PLAIN_TEMPLATE
        self.stop_ids = find_ends(path, config, self.tokenizer)
        self.end_id = self.stop_ids[0]
        # Masks come from lengths, never from comparing ids, so a pad token that is also an end token is harmless.
        pad = self.tokenizer.pad_token_id
        self.pad_id: int = pad if pad is not None else self.end_id

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a chat up to where the assistant starts to speak.

        Raises BadInput for a chat that the template refuses.
        """
        try:
            encoded: Any = self.tokenizer.apply_chat_template(
                list(messages),
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                # Too long a chat is refused by name where it matters; the tokenizer's own warning is only noise.
                tokenizer_kwargs={"verbose": False},
            )
        except TemplateError as error:
            raise BadInput(f"The model's chat template refuses it ({error}).") from error
        return list(encoded["input_ids"])

    def response(self, text: str, *, finished: bool = True) -> list[int]:
        """Token ids of an answer, with the token that closes a turn if it was finished."""
        ids = list(self.tokenizer.encode(text, add_special_tokens=False, verbose=False))
        return [*ids, self.end_id] if finished else ids

    def conversation(self, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
        """Token ids of a whole conversation: what leads up to its first answer, and that answer with all after it."""
        first = next((i for i, m in enumerate(messages) if m["role"] == "assistant"), len(messages))
        before = self.prompt(messages[:first])
        encoded: Any = self.tokenizer.apply_chat_template(
            list(messages), tokenize=True, return_dict=True, tokenizer_kwargs={"verbose": False}
        )
        return before, list(encoded["input_ids"])[len(before) :]

    def passage(self, text: str) -> tuple[list[int], list[int]]:
        """Token ids of plain text: its first one, which nothing foretells, and the others."""
        ids = list(self.tokenizer.encode(text, verbose=False))
        return ids[:1], ids[1:]

    def text(self, ids: Sequence[int]) -> str:
        """What the ids say, the end of the turn and special tokens left out."""
        # An end that the tokenizer does not mark as special would be shown to people.
        said = ids[:-1] if ids and ids[-1] in self.stop_ids else ids
        return str(self.tokenizer.decode(list(said), skip_special_tokens=True)).strip()

    def room(self, messages: Sequence[Message], new_tokens: int) -> int:
        """Tokens of the context left after the chat and `new_tokens` of an answer; negative if they do not fit."""
        return self.context - new_tokens - len(self.prompt(messages))

    def sequences(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> Sequences:
        """Pad token ids into one batch."""
        prompt_ids, prompt_mask = pad(prompts, self.pad_id, left=True)
        response_ids, response_mask = pad(responses, self.pad_id, left=False)
        return Sequences(prompt_ids, prompt_mask, response_ids, response_mask)


def check_causal(base_model: str, path: str) -> None:
    """Raise BadInput for a model that writes no text, such as an encoder."""
    config = config_of(base_model)
    kind, made_for = config.model_type, set(config.architectures or ())
    # BERT and its kin come as encoders and, rarely, as decoders: the file says which one was saved.
    encoder = (
        kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES and MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(kind) not in made_for
    )
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or encoder:
        raise BadInput(f"{base_model} is of type {kind}, which writes no text: name a causal language model.")


def pad(rows: Sequence[Sequence[int]], value: int, *, left: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of ids to (B, longest) ids and mask."""
    width = max((len(row) for row in rows), default=0)
    ids = torch.full((len(rows), width), value, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.bool)
    for i, row in enumerate(rows):
        where = slice(width - len(row), width) if left else slice(0, len(row))
        ids[i, where] = torch.tensor(row, dtype=torch.long)
        mask[i, where] = True
    return ids, mask


def _context(config: object) -> int:
    return int(getattr(config, "max_position_embeddings", None) or 2048)
