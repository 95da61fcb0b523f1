"""Where a response comes from, and what rests on a ranking, as a page that one clicks through."""

from collections.abc import Sequence

from markupsafe import Markup
from sqlite_utils import Database

from annotate.charts import number
from annotate.panels.parts import cells, clip, count, decimal, empty, heads, note, section, table
from annotate.report import sheet
from store import traces
from store.traces import Shaped, Step, WhyRanking, WhyResponse, Word

MOST_TEXT = 4000
"""Characters of the response and of its prompt; in a table, a tenth."""

_TO_RANKING = Markup('<a href="ranking/{0}">{0}</a>')
_TEXT = Markup('<td class="text">{}</td>')


def response_page(db: Database, response_id: int) -> str:
    """The page of one response; raises NotFound."""
    told = traces.why_response(db, response_id)
    body = Markup("").join([_response(told), _said(told), _line(told.line), _shaped(told)])
    return sheet(f"Response {told.response}", f"Written by {told.written_by}.", body)


def ranking_page(db: Database, ranking_id: int) -> str:
    """The page of one ranking; raises NotFound."""
    told = traces.why_ranking(db, ranking_id)
    order = Markup("").join(Markup("<li>{}</li>").format(clip(text, MOST_TEXT)) for text in told.order)
    said = Markup("<blockquote>{}</blockquote><ol>{}</ol>{}").format(
        clip(told.prompt, MOST_TEXT), order, note(f"{told.standing[0].upper()}{told.standing[1:]}.")
    )
    body = section("What was said, the best first", said) + section("What rests on it", _rests(told))
    return sheet(f"Ranking {told.ranking}", f"By {told.annotator}, {told.time[:16].replace('T', ' ')} UTC.", body)


def _response(told: WhyResponse) -> Markup:
    if told.elo is None:
        score = "It has no score: nobody ranked it, or nothing was rated since."
    else:
        error = "" if told.stderr is None else f" ± {decimal(told.stderr, 0)}"
        score = f"Elo {decimal(told.elo, 0)}{error} by the newest rating; 1 000 is the mean of its prompt."
    said = Markup('<blockquote>{}</blockquote><dl class="answers"><div><dt>{}</dt><dd>{}</dd></div></dl>{}').format(
        clip(told.prompt, MOST_TEXT), told.written_by, clip(told.text, MOST_TEXT), note(score)
    )
    return section("Response", said)


def _said(told: WhyResponse) -> Markup:
    if not told.ranked:
        return section("Who ranked it", empty("Nobody yet."))
    rows = Markup("").join(Markup("<tr>{}</tr>").format(_word(word)) for word in told.said_of_it)
    listed = table(heads("Ranking", "By", "Time", "Place"), rows)
    return section("Who ranked it", listed + _first(len(told.said_of_it), told.ranked))


def _word(word: Word) -> Markup:
    return cells(_TO_RANKING.format(word.ranking), word.annotator, _when(word.time), f"{word.place} of {word.of}")


def _line(line: Sequence[Step]) -> Markup:
    if not line:
        return Markup("")
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(
            cells(
                step.version,
                step.made_by,
                step.taught_by or "–",
                "–" if step.rating is None else str(step.rating),
                number(step.rankings),
                number(step.annotators),
            )
        )
        for step in line
    )
    titles = heads("Version", "Made by", "Reward model", "Rating", "Rankings behind it", "Annotators")
    return section("Its writer, and what that was trained on from", table(titles, rows))


def _shaped(told: WhyResponse) -> Markup:
    title = "The rankings that its writer learned from"
    if not told.shaped_by:
        return section(title, empty("None: no ranking had taught it anything when it wrote this."))
    rows = Markup("").join(_one(shaped) for shaped in told.first_of_them)
    listed = table(heads("Ranking", "By", "Time", "Prompt", "Put first"), rows)
    return section(title, listed + _first(len(told.first_of_them), told.shaped_by))


def _one(shaped: Shaped) -> Markup:
    most = MOST_TEXT // 10
    told = cells(_TO_RANKING.format(shaped.ranking), shaped.annotator, _when(shaped.time))
    texts = (_TEXT.format(clip(text, most)) for text in (shaped.prompt, shaped.best))
    return Markup("<tr>{}{}</tr>").format(told, Markup("").join(texts))


def _rests(told: WhyRanking) -> Markup:
    if not told.ratings:
        return empty("Nothing yet: no rating was made of it.")
    lines = [f"{count(len(told.ratings), 'rating')}: {', '.join(map(str, told.ratings))}"]
    lines += [f"{count(len(told.models), 'version')}: {', '.join(told.models)}"] if told.models else []
    lines += [f"{count(told.responses, 'response')} that those versions wrote"]
    return Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(line) for line in lines))


def _first(shown: int, of: int) -> Markup:
    return note(f"The first {shown} of {number(of)}.") if of > shown else Markup("")


def _when(time: str) -> str:
    return time[:16].replace("T", " ")
