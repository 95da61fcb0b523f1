"""What is written in the README.md beside what was exported, of what the store knows; nothing is left blank."""

import json
from collections.abc import Iterable, Mapping, Sequence

from store.records import Import, Json, Rating
from store.results import RatingFigures, figures

METHODS = {
    "davidson": "a Davidson model (Bradley-Terry with ties) fitted to all rankings at once, with sandwich errors",
    "plackett_luce": "a Plackett-Luce model fitted to all rankings at once",
    "elo": "sequential Elo over all rankings, which gives no standard errors",
}


def front(told: Json) -> str:
    """The head of a card that hubs read; JSON is YAML."""
    return "\n".join(["---", *(f"{key}: {json.dumps(value)}" for key, value in told.items()), "---", ""])


def bullets(lines: Iterable[str]) -> str:
    """A list in Markdown."""
    return "\n".join(f"- {line}" for line in lines)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; what would end a cell is taken out of it."""
    told = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in row) + " |" for row in told)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "/").split())


def judged_by(rating: Rating | None) -> str:
    """How the scores were made and how far they are to be trusted, as a list."""
    if rating is None:
        return bullets(["There are no scores: nothing was rated yet."])
    found: RatingFigures = figures(rating)
    lines = [
        f"Scores: {METHODS.get(rating.method, rating.method)}; rating {rating.id} of {rating.created[:10]}, on "
        f"{found.rankings} rankings of {found.responses} responses to {found.prompts} prompts.",
        f"Rankings by people: {found.people}; by simulated annotators: {found.simulated}.",
        f"Annotators: {found.annotators}.",
    ]
    if found.alpha is not None:
        interval = "" if found.alpha_low is None else f" (95% {found.alpha_low:.2f} to {found.alpha_high:.2f})"
        lines.append(
            f"Agreement: Krippendorff's alpha {found.alpha:.2f}{interval}; 1 is full agreement, 0 is chance."
        )
    if found.vote_agreement is not None:
        lines.append(f"Two people ordered {found.vote_agreement:.0%} of the pairs that both of them ordered alike.")
    return bullets(lines)


def sources(imports: Sequence[Import], by_source: Mapping[str, int]) -> str:
    """Where the prompts come from, as a list."""
    lines = [f"{count} prompts from `{_cell(source)}`" for source, count in by_source.items()]
    lines += [
        f"import {one.id}: `{_cell(one.file)}`, read as {one.format}, SHA-256 `{one.sha256}`, "
        + (f"licence: {_cell(one.licence)}" if one.licence else "no licence noted")
        for one in imports
        if not one.removed
    ]
    return bullets(lines or ["none"])
