"""Which version people prefer, and which one writes what they rank next."""

from collections.abc import Sequence

from markupsafe import Markup
from sqlite_utils import Database

from annotate.charts import number
from annotate.panels.parts import ago, count, empty, heads, note, percent, section, table
from annotate.verdicts import between, board_of, challenges, favours
from rlhf.ratings.versions import BASE_ELO
from store import models, rankings, scores
from store.records import Model, Rating
from store.results import Board, Challenge, VersionRow

RATE_FIRST = "Press “Rate the rankings” to compare the versions."

AXIS_MARGIN = 0.04
"""Of what the intervals span together, on either side of them, so that no bar touches the edge of its cell."""

_ROW = Markup("""<tr data-version="{name}"><td class="name">{name}{mark}</td><td class="elo">{elo}</td>\
<td class="compared">{compared}</td><td class="do">{button}</td></tr>""")

_PROMOTE = Markup("""<button type="button" data-promote="{id}" data-asks="{asks}" data-rests="{rests}"{look}>\
{label}</button>""")

_INTERVAL = Markup("""<div class="interval" role="img" aria-label="{said}">\
<i class="base" style="left:{base:.1f}%"></i><i class="span" style="left:{start:.1f}%;width:{width:.1f}%"></i>\
<i class="dot" style="left:{dot:.1f}%"></i></div>""")

_SENTENCE = Markup(
    "<p><b>{newest}</b> wins {share} against <b>{other}</b> on {prompts}"
    ' (<span title="It holds however often you look, so you may stop as soon as it leaves 50%.">'
    "{low} to {high} at any look</span>): {outcome}</p>"
)


def versions(db: Database) -> Markup:
    """The leaderboard, the decision in words, and a button for each version that could become the generator."""
    policies = models.every(db, "policy")
    if not policies:
        return section("Versions", empty("No version yet."))
    rating, generator = scores.latest(db), models.generator(db)
    board = board_of(rating)
    name = generator.name if generator else None
    lead = _decision(board, name) + _judges(db, rating, board) + _generator(db, policies, generator)
    return section(
        "Versions", Markup('<div class="lead">{}</div>{}').format(lead, _leaderboard(policies, board, name))
    )


def _decision(board: Board | None, generator: str | None) -> Markup:
    if board is None:
        return Markup("<p>Nothing was compared yet. {}</p>").format(RATE_FIRST)
    found = challenges(board)
    if not found:
        return Markup("<p>Only responses of <b>{}</b> were ranked: there is nothing to compare.</p>").format(
            board.base
        )
    return Markup("").join(_sentence(board, challenge) for challenge in found)


def _sentence(board: Board, challenge: Challenge) -> Markup:
    if challenge.share is None or challenge.low is None or challenge.high is None:
        return Markup(
            "<p><b>{}</b> and <b>{}</b> were not ranked together on any prompt: open, rank more.</p>"
        ).format(board.newest, challenge.against)
    named = "the base" if challenge.against == board.base else challenge.against
    outcome = {board.newest: f"it beats {named}.", challenge.against: f"{named} beats it."}
    return _SENTENCE.format(
        newest=board.newest,
        other=challenge.against,
        share=percent(challenge.share),
        prompts=count(challenge.prompts, "prompt"),
        low=percent(challenge.low),
        high=percent(challenge.high),
        outcome=outcome.get(challenge.winner or "", "open, rank more."),
    )


def _judges(db: Database, rating: Rating | None, board: Board | None) -> Markup:
    if rating is None:
        return Markup("")
    since = rankings.count(db, since=rating.last_ranking_id)
    words = []
    if board:
        words.append(f"Judged by {board.judges}, {count(board.rankings, 'ranking')}.")
    if since:
        come, them = ("has", "it") if since == 1 else ("have", "them")
        words.append(f"{count(since, 'ranking')} {come} come since: press “Rate the rankings” to count {them}.")
    return note(" ".join(words)) if words else Markup("")


def _generator(db: Database, policies: Sequence[Model], generator: Model | None) -> Markup:
    if generator is None:
        return note(f"None was promoted: the newest, {policies[-1].name}, writes the next responses to rank.")
    last = models.promotions(db)[-1]
    return note(
        f"{generator.name} is the default generator, which writes the next responses to rank:"
        f" promoted by {last.by} {ago(last.created)}."
    )


def _leaderboard(policies: Sequence[Model], board: Board | None, generator: str | None) -> Markup:
    by_name = {model.name: model for model in policies}
    compared = [row for row in (board.versions if board else ()) if row.name in by_name]
    low, high = _axis(compared)
    rows = [_row(by_name[row.name], board, generator, _elo(row) + _interval(row, low, high), row) for row in compared]
    seen = {row.name for row in compared}
    unknown = Markup('<span class="none">not compared yet</span>')
    rows += [_row(model, board, generator, unknown, None) for model in reversed(policies) if model.name not in seen]
    listed = table(heads("Version", "Elo, 95% interval", "Comparisons", ""), Markup("").join(rows), "versions")
    scale = "The dashed line is the base’s 1 000. A version 100 Elo above another wins 64% of their comparisons."
    return listed + note(scale) if compared else listed


def _row(model: Model, board: Board | None, generator: str | None, elo: Markup, row: VersionRow | None) -> Markup:
    compared, mark = Markup(""), Markup("")
    if row:
        told = number(row.comparisons), count(row.prompts, "prompt")
        compared = Markup("{} <small>on {}</small>").format(*told)
    if model.name == generator:
        mark = Markup('<span class="tag">default generator</span>')
    button = "" if mark else _button(model, board, generator)
    return _ROW.format(name=model.name, mark=mark, elo=elo, compared=compared, button=button)


def _button(model: Model, board: Board | None, generator: str | None) -> Markup:
    favoured = favours(board, model.name, generator)
    replaced = f"in place of {generator}" if generator else "in place of the newest version, whichever that is"
    return _PROMOTE.format(
        id=model.id,
        look="" if favoured else Markup(' class="anyway"'),
        label="Promote" if favoured else "Promote anyway",
        asks=f"Promote {model.name}?",
        rests=f"From now on {model.name} writes the responses that people rank next, {replaced}."
        f" {_rests_on(model, board, generator)}",
    )


def _rests_on(model: Model, board: Board | None, generator: str | None) -> str:
    """On what evidence a version would be promoted, as the question says it."""
    decided = between(board, model.name, generator)
    if board is None or decided is None or decided.share is None:
        return "Evidence: none, since no rating decided between the two."
    told = (
        f"Evidence: {board.newest} wins {percent(decided.share)} against {decided.against} on"
        f" {count(decided.prompts, 'prompt')}, judged by {board.judges}"
    )
    if decided.winner is None:
        return f"{told}, which leaves open which of them people prefer."
    return f"{told}, so people prefer {decided.winner}."


def _elo(row: VersionRow) -> Markup:
    certain = row.low == row.high
    error = "by definition" if certain else f"{number(row.low)} to {number(row.high)}"
    return Markup("<b>{}</b> <small>{}</small>").format(number(row.elo), error)


def _axis(rows: Sequence[VersionRow]) -> tuple[float, float]:
    """The lowest and the highest Elo of the one axis that all bars share; the base always lies on it."""
    ends = [BASE_ELO, *(end for row in rows for end in (row.low, row.high))]
    margin = AXIS_MARGIN * (max(ends) - min(ends)) or 1.0
    return min(ends) - margin, max(ends) + margin


def _interval(row: VersionRow, low: float, high: float) -> Markup:
    def at(value: float) -> float:
        """The place of an Elo on the axis, in percent of its length."""
        return 100 * (value - low) / (high - low)

    return _INTERVAL.format(
        said=f"Elo {number(row.elo)}, 95% interval {number(row.low)} to {number(row.high)}",
        base=at(BASE_ELO),
        start=at(row.low),
        width=at(row.high) - at(row.low),
        dot=at(row.elo),
    )
