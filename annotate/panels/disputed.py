"""The prompts that annotators disagree on most, each with its responses and their scores."""

from html import escape
from typing import Any

from sqlite_utils import Database

from annotate.panels.parts import clip, count, decimal
from store import models, prompts, responses, scores
from store.records import Rating, Response, Score

# Sent again every few seconds: whole books would make that dear.
MOST_PROMPT = 240
MOST_RESPONSE = 500
MOST_RESPONSES = 8

Names = dict[int | None, str]
"""The name of each model, by its id; None, the model of what a person wrote, has none."""


def disputed(db: Database, rating: Rating) -> str:
    """A line a prompt, opened on demand; empty where nothing is disputed."""
    rows = rating.metrics.get("disputed") or []
    if not rows:
        return ""
    names: Names = {model.id: model.name for model in models.every(db)}
    listed = "".join(_prompt(db, rating, row, names) for row in rows)
    note = (
        '<p class="note">By chance it would be about 50%. '
        "Open one to read its responses, with the Elo that the rankings gave them.</p>"
    )
    return f'<h3>Most disputed prompts</h3><div class="disputed">{listed}</div>{note}'


def _prompt(db: Database, rating: Rating, row: dict[str, Any], names: Names) -> str:
    prompt = prompts.get(db, row["prompt_id"])
    told = f"two people differ on {row['disputed']:.0%} of shared pairs · {count(row['rankings'], 'ranking')}"
    texts = {response.id: response for response in responses.of_prompt(db, prompt.id)}
    rated = scores.of_prompt(db, rating.id, prompt.id)
    shown = "".join(_response(score, texts[score.response_id], names) for score in rated[:MOST_RESPONSES])
    more = len(rated) - MOST_RESPONSES
    rest = f'<p class="note">{count(more, "lower rated response")} not shown.</p>' if more > 0 else ""
    return (
        f"<details><summary><span>{clip(prompt.text, MOST_PROMPT)}</span> <small>{told}</small></summary>"
        f"<ol>{shown}</ol>{rest}</details>"
    )


def _response(score: Score, response: Response, names: Names) -> str:
    error = "" if score.stderr is None else f" ± {decimal(score.stderr, 0)}"
    writer = escape(response.annotator or names.get(response.model_id, ""))
    return (
        f"<li><header><b>{decimal(score.elo, 0)}</b>{error} <small>{writer}</small></header>"
        f"<p>{clip(response.text, MOST_RESPONSE)}</p></li>"
    )
