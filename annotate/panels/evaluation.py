"""The latest evaluation: its table, what the columns mean, and the curve that shows where a reward is overdone."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from sqlite_utils import Database

from annotate.charts import Line, Spot, number, plane
from annotate.panels.parts import decimal, empty, section, table
from rlhf.settings.dials import dials
from store import evaluations
from store.results import AnswerFigures, BestOfN, Evaluation, PolicyEvaluation

ROWS = 40
"""Versions in the table and in the curve: the newest of them."""

Row = AnswerFigures | BestOfN


@dataclass(frozen=True)
class _Column:
    """One column: the field that it shows and that has to be known somewhere, its title, and a cell of it."""

    field: str
    title: str
    cell: Callable[[Row], Markup | str]


def evaluation(db: Database) -> Markup:
    """The evaluation made last, as a table and two curves; what to do where none was made."""
    made = evaluations.every(db)
    if not made:
        return section("Evaluation", empty("Nothing was evaluated yet. Train a policy, and start an evaluation."))
    last = made[-1]
    policies = last.policies[-ROWS:]
    rows: list[Row] = [last.of_baseline, *_best_of(last)[1:], *policies]
    lead = (
        f"{last.prompts} held-out prompts, {last.samples} answers of each version to each, at temperature "
        f"{last.temperature:g}. Win rates are against {last.baseline}, by {last.judge}."
    )
    told = Markup("").join(Markup('<p class="caution">{}</p>').format(said) for said in last.notes)
    drawn = Markup('<div class="planes">{}{}</div>').format(_curve(last, "win_rate"), _curve(last, "reward"))
    body = Markup('<div class="lead"><p>{}</p>{}</div>{}{}').format(lead, told, drawn, _table(rows))
    return section("Evaluation", body)


def _best_of(made: Evaluation) -> Sequence[BestOfN]:
    """The best of n of the baseline, n = 1 first; it stands with every version alike."""
    return made.policies[0].best_of_n if made.policies else ()


def _table(rows: Sequence[Row]) -> Markup:
    shown = [c for c in _COLUMNS if any(getattr(row, c.field, None) is not None for row in rows)]
    head = Markup("").join(
        Markup('<th title="{}">{}</th>').format(_meaning(c), c.title) if _meaning(c) else Markup("<th></th>")
        for c in shown
    )
    body = Markup("").join(
        Markup('<tr class="{}">{}</tr>').format(
            "best" if isinstance(row, BestOfN) else "",
            Markup("").join(Markup("<td>{}</td>").format(c.cell(row)) for c in shown),
        )
        for row in rows
    )
    meaning = Markup("").join(
        Markup("<dt>{}</dt><dd>{}</dd>").format(c.title, _meaning(c)) for c in shown if _meaning(c)
    )
    told = Markup("<details><summary>What the columns mean</summary><dl>{}</dl></details>").format(meaning)
    return table(head, body, "evaluation") + told


def _meaning(column: _Column) -> str:
    """The docstring of the field in the record, as a person reads it; none for the name."""
    if column.field == "name":
        return ""
    return next(dial.help for dial in dials(PolicyEvaluation) if dial.name == column.field).replace("'", "’")


def _name(row: Row) -> Markup:
    name = f"best of {row.n}" if isinstance(row, BestOfN) else row.name
    return Markup("<b>{}</b>").format(name)


def _win_rate(row: Row) -> Markup | str:
    rate, low, high = (getattr(row, key, None) for key in ("win_rate", "low", "high"))
    if rate is None:
        return "–"
    interval = "" if low is None or high is None else f"{decimal(low)} to {decimal(high)}"
    return Markup("{} <small>{}</small>").format(decimal(rate), interval)


def _distance(row: Row) -> Markup | str:
    if (kl := getattr(row, "kl", None)) is None:
        return "–"
    error = getattr(row, "kl_error", None)
    beside = "at most" if isinstance(row, BestOfN) else "" if error is None else f"± {decimal(error)}"
    return Markup("{} <small>{}</small>").format(decimal(kl), beside)


def _plain(field: str, digits: int) -> Callable[[Row], str]:
    return lambda row: decimal(getattr(row, field, None), digits)


_COLUMNS = (
    _Column("name", "", _name),
    _Column("win_rate", "Win rate, 95%", _win_rate),
    _Column("win_rate_length_controlled", "At one length", _plain("win_rate_length_controlled", 2)),
    _Column("reward", "Reward", _plain("reward", 2)),
    _Column("score", "Score", _plain("score", 2)),
    _Column("kl", "KL", _distance),
    _Column("length", "Tokens", _plain("length", 1)),
    _Column("ended", "Ended", _plain("ended", 2)),
    _Column("distinct", "Distinct", _plain("distinct", 2)),
    _Column("repeated", "Repeated", _plain("repeated", 2)),
    _Column("forgetting", "Forgetting", _plain("forgetting", 2)),
)


def _curve(made: Evaluation, field: str) -> Markup:
    """The win rate (or the reward) of the versions and of best-of-n against the root of the KL; empty if unknown."""
    start = 0.5 if field == "win_rate" else made.of_baseline.reward
    versions = [_spot(row, field, row.name) for row in made.policies[-ROWS:]]
    known = [spot for spot in versions if spot is not None]
    if start is None or not known:
        return Markup("")
    best = [spot for row in _best_of(made) if (spot := _spot(row, field, number(row.n)))]
    share = field == "win_rate"
    title = f"Win rate, by {made.judge}" if share else f"Reward, by {made.reward_model}"
    lines = [Line("versions, oldest first", "versions", (Spot(0.0, start, made.baseline), *known))]
    if best:
        lines.append(Line(f"best of n of {made.baseline} (KL at most)", "best", tuple(best)))
    return plane(title, "√KL from the baseline", lines, bounds=(0.0, 1.0) if share else None)


def _spot(row: PolicyEvaluation | BestOfN, field: str, name: str) -> Spot | None:
    value = getattr(row, field)
    if value is None:
        return None
    ends = (row.low, row.high) if field == "win_rate" else (None, None)
    return Spot(math.sqrt(max(row.kl, 0.0)), value, name, *ends)  # the estimate of a KL may come out below 0
