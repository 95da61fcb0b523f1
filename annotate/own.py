"""What the ranking page tells a person of themselves, as measured by the last rating.

It names no other annotator and no model version, and nothing that would give away which prompts have a known answer.
"""

from markupsafe import Markup
from sqlite_utils import Database

from annotate.panels.parts import ago, count, decimal
from store import scores
from store.results import AnnotatorFigures, RatingFigures, figures

FEWEST_RANKINGS = 10
"""With fewer, the figures would say more about chance than about the person."""

_FIGURES = Markup(
    '<details class="own"><summary>Your figures, from {rankings}</summary><dl>{lines}</dl>'
    "<p>As of the last rating, {when}. A taste that differs from others’ is no mistake.</p></details>"
)


def own_figures(db: Database, annotator: str) -> Markup:
    """A line that opens to show a person's figures; empty with fewer than `FEWEST_RANKINGS` in the last rating."""
    rating = scores.latest(db)
    if rating is None:
        return Markup("")
    told = figures(rating)
    row = next((row for row in told.by_annotator if row.name == annotator), None)
    if row is None or row.rankings < FEWEST_RANKINGS:
        return Markup("")
    line = Markup("<div><dt>{}</dt><dd>{} <small>{}</small></dd></div>")
    lines = Markup("").join(line.format(*words) for words in _lines(row, told))
    return _FIGURES.format(rankings=count(row.rankings, "ranking"), lines=lines, when=ago(rating.created))


def _lines(row: AnnotatorFigures, of_all: RatingFigures) -> list[tuple[str, str, str]]:
    """Each figure that is known: its name, its value, and what the value means."""
    lines = []
    if row.tau is not None:
        meaning = "1 is the same order as theirs, 0 is chance"
        lines.append(("Agreement with others", decimal(row.tau), meaning))
    if of_all.alpha is not None:
        meaning = "by Krippendorff’s alpha: 1 is full agreement, 0 is chance"
        lines.append(("Agreement in the group", decimal(of_all.alpha), meaning))
    if row.consistency is not None:
        meaning = f"of pairs came out the same when you ranked a prompt again, {count(row.repeats, 'time')}"
        lines.append(("Consistency", f"{row.consistency:.0%}", meaning))
    if row.seconds is not None:
        lines.append(("Time of a ranking", f"{row.seconds:.0f} s", "half of yours took longer"))
    return lines
