"""A command's result as a person reads it: lines, tables where it lists things, and what the unusual words mean.

The meanings are the docstrings of the result records in store/results; none is written a second time here.
"""

from collections.abc import Iterable, Sequence
from unicodedata import category

from rlhf.settings.dials import dials
from store.records import Json
from store.results import (
    AnnotatorFigures,
    Board,
    Challenge,
    DisputedPrompt,
    ModelRow,
    PolicyComparison,
    RatingFigures,
    RewardJudgement,
    RoundFigures,
    VersionRow,
)

UNUSUAL: dict[str, tuple[type, tuple[str, ...]]] = {
    "rate": (RatingFigures, ("alpha", "log_loss", "sigma", "vote_agreement")),
    "agreement": (RatingFigures, ("alpha",)),
    "by_annotator": (
        AnnotatorFigures,
        ("tau", "log_loss", "reliability", "consistency", "gold_accuracy", "flagged", "seconds", "lasted"),
    ),
    "disputed": (DisputedPrompt, ("disputed",)),
    "leaderboard": (Board, ("share", "low")),
    "challenge": (Challenge, ("share", "low")),
    "versions": (VersionRow, ("elo", "low", "comparisons")),
    "reward": (
        RewardJudgement,
        (
            "accuracy",
            "accuracy_low",
            "nll",
            "ece",
            "mean",
            "std",
            "foretold_correlation",
            "foretold_z",
            "foretold_p",
            "foretold_prompts",
            "gain",
            "gain_low",
            "passes",
            "vote_agreement",
            "alpha",
            "ceiling",
            "more_rankings",
        ),
    ),
    "ppo": (
        PolicyComparison,
        (
            "shift",
            "scale",
            "forced",
            "reward_before",
            "reward_after",
            "reward_base",
            "kl",
            "kl_reference",
            "win_rate",
            "distinct",
            "length",
            "kept_step",
            "kl_measured",
            "unmeasured",
        ),
    ),
    "models": (
        ModelRow,
        (
            "judge",
            "promoted",
            "rank",
            "alpha",
            "megabytes",
            "accuracy",
            "passes",
            "win_rate",
            "kl",
            "loss",
            "forgetting",
            "evaluated",
            "evaluated_low",
        ),
    ),
    "rounds": (
        RoundFigures,
        ("kl", "win_rate", "win_rate_new_topics", "utility_before", "utility_after"),
    ),
}
"""The words that a newcomer cannot know, and the record whose docstrings explain them, for each block of a result.

A block is named by the key under which it stands; the outermost one by the command that prints it.
"""
UNITS = {
    "seconds": "s",
    "lasted": "s",
    "kl": "nats",
    "kl_reference": "nats",
    "log_loss": "nats",
    "nll": "nats",
    "sigma": "logits",
    "gain": "logits",
    "length": "tokens",
}
"""What a number that stands on a line of its own is counted in."""


def readable(result: Json, block: str = "") -> str:
    """`key: value` lines; a list of records becomes a table under its key, an empty one is left out.

    `block` is the command's name, or the key of a part of the result; the words that it lists in `UNUSUAL` are
    explained, those of lines before the next table, those of a table below it.
    """
    lines: list[str] = []
    shown: list[str] = []
    for key, value in result.items():
        name = key.replace("_", " ")
        part = ""
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            part = "\n".join([records(value), *legend(key, columns(value))])
        elif isinstance(value, dict):
            part = readable(value, key)
        elif value not in (None, [], ""):
            unit = f" {UNITS[key]}" if key in UNITS else ""
            lines.append(f"{name}: {cell(value)}{unit}")
            shown.append(key)
        if part:
            lines += legend(block, shown)
            shown = []
            lines += [f"{name}:", *(f"  {line}" for line in part.splitlines())]
    return "\n".join([*lines, *legend(block, shown)])


def legend(block: str, shown: Iterable[str]) -> list[str]:
    """A line for each word that is shown in a block and that needs an explanation."""
    if block not in UNUSUAL:
        return []
    record, words = UNUSUAL[block]
    # ’ as on the pages: in what a person reads a plain ' is a sign that something of Python was printed.
    meaning = {dial.name: dial.help.replace("'", "’") for dial in dials(record)}
    return [f"* {word.replace('_', ' ')}: {meaning[word]}" for word in shown if word in words]


def records(rows: Sequence[Json]) -> str:
    """Records with the same keys as a table of the columns in which something is known."""
    known = columns(rows)
    return table([[key.replace("_", " ") for key in known], *([cell(row.get(key)) for key in known] for row in rows)])


def columns(rows: Sequence[Json]) -> list[str]:
    """The keys of records that a table shows: a column in which nothing is known, or lists are, is left out."""
    plain = [key for key, value in rows[0].items() if not isinstance(value, list | dict)]
    return [key for key in plain if any(row.get(key) not in (None, "") for row in rows)]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in columns: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    number = [all(text[:1] in "-+.0123456789" for text in column[1:]) for column in zip(*rows, strict=True)]
    lines = (
        [text.rjust(w) if right else text.ljust(w) for text, w, right in zip(row, widths, number, strict=True)]
        for row in rows
    )
    return "\n".join("  ".join(line).rstrip() for line in lines)


def harmless(text: str) -> str:
    """A text with its control characters written out, for as they are they could make a terminal do anything."""
    return "".join(c if c in "\n\t" or category(c) != "Cc" else repr(c)[1:-1] for c in text)


def cell(value: object) -> str:
    """One value, short: four digits of a number, what a list holds, `-` for nothing."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {cell(held)}" for key, held in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value))
    return " ".join(harmless(str(value)).split("\n"))
