"""The prompts that annotators disagree on most, each with its responses and their scores."""

from markupsafe import Markup
from sqlite_utils import Database

from annotate.panels.parts import clip, count, decimal, note
from store import models, prompts, responses, scores
from store.records import Rating, Response, Score
from store.results import DisputedPrompt, figures

# The panel is sent anew every few seconds, so long texts are cut: in characters, and in responses of a prompt.
MOST_PROMPT = 240
MOST_RESPONSE = 500
MOST_RESPONSES = 8

Names = dict[int | None, str]
"""The name of each model, by its id; None, the model of what a person wrote, has none."""


def disputed(db: Database, rating: Rating) -> Markup:
    """A line for each disputed prompt, which opens to show its responses; empty where nothing is disputed."""
    rows = [row for row in figures(rating).disputed if prompts.get(db, row.prompt_id).counts]
    if not rows:
        return Markup("")
    names: Names = {model.id: model.name for model in models.every(db)}
    listed = Markup("").join(_prompt(db, rating, row, names) for row in rows)
    meaning = (
        "By chance it would be about 50%. Open one to read its responses, with the Elo that the rankings gave them."
    )
    return Markup('<h3>Most disputed prompts</h3><div class="disputed">{}</div>{}').format(listed, note(meaning))


def _prompt(db: Database, rating: Rating, row: DisputedPrompt, names: Names) -> Markup:
    prompt = prompts.get(db, row.prompt_id)
    told = f"two people differ on {row.disputed:.0%} of shared pairs · {count(row.rankings, 'ranking')}"
    texts = {response.id: response for response in responses.of_prompt(db, prompt.id)}
    rated = scores.of_prompt(db, rating.id, prompt.id)
    shown = Markup("").join(_response(score, texts[score.response_id], names) for score in rated[:MOST_RESPONSES])
    more = len(rated) - MOST_RESPONSES
    rest = note(f"{count(more, 'lower rated response')} not shown.") if more > 0 else ""
    return Markup("<details><summary><span>{}</span> <small>{}</small></summary><ol>{}</ol>{}</details>").format(
        clip(prompt.text, MOST_PROMPT), told, shown, rest
    )


def _response(score: Score, response: Response, names: Names) -> Markup:
    error = "" if score.stderr is None else f" ± {decimal(score.stderr, 0)}"
    shown = Markup('<li><header><b>{}</b>{} <small><a href="../why/{}">{}</a></small></header><p>{}</p></li>')
    return shown.format(
        decimal(score.elo, 0),
        error,
        response.id,
        response.annotator or names.get(response.model_id, ""),
        clip(response.text, MOST_RESPONSE),
    )
