"""Prompts that a policy proposes (Self-Instruct, Wang et al. 2023, arXiv:2212.10560): drawn, and cut to one sentence.

Two ways lead to a prompt. A model that was taught on chats has read what people ask: given only the part of the chat
template that stands before a user's words, it writes such words (Magpie, Xu et al. 2024, arXiv:2406.08464). And a
model that follows instructions can be shown a few prompts and asked for another one, as Self-Instruct does.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from jinja2 import TemplateError

from rlhf.settings import SamplingConfig
from rlhf.training.chat import Chat
from rlhf.training.likeness import words
from rlhf.training.models import RoleModel, Voice
from rlhf.training.sampling import generate
from store.records import Message

MOST_TOKENS = 96
"""Tokens in which a proposed prompt has to end."""
FEWEST_WORDS, MOST_WORDS = 4, 150
"""Words of a prompt that may stand (Self-Instruct's: more than 3, at most 150)."""

_MARK = "PROPOSEDPROMPT"
_NUMBER = re.compile(r"^\s*(?:(?:task|prompt|question|request)\s*\d*\s*:|\d+\s*[.):]|[-*•])\s*", re.IGNORECASE)
_END = re.compile(r"[.?](?=[\s\"”’»)*.?]|$)|[。？]")
_ASKED = (
    "Here are things that people ask an assistant:\n\n{shown}\n\n"
    "Write one more, about something else. Write nothing but its words."
)


def opening(chat: Chat) -> list[int]:
    """Token ids of the chat template's part before a user's words; empty where it has none."""
    try:
        said: object = chat.tokenizer.apply_chat_template([{"role": "user", "content": _MARK}], tokenize=False)
    except TemplateError:
        return []
    before, found, _ = str(said).partition(_MARK)
    # A space belongs to the first word in most tokenizers: a prompt that begins after it is like none that was read.
    return list(chat.tokenizer.encode(before.rstrip(" "), add_special_tokens=False)) if found else []


def shown(chat: Chat, seeds: Sequence[str]) -> list[int]:
    """Token ids of a chat that shows some prompts and asks for another one; empty where not even two fit."""
    for count in range(len(seeds), 1, -1):
        listed = "\n".join(f"{n}. {' '.join(seed.split())}" for n, seed in enumerate(seeds[:count], 1))
        asked: list[Message] = [{"role": "user", "content": _ASKED.format(shown=listed)}]
        if chat.room(asked, MOST_TOKENS) >= 0:
            return chat.prompt(asked)
    return []


def propose(
    model: RoleModel, starts: Sequence[Sequence[int]], config: SamplingConfig, *, voice: Voice, seed: int
) -> Iterator[str]:
    """One prompt for each start of token ids, as `cut` leaves it; the same seed draws the same ones."""
    drawing = replace(config, max_new_tokens=min(MOST_TOKENS, model.chat.context - max(map(len, starts))))
    drawn = generate(model, starts, drawing, role=voice, seed=seed)
    for ids, mask in zip(drawn.response_ids.tolist(), drawn.response_mask.tolist(), strict=True):
        kept = [token for token, real in zip(ids, mask, strict=True) if real]
        yield cut(model.chat.text(kept), ended=bool(kept) and kept[-1] in model.chat.stop_ids)


def cut(text: str, *, ended: bool) -> str:
    """The first sentence of what was drawn; empty where that is no prompt: without an end, too short or too long.

    `ended` says that the model ended its turn: then a sentence needs no full stop. What begins with punctuation is
    no prompt either (Self-Instruct, appendix A).
    """
    line = next((line for line in text.splitlines() if line.strip()), "")
    line = _NUMBER.sub("", line).strip().strip('"“”*').strip()
    end = _END.search(line)
    # A line that others follow is whole too, unless it leads up to them.
    whole = end is not None or ((ended or "\n" in text.strip()) and line[-1:].isalnum())
    sentence = line[: end.end()] if end else line
    fits = FEWEST_WORDS <= len(words(sentence)) <= MOST_WORDS and sentence[:1].isalnum()
    return sentence if whole and fits else ""
