"""All that a workspace holds, by value: what two runs of the same work must agree on."""

import hashlib
import json
import sqlite3
from typing import Any

from store.workspace import Workspace

# When and by whom something was done, and secrets that are drawn.
VOLATILE = {"created", "heartbeat", "pid", "progress", "note", "leased_until", "lease", "seconds", "deaths"} | {
    "handed",
    "lasted",
    "at",
    "due",
}
NOT_WORK = {"_sqlite_migrations", "sqlite_sequence", "leases", "workers"}


def state(workspace: Workspace) -> dict[str, Any]:
    """Every row of every table without `VOLATILE`, and the SHA-256 of every file of the models."""
    raw = sqlite3.connect(workspace.database)
    raw.row_factory = sqlite3.Row
    names = {row["name"] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")} - NOT_WORK
    held: dict[str, Any] = {
        name: [
            {key: _value(row[key]) for key in row.keys() if key not in VOLATILE}  # noqa: SIM118 - a sqlite3.Row
            for row in raw.execute(f'SELECT * FROM "{name}" ORDER BY 1, 2')
        ]
        for name in sorted(names)
    }
    raw.close()
    files = sorted(path for path in workspace.models.rglob("*") if path.is_file())
    held["files"] = {
        str(path.relative_to(workspace.models)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }
    return held


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The tables in which two states differ, each with its first differing row; empty where they are equal."""
    found = []
    for name in sorted(one.keys() | other.keys()):
        mine, theirs = (_rows(state_.get(name, [])) for state_ in (one, other))
        for n in range(max(len(mine), len(theirs))):
            pair = [rows[n] if n < len(rows) else None for rows in (mine, theirs)]
            if pair[0] != pair[1]:
                found.append(
                    f"{name}, row {n + 1}: " + " / ".join(f"{_apart(*pair)!r:.200}" for pair in (pair, pair[::-1]))
                )
                break
    return found


def _apart(mine: Any, theirs: Any) -> Any:
    """What of `mine` differs."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return {key: value for key, value in mine.items() if value != theirs.get(key)}
    return mine


def _rows(held: Any) -> list[Any]:
    return sorted(held.items()) if isinstance(held, dict) else held


def _value(stored: Any) -> Any:
    """A stored value; JSON as what it says, without `VOLATILE`."""
    if not isinstance(stored, str) or not stored.startswith(("{", "[")):
        return stored
    try:
        return _lasting(json.loads(stored))
    except ValueError:
        return stored


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(inner) for key, inner in value.items() if key not in VOLATILE}
    return [_lasting(inner) for inner in value] if isinstance(value, list) else value
