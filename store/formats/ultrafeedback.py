"""Answers of several models with scores, as UltraFeedback has them: `instruction` and `completions`.

Each completion has `response`, `model`, and `overall_score` or `fine-grained_score`.
"""

from collections.abc import Iterator

from store.formats import cells
from store.formats.row import Answer, Format, Item, Row, Verdict, by_value

SCORES = ("overall_score", "fine-grained_score")
JUDGE = "gpt-4"
"""Who gave the scores."""


def read(item: Item) -> Iterator[Row]:
    """One prompt with its answers by their scores."""
    asked = [{"role": "user", "content": cells.text(item, "instruction")}]
    told = cells.listed(item, "completions")
    answers = tuple(Answer(cells.text(one, "response"), cells.name(one, "model")) for one in told)
    scored = [cells.number(one, next((key for key in SCORES if key in one), SCORES[0])) for one in told]
    yield Row(asked, answers, (Verdict(by_value(scored), JUDGE),) if len(told) > 1 else ())


FORMAT = Format("ultrafeedback", (("instruction", "completions"),), read)
