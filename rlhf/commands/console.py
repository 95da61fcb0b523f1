"""A command's result as a person reads it: lines, and tables where it lists things."""

from collections.abc import Sequence

from store.records import Json


def readable(result: Json) -> str:
    """`key: value` lines; a list of records becomes a table under its key, an empty one is left out."""
    lines: list[str] = []
    for key, value in result.items():
        name = key.replace("_", " ")
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            lines += [f"{name}:", *(f"  {line}" for line in records(value).splitlines())]
        elif isinstance(value, dict):
            lines += [f"{name}:", *(f"  {line}" for line in readable(value).splitlines())] if value else []
        elif value not in (None, []):
            lines.append(f"{name}: {cell(value)}")
    return "\n".join(lines)


def records(rows: Sequence[Json]) -> str:
    """Records with the same keys as a table; a column in which nothing is known, or lists are, is left out."""
    plain = [key for key, value in rows[0].items() if not isinstance(value, list | dict)]
    known = [key for key in plain if any(row.get(key) not in (None, "") for row in rows)]
    return table([[key.replace("_", " ") for key in known], *([cell(row.get(key)) for key in known] for row in rows)])


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in columns: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    number = [all(text[:1] in "-+.0123456789" for text in column[1:]) for column in zip(*rows, strict=True)]
    lines = (
        [text.rjust(w) if right else text.ljust(w) for text, w, right in zip(row, widths, number, strict=True)]
        for row in rows
    )
    return "\n".join("  ".join(line).rstrip() for line in lines)


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
    return str(value)
