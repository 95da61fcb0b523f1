"""Responses that say which model wrote them: whoever ranks such a one is no longer blind."""

import re
from dataclasses import dataclass

from sqlite_utils import Database

from store import models
from store.records import IMPORTED

FAMILIES = (
    "ChatGPT",
    "GPT-3",
    "GPT-4",
    "GPT-5",
    "OpenAI",
    "Claude",
    "Anthropic",
    "Gemini",
    "Llama",
    "Mistral",
    "Mixtral",
    "Qwen",
    "DeepSeek",
    "SmolLM",
    "Gemma",
    "Vicuna",
    "Alpaca",
    "Falcon",
)
"""Names that models give themselves. Some are words as well, so that what is found is for a person to judge."""
MOST = 20
"""Responses that are listed; the first of many tell enough."""


@dataclass(frozen=True)
class Named:
    """A response that waits to be ranked and in which a name of a model stands, as it is written there."""

    response_id: int
    prompt_id: int
    name: str
    around: str


def in_open_tasks(db: Database) -> list[Named]:
    """The first `MOST` responses of tasks that wait, in order of arrival, in which one stands: a version of this
    workspace or a name of `FAMILIES`, as a word of its own, in capitals or not."""
    own = {model.name.removeprefix(IMPORTED) for model in models.every(db)} - {"base"}  # which is a common word
    names = "|".join(re.escape(name) for name in sorted({*own, *FAMILIES}, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w-])(?:{names})(?![\w-])", re.IGNORECASE)
    found = []
    for number, prompt, text in db.execute(
        """SELECT r.id, r.prompt_id, r.text FROM responses r WHERE r.id IN (
            SELECT shown.response_id FROM tasks t JOIN task_responses shown ON shown.task_id = t.id
            WHERE t.state != 'done' AND t.prompt_id NOT IN taken_out) ORDER BY r.id"""
    ):
        if met := pattern.search(text):
            near = text[max(met.start() - 40, 0) : met.end() + 40]
            found.append(Named(number, prompt, met[0], " ".join(near.split())))
            if len(found) == MOST:
                break
    return found
