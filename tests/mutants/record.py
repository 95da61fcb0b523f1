"""One central line, changed so that a quick test must notice."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Mutant:
    """`old` stands exactly once in `file` and is replaced by `new`; one of the quick `tests` must then fail.

    `tests` are paths that pytest understands, separated by spaces; `why` says what would go wrong unnoticed.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str
    why: str

    def found(self, tree: Path = ROOT) -> int:
        """How often the old text stands in its file."""
        path = tree / self.file
        return path.read_text(encoding="utf-8").count(self.old) if path.exists() else 0

    def changed(self, tree: Path) -> str:
        """The text of the file with the change made."""
        return (tree / self.file).read_text(encoding="utf-8").replace(self.old, self.new)
