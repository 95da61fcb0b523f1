"""One row of the table of drills, as docs/reliability.md has it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A drill: what was injected how often, what was lost or broken (each in words), and how it is run."""

    drill: str
    injected: str
    survived: str
    broken: tuple[str, ...]
    command: str

    def text(self) -> str:
        """As a line of Markdown."""
        lost = f"**{len(self.broken)}**: {'; '.join(self.broken)}" if self.broken else "0"
        return f"| {self.drill} | {self.injected} | {self.survived} | {lost} | `{self.command}` |"


def table(rows: Sequence[Row]) -> str:
    """All rows, under their headings."""
    head = "| drill | faults injected | survived | lost or broken | how |\n|---|---|---|---|---|"
    return "\n".join([head, *(row.text() for row in rows)])
