"""A file of one item a line: who may be opened, line by line with its number, and what was broken in words."""

import json
import stat
from collections.abc import Sequence
from pathlib import Path

from store.errors import BadInput

LONGEST_LINE = 1_000_000
"""Characters of a line: more than any model's context, and a tokenizer would take minutes to find that out."""
SHOWN = 5
"""How many broken lines an error names one by one."""


def check_readable(path: Path, what: str) -> None:
    """Raise BadInput, before anything slow is done, for what is no file, is not there or cannot be opened."""
    try:
        # Asked before it is opened: a named pipe would wait for ever, and a device never ends.
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadInput(f"{path} cannot be read (no regular file): name a file of {what}.")
        with path.open("rb"):
            pass
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}): name a file of {what}.") from error


def too_long(length: int) -> BadInput:
    """What is said of a line of so many characters."""
    return BadInput(f"{length} characters, and a line has at most {LONGEST_LINE}: split it")


def from_json(line: str) -> object:
    """The value of a line of JSON; raises BadInput."""
    try:
        value: object = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadInput(f"not JSON ({error.msg}, column {error.colno})") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"not JSON ({error})") from error
    return value


def describe(broken: Sequence[tuple[int, str]], *, row: str = "line", more: int = 0) -> str:
    """`line 3: not JSON (...); line 9: ...; and 4 more`, of which `more` are beyond those that are given."""
    shown = "; ".join(f"{row} {number}: {reason}" for number, reason in broken[:SHOWN])
    more += max(0, len(broken) - SHOWN)
    return shown + (f"; and {more} more" if more > 0 else "")
