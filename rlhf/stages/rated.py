"""The rated responses of each prompt as a model takes them: what teaches the reward model, DPO and fine-tuning."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlite_utils import Database

from store import models, prompts, responses, scores
from store.records import Prompt, Rating, Response, Score

if TYPE_CHECKING:
    from rlhf.training.chat import Chat

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rated:
    """One prompt with its K rated responses: their scores, their records, and what they are in token ids."""

    prompt: Prompt
    scores: Sequence[Score]
    responses: Sequence[Response]
    answers: Sequence[tuple[int, ...]]


def rated_prompts(db: Database, rating: Rating, chat: Chat) -> list[Rated]:
    """Each prompt of which at least two responses are rated, in order of the prompts.

    What does not fit the model's context is cut at its end, and a prompt that fills it is left out; both are counted
    in one line of the log.
    """
    by_id = {r.id: r for r in responses.every(db)}
    same_tokens = {m.id for m in models.every(db) if m.base_model == chat.base_model}
    by_prompt: dict[int, list[Score]] = {}
    for score in scores.of_rating(db, rating.id):
        by_prompt.setdefault(by_id[score.response_id].prompt_id, []).append(score)
    found = []
    too_long = cut = 0
    for prompt in prompts.every(db):
        if len(told := by_prompt.get(prompt.id, [])) < 2:
            continue
        room = chat.room(prompt.messages, 0)
        if room < 1:
            too_long += 1
            continue
        wrote = [by_id[score.response_id] for score in told]
        written = [_tokens(response, chat, same_tokens) for response in wrote]
        cut += sum(len(ids) > room for ids in written)
        found.append(Rated(prompt, told, wrote, [ids[:room] for ids in written]))
    if too_long or cut:
        log.warning(
            "The context of %s is %d tokens: %d ranked responses are longer and were cut there, %d ranked prompts "
            "fill it and were left out.",
            chat.base_model,
            chat.context,
            cut,
            too_long,
        )
    return found


def _tokens(response: Response, chat: Chat, same_tokens: set[int]) -> tuple[int, ...]:
    """What its model wrote, if that is one of `same_tokens` (those on the present base); else the text's tokens."""
    if response.token_ids is not None and response.model_id in same_tokens:
        return response.token_ids
    return tuple(chat.response(response.text, finished=response.finished))
