"""How far to trust the rankings: whether people agree, and who differs from the others."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup
from sqlite_utils import Database

from annotate.charts import number
from annotate.panels.disputed import disputed
from annotate.panels.parts import cells, count, decimal, empty, heads, note, section, table
from store import checks, scores
from store.records import PairAgreement, Rating
from store.results import AnnotatorFigures, figures

MOST_ROWS = 50
"""Annotators in the table: those who agree least come first, and those are looked for."""
MATRIX_UP_TO = 12
"""With more annotators the matrix would be wider than the page, and the pairs that agree least are listed."""
HASTY = 2.0
"""Seconds below which a median time is marked: four short responses are not read in less."""
DEEPEST = 70
"""Percent of the colour behind an agreement of 1 or −1: with more, the figure on it is hard to read."""

_COLUMNS = {
    "Annotator": "The person who agrees least with the others comes first.",
    "Rankings": "How many rankings by this person were rated.",
    "Agreement": "Kendall’s tau with others on the same prompts: 1 is the same order, 0 is chance, −1 the reverse.",
    "Log-loss": "How badly the others’ rankings predict this person’s, in nats a pair of responses: 0 is perfect,"
    " 1.1 is a blind guess.",
    "Consistency": "Share of pairs that this person put in the same order when they ranked a prompt again. The small"
    " number says how often they did.",
    "Gold": "Share of pairs put in the right order on prompts with a known answer. The small number says how many"
    " such prompts there were. Flagged: the share is almost surely below 70%.",
    "Seconds": "Median time that this person took for a ranking, in seconds: by their page, which leaves pauses out,"
    " and by the server, from handing out the task. Hasty: one of the two is so short that nobody reads meanwhile.",
    "Weight": "How much one ranking by this person counts in the scores; 1 is usual.",
}


def annotators(db: Database) -> Markup:
    """Agreement of all in a sentence, a line for each person, who agrees with whom, and what is disputed most."""
    rating = scores.latest(db)
    lead = Markup('<div class="lead">{}{}</div>').format(_alpha(rating), note(_gold(checks.count_gold(db))))
    if rating is None:
        return section("Annotators", lead)
    rows = figures(rating).by_annotator
    return section("Annotators", lead + _people(rows) + _pairs(db, rating, rows) + disputed(db, rating))


def _alpha(rating: Rating | None) -> Markup:
    if rating is None:
        return Markup("<p>Nothing was rated yet. Press “Rate the rankings” when some are stored.</p>")
    told = figures(rating)
    if told.alpha is None:
        return Markup("<p>No prompt was ranked by two annotators yet, so how far they agree is not known.</p>")
    interval = ""
    if told.alpha_low is not None and told.alpha_high is not None:
        interval = f" (95% interval {decimal(told.alpha_low)} to {decimal(told.alpha_high)})"
    return Markup(
        "<p>Agreement is <b>{}</b>{} by Krippendorff’s alpha: 1 is full agreement, 0 is chance."
        " Tastes differ: public data sets of them have 0.29 to 0.55.</p>"
    ).format(decimal(told.alpha), interval)


def _gold(known: int) -> str:
    if not known:
        return "0 gold answers: tick “Gold” on the Rank page to make an order the known answer, which checks others."
    return f"{count(known, 'gold answer')}: prompts with a known answer, which come up now and then and check people."


def _people(rows: Sequence[AnnotatorFigures]) -> Markup:
    if not rows:
        return empty("The last rating was made before annotators had a line each. Press “Rate the rankings”.")
    columns = _COLUMNS.items()
    head = Markup("").join(Markup('<th title="{}">{}</th>').format(told, name) for name, told in columns)
    body = Markup("").join(_person(row) for row in rows[:MOST_ROWS])
    listed = table(head, body, "people")
    if len(rows) > MOST_ROWS:
        listed += note(f"The {MOST_ROWS} of {len(rows)} that agree least with the others.")
    meaning = Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(name, told) for name, told in columns)
    return listed + Markup("<details><summary>What the columns mean</summary><dl>{}</dl></details>").format(meaning)


def _person(row: AnnotatorFigures) -> Markup:
    told = cells(
        number(row.rankings),
        decimal(row.tau),
        decimal(row.log_loss),
        _share(row.consistency, row.repeats),
        _share(row.gold_accuracy, row.gold),
        _seconds(row),
        decimal(row.reliability),
    )
    return Markup('<tr><td class="name"><span title="{name}">{name}</span>{flag}</td>{told}</tr>').format(
        name=row.name,
        flag=Markup("").join(
            Markup(' <span class="tag bad">{}</span>').format(tag)
            for tag, so in (("flagged", row.flagged), ("hasty", _hasty(row)))
            if so
        ),
        told=told,
    )


def _seconds(row: AnnotatorFigures) -> Markup:
    told = "–" if row.seconds is None else _short(row.seconds)
    if row.lasted is None:
        return Markup("{}").format(told)
    return Markup("{} <small>{} by the server</small>").format(told, _short(row.lasted))


def _short(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"


def _hasty(row: AnnotatorFigures) -> bool:
    return any(seconds is not None and seconds < HASTY for seconds in (row.seconds, row.lasted))


def _share(value: float | None, times: int | None) -> Markup:
    if value is None:
        return Markup("–")
    return Markup("{:.0%} <small>of {}</small>").format(value, number(times or 0))


def _pairs(db: Database, rating: Rating, rows: Sequence[AnnotatorFigures]) -> Markup:
    names = [row.name for row in rows]
    if len(names) < 2:
        return Markup("")
    if len(names) <= MATRIX_UP_TO:
        met = scores.pairs(db, rating.id)
        return Markup("<h3>Who agrees with whom</h3>{}").format(_matrix(names, met)) if met else Markup("")
    apart = scores.pairs_apart(db, rating.id)
    return Markup("<h3>Who agrees least</h3>{}").format(_apart(apart)) if apart else Markup("")


def _matrix(names: Sequence[str], met: Iterable[PairAgreement]) -> Markup:
    known = {frozenset((pair.annotator, pair.other)): pair for pair in met}
    # Numbers on top, or the names would make it wider than the page.
    head = Markup("<th></th>") + Markup("").join(
        Markup('<th scope="col" title="{}">{}</th>').format(name, place) for place, name in enumerate(names, 1)
    )
    row = Markup('<tr><th scope="row" title="{name}"><i>{place}</i> {name}</th>{cells}</tr>')
    rows = Markup("").join(
        row.format(
            name=name,
            place=place,
            cells=Markup("").join(_cell(known.get(frozenset((name, other)))) for other in names),
        )
        for place, name in enumerate(names, 1)
    )
    return table(head, rows, "matrix") + note("Kendall’s tau of each two over the prompts that both ranked.")


def _cell(pair: PairAgreement | None) -> Markup:
    if pair is None:
        return Markup('<td class="none">·</td>')
    told = decimal(pair.tau)
    return Markup('<td class="{}" style="--depth:{}%" title="{}">{}</td>').format(
        "unlike" if pair.tau < 0 else "like",
        round(DEEPEST * min(abs(pair.tau), 1.0)),
        f"{pair.annotator} and {pair.other}: {told} over {count(pair.shared, 'pair')}",
        told,
    )


def _apart(pairs: Iterable[PairAgreement]) -> Markup:
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(cells(pair.annotator, pair.other, decimal(pair.tau), number(pair.shared)))
        for pair in pairs
    )
    return table(heads("Annotator", "Other", "Agreement", "Shared rankings"), rows, "apart") + note(
        f"Of those that ranked the same prompt at least {scores.FEWEST_SHARED} times."
    )
