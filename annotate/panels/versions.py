"""Which version people prefer, and which one writes what they rank next."""

from collections.abc import Sequence
from html import escape
from typing import Any

from sqlite_utils import Database

from annotate.charts import figure
from annotate.panels.parts import ago, count, empty, percent, section, table
from annotate.verdicts import Board, Verdict, board_of, favours, verdicts
from rlhf.ratings.versions import BASE_ELO
from store import models, rankings, scores
from store.records import Model, Rating

RATE_FIRST = "Press “Rate the rankings” to compare the versions."


def versions(db: Database) -> str:
    """The leaderboard, the decision in words, and a button for each version that could become the generator."""
    policies = models.every(db, "policy")
    if not policies:
        return section("Versions", empty("No version yet."))
    rating, generator = scores.latest(db), models.generator(db)
    board = board_of(rating)
    name = generator.name if generator else None
    lead = _decision(board, name) + _judges(db, rating, board) + _generator(db, policies, generator)
    return section("Versions", f'<div class="lead">{lead}</div>{_leaderboard(policies, board, name)}')


def _decision(board: Board, generator: str | None) -> str:
    if not board:
        return f"<p>Nothing was compared yet. {RATE_FIRST}</p>"
    found = verdicts(board)
    if not found:
        return f"<p>Only responses of <b>{escape(board['base'])}</b> were ranked: there is nothing to compare.</p>"
    return "".join(f"<p>{_sentence(verdict, board['base'])}</p>" for verdict in found)


def _sentence(verdict: Verdict, base: str) -> str:
    newest, other = f"<b>{escape(verdict.newest)}</b>", f"<b>{escape(verdict.against)}</b>"
    if verdict.share is None or verdict.low is None or verdict.high is None:
        return f"{newest} and {other} were not ranked together on any prompt: open, rank more."
    named = "the base" if verdict.against == base else escape(verdict.against)
    outcome = {verdict.newest: f"it beats {named}.", verdict.against: f"{named} beats it."}
    return (
        f"{newest} wins {percent(verdict.share)} against {other} on {count(verdict.prompts, 'prompt')}"
        f' (<span title="It holds however often you look, so you may stop as soon as it leaves 50%.">'
        f"{percent(verdict.low)} to {percent(verdict.high)} at any look</span>):"
        f" {outcome.get(verdict.winner or '', 'open, rank more.')}"
    )


def _judges(db: Database, rating: Rating | None, board: Board) -> str:
    if rating is None:
        return ""
    since = rankings.count(db, since=rating.last_ranking_id)
    words = []
    if board.get("judges"):
        words.append(f"Judged by {escape(str(board['judges']))}, {count(board.get('rankings') or 0, 'ranking')}.")
    if since:
        come, them = ("has", "it") if since == 1 else ("have", "them")
        words.append(f"{count(since, 'ranking')} {come} come since: press “Rate the rankings” to count {them}.")
    return f'<p class="note">{" ".join(words)}</p>' if words else ""


def _generator(db: Database, policies: Sequence[Model], generator: Model | None) -> str:
    if generator is None:
        newest = escape(policies[-1].name)
        return f'<p class="note">None was promoted: the newest, {newest}, writes the next responses to rank.</p>'
    last = models.promotions(db)[-1]
    return (
        f'<p class="note">{escape(generator.name)} is the default generator, which writes the next responses to rank:'
        f" promoted by {escape(last.by)} {ago(last.created)}.</p>"
    )


def _leaderboard(policies: Sequence[Model], board: Board, generator: str | None) -> str:
    by_name = {model.name: model for model in policies}
    compared = [row for row in board.get("versions", []) if row["name"] in by_name]
    low, high = _axis(compared)
    rows = [
        _row(by_name[row["name"]], board, generator, f"{_elo(row)}{_interval(row, low, high)}", row)
        for row in compared
    ]
    seen = {row["name"] for row in compared}
    for model in reversed(policies):
        if model.name not in seen:
            rows.append(_row(model, board, generator, '<span class="none">not compared yet</span>', None))
    heads = ("Version", "Elo, 95% interval", "Comparisons", "")
    listed = table("".join(f"<th>{head}</th>" for head in heads), "".join(rows), "versions")
    scale = "The dashed line is the base’s 1 000. A version 100 Elo above another wins 64% of their comparisons."
    return listed + (f'<p class="note">{scale}</p>' if compared else "")


def _row(model: Model, board: Board, generator: str | None, elo: str, row: dict[str, Any] | None) -> str:
    mark = '<span class="tag">default generator</span>' if model.name == generator else ""
    compared = f"{figure(row['comparisons'])} <small>on {count(row['prompts'], 'prompt')}</small>" if row else ""
    return (
        f'<tr data-version="{escape(model.name)}"><td class="name">{escape(model.name)}{mark}</td>'
        f'<td class="elo">{elo}</td><td class="compared">{compared}</td>'
        f'<td class="do">{"" if mark else _button(model, board, generator)}</td></tr>'
    )


def _button(model: Model, board: Board, generator: str | None) -> str:
    preferred = favours(board, model.name, generator)
    why = "" if preferred else ' title="The rankings do not say that people prefer it." class="anyway"'
    word = "Promote" if preferred else "Promote anyway"
    return f'<button type="button" data-promote="{model.id}"{why}>{word}</button>'


def _elo(row: dict[str, Any]) -> str:
    if row["low"] == row["high"]:
        return f"<b>{figure(row['elo'])}</b> <small>by definition</small>"
    return f"<b>{figure(row['elo'])}</b> <small>{figure(row['low'])} to {figure(row['high'])}</small>"


def _axis(rows: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """One axis for all bars, on which the base is always to be seen."""
    ends = [BASE_ELO, *(row[end] for row in rows for end in ("low", "high"))]
    margin = 0.04 * (max(ends) - min(ends)) or 1.0
    return min(ends) - margin, max(ends) + margin


def _interval(row: dict[str, Any], low: float, high: float) -> str:
    def at(value: float) -> float:
        return 100 * (value - low) / (high - low)

    start, end = at(row["low"]), at(row["high"])
    said = f"Elo {figure(row['elo'])}, 95% interval {figure(row['low'])} to {figure(row['high'])}"
    return (
        f'<div class="interval" role="img" aria-label="{said}"><i class="base" style="left:{at(BASE_ELO):.1f}%"></i>'
        f'<i class="span" style="left:{start:.1f}%;width:{end - start:.1f}%"></i>'
        f'<i class="dot" style="left:{at(row["elo"]):.1f}%"></i></div>'
    )
