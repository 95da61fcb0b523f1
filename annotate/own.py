"""One's own figures, as of the last rating: of nobody else, of no version, and of no known answer."""

from collections.abc import Mapping
from typing import Any

from sqlite_utils import Database

from annotate.panels.parts import ago, count, decimal
from store import scores

FEWEST_RANKINGS = 10
"""With fewer, the figures would say more about chance than about the person."""


def own_figures(db: Database, annotator: str) -> str:
    """A quiet line to be opened; empty for whoever has fewer than `FEWEST_RANKINGS` in the last rating."""
    rating = scores.latest(db)
    rows = (rating.metrics.get("by_annotator") or []) if rating else []
    row = next((row for row in rows if row["name"] == annotator), None)
    if rating is None or row is None or (row.get("rankings") or 0) < FEWEST_RANKINGS:
        return ""
    lines = "".join(f"<div><dt>{name}</dt><dd>{told}</dd></div>" for name, told in _lines(row, rating.metrics))
    return (
        f'<details class="own"><summary>Your figures, from {count(row["rankings"], "ranking")}</summary>'
        f"<dl>{lines}</dl><p>As of the last rating, {ago(rating.created)}. A taste that differs from others’ is no"
        " mistake.</p></details>"
    )


def _lines(row: Mapping[str, Any], of_all: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is known, each with what it means."""
    lines = []
    if row.get("tau") is not None:
        meaning = "1 is the same order as theirs, 0 is chance"
        lines.append(("Agreement with others", f"{decimal(row['tau'])} <small>{meaning}</small>"))
    if of_all.get("alpha") is not None:
        meaning = "by Krippendorff’s alpha: 1 is full agreement, 0 is chance"
        lines.append(("Agreement in the group", f"{decimal(of_all['alpha'])} <small>{meaning}</small>"))
    if row.get("consistency") is not None:
        meaning = f"of pairs came out the same when you ranked a prompt again, {count(row['repeats'], 'time')}"
        lines.append(("Consistency", f"{row['consistency']:.0%} <small>{meaning}</small>"))
    if row.get("seconds") is not None:
        lines.append(("Time of a ranking", f"{row['seconds']:.0f} s <small>half of yours took longer</small>"))
    return lines
