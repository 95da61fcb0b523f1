"""An evaluation as a person reads it: a table of the baseline, best-of-n and the versions, and what to beware of."""

from collections.abc import Callable

from rlhf.commands.console import table
from rlhf.settings.dials import dials
from store.records import Json
from store.results import PolicyEvaluation

Row = Json

COLUMNS: tuple[tuple[str, str, Callable[[Row], str]], ...] = (
    ("name", "version", lambda row: str(row["name"])),
    ("win_rate", "win rate", lambda row: _decimals(row.get("win_rate"), 3)),
    ("low", "95%", lambda row: _interval(row)),
    (
        "win_rate_length_controlled",
        "at one length",
        lambda row: _decimals(row.get("win_rate_length_controlled"), 3),
    ),
    ("reward", "reward", lambda row: _decimals(row.get("reward"), 2)),
    ("score", "score", lambda row: _decimals(row.get("score"), 2)),
    ("kl", "KL", lambda row: _distance(row)),
    ("length", "tokens", lambda row: _decimals(row.get("length"), 1)),
    ("ended", "ended", lambda row: _decimals(row.get("ended"), 3)),
    ("distinct", "distinct", lambda row: _decimals(row.get("distinct"), 3)),
    ("repeated", "repeated", lambda row: _decimals(row.get("repeated"), 3)),
    ("forgetting", "forgetting", lambda row: _decimals(row.get("forgetting"), 3)),
)
"""Each column: the field that has to be known somewhere, its title, and a cell of it."""


def shown(result: Json, command: str = "evaluate") -> str:
    """The result of `evaluate` as lines: the table, what its columns mean, and a line for each caution."""
    head = (
        f"{result['prompts']} held-out prompts, {result['samples']} answers of each version to each, at temperature "
        f"{result['temperature']:g}. Win rates are against {result['baseline']}, by {result['judge']}."
    )
    rows = evaluated(result)
    columns = [c for c in COLUMNS if any(row.get(c[0]) is not None for row in rows)]
    lines = [
        head,
        "",
        table([[title for _, title, _ in columns], *([cell(row) for *_, cell in columns] for row in rows)]),
    ]
    meaning = {dial.name: dial.help.replace("'", "’") for dial in dials(PolicyEvaluation)}
    lines += ["", *(f"* {title}: {meaning[key]}" for key, title, _ in columns if key != "name")]
    lines += [f"! {note}" for note in result["notes"]]
    lines += [f"Plot: {result['plot']}"] if result["plot"] else []
    return "\n".join([*lines, *([result["skipped"]] if result["skipped"] else [])])


def evaluated(result: Json) -> list[Row]:
    """The rows of the table: the baseline, the best of n of it, and the versions, oldest first."""
    best = result["policies"][0]["best_of_n"]
    return [
        result["of_baseline"],
        *({**row, "name": f"best of {row['n']}", "at_most": True} for row in best if row["n"] > 1),
        *result["policies"],
    ]


def _decimals(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _interval(row: Row) -> str:
    if row.get("low") is None:
        return "-"
    return f"{row['low']:.3f} to {row['high']:.3f}"


def _distance(row: Row) -> str:
    if row.get("kl") is None:
        return "-"
    if row.get("at_most"):
        return f"{row['kl']:.2f} at most"
    error = row.get("kl_error")
    return f"{row['kl']:.2f}" + ("" if error is None else f" ±{error:.2f}")
