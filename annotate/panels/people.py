"""How far to trust the rankings: do people agree, and who differs from the others."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from sqlite_utils import Database

from annotate.charts import figure
from annotate.panels.disputed import disputed
from annotate.panels.parts import count, decimal, empty, section, table
from store import checks, scores
from store.records import PairAgreement, Rating

MOST_ROWS = 50
MATRIX_UP_TO = 12

Row = Mapping[str, Any]

_COLUMNS = {
    "Annotator": "Who agrees least with the others comes first.",
    "Rankings": "How many of theirs were rated.",
    "Agreement": "Kendall’s tau with others on the same prompts: 1 is the same order, 0 chance, −1 the reverse.",
    "Log-loss": "How badly the others’ rankings foretell theirs, per pair: 0 is perfectly, 1.1 is a blind guess.",
    "Consistency": "Share of pairs that came out the same when they ranked a prompt again, of so many again.",
    "Gold": "Share of pairs put right on prompts with a known answer, of so many they had. Flagged: below 70%, almost"
    " surely.",
    "Seconds": "Median time of a ranking.",
    "Weight": "How much a ranking of theirs counts in the scores; 1 is usual.",
}


def annotators(db: Database) -> str:
    """Agreement of all in a sentence, a line a person, who agrees with whom, and what is disputed most."""
    rating = scores.latest(db)
    lead = f'<div class="lead">{_alpha(rating)}<p class="note">{_gold(checks.count_gold(db))}</p></div>'
    if rating is None:
        return section("Annotators", lead)
    rows: list[Row] = rating.metrics.get("by_annotator") or []
    return section("Annotators", lead + _people(rows) + _pairs(db, rating, rows) + disputed(db, rating))


def _alpha(rating: Rating | None) -> str:
    if rating is None:
        return "<p>Nothing was rated yet. Press “Rate the rankings” when some are stored.</p>"
    told = rating.metrics
    if told.get("alpha") is None:
        return "<p>No prompt was ranked by two annotators yet, so how far they agree is not known.</p>"
    interval = ""
    if told.get("alpha_low") is not None and told.get("alpha_high") is not None:
        interval = f" (95% interval {decimal(told['alpha_low'])} to {decimal(told['alpha_high'])})"
    return (
        f"<p>Agreement is <b>{decimal(told['alpha'])}</b>{interval} by Krippendorff’s alpha: 1 is full agreement,"
        " 0 is chance. Tastes differ: public data sets of them have 0.29 to 0.55.</p>"
    )


def _gold(known: int) -> str:
    if not known:
        return "0 gold answers: tick “Gold” on the Rank page to make an order the known answer, which checks others."
    return f"{count(known, 'gold answer')}: prompts with a known answer, which come up now and then and check people."


def _people(rows: Sequence[Row]) -> str:
    if not rows:
        return empty("The last rating was made before annotators had a line each. Press “Rate the rankings”.")
    head = "".join(f'<th title="{escape(told)}">{name}</th>' for name, told in _COLUMNS.items())
    body = "".join(_person(row) for row in rows[:MOST_ROWS])
    rest = f'<p class="note">The {MOST_ROWS} of {len(rows)} that agree least with the others.</p>'
    meaning = "".join(f"<dt>{name}</dt><dd>{escape(told)}</dd>" for name, told in _COLUMNS.items())
    return (
        table(head, body, "people")
        + (rest if len(rows) > MOST_ROWS else "")
        + f"<details><summary>What the columns mean</summary><dl>{meaning}</dl></details>"
    )


def _person(row: Row) -> str:
    flag = ' <span class="tag bad">flagged</span>' if row.get("flagged") else ""
    cells = (
        figure(row.get("rankings") or 0),
        decimal(row.get("tau")),
        decimal(row.get("log_loss")),
        _share(row.get("consistency"), row.get("repeats")),
        _share(row.get("gold_accuracy"), row.get("gold")),
        "–" if row.get("seconds") is None else f"{row['seconds']:.0f}",
        decimal(row.get("reliability")),
    )
    told = "".join(f"<td>{cell}</td>" for cell in cells)
    name = escape(str(row["name"]))
    return f'<tr><td class="name"><span title="{name}">{name}</span>{flag}</td>{told}</tr>'


def _share(value: float | None, times: int | None) -> str:
    return "–" if value is None else f"{value:.0%} <small>of {figure(times or 0)}</small>"


def _pairs(db: Database, rating: Rating, rows: Sequence[Row]) -> str:
    names = [str(row["name"]) for row in rows]
    if len(names) < 2:
        return ""
    if len(names) <= MATRIX_UP_TO:
        met = scores.pairs(db, rating.id)
        return f"<h3>Who agrees with whom</h3>{_matrix(names, met)}" if met else ""
    apart = scores.pairs_apart(db, rating.id)
    return f"<h3>Who agrees least</h3>{_apart(apart)}" if apart else ""


def _matrix(names: Sequence[str], met: Iterable[PairAgreement]) -> str:
    known = {frozenset((pair.annotator, pair.other)): pair for pair in met}
    # Numbers on top, or the names would make it wider than the page.
    head = "<th></th>" + "".join(
        f'<th scope="col" title="{escape(name)}">{n}</th>' for n, name in enumerate(names, 1)
    )
    rows = "".join(
        f'<tr><th scope="row" title="{escape(name)}"><i>{n}</i> {escape(name)}</th>'
        + "".join(_cell(known.get(frozenset((name, other)))) for other in names)
        + "</tr>"
        for n, name in enumerate(names, 1)
    )
    note = '<p class="note">Kendall’s tau of each two over the prompts that both ranked.</p>'
    return table(head, rows, "matrix") + note


def _cell(pair: PairAgreement | None) -> str:
    if pair is None:
        return '<td class="none">·</td>'
    title = escape(f"{pair.annotator} and {pair.other}: {decimal(pair.tau)} over {count(pair.shared, 'pair')}")
    kind, depth = "unlike" if pair.tau < 0 else "like", round(70 * min(abs(pair.tau), 1.0))
    return f'<td class="{kind}" style="--depth:{depth}%" title="{title}">{decimal(pair.tau)}</td>'


def _apart(pairs: Iterable[PairAgreement]) -> str:
    rows = "".join(
        f"<tr><td>{escape(p.annotator)}</td><td>{escape(p.other)}</td><td>{decimal(p.tau)}</td>"
        f"<td>{figure(p.shared)}</td></tr>"
        for p in pairs
    )
    head = "<th>Annotator</th><th>Other</th><th>Agreement</th><th>Shared rankings</th>"
    note = f'<p class="note">Of those that ranked the same prompt at least {scores.FEWEST_SHARED} times.</p>'
    return table(head, rows, "apart") + note
