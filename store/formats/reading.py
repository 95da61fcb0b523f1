"""A file in any of the formats, found out row by row: what it brings, what is damaged, and what is left aside."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from store import prompts
from store.errors import BadInput
from store.formats import (
    alpaca,
    arena,
    argilla,
    completions,
    files,
    guanaco,
    hh,
    labelstudio,
    lines,
    messages,
    nectar,
    oasst,
    pandalm,
    pku,
    preferences,
    rankings,
    sharegpt,
    shp,
    stackexchange,
    ultrafeedback,
    votes,
)
from store.formats import prompts as prompts_alone
from store.formats.row import Answer, Brought, Format, Item, Row
from store.records import Message, Prompt, Split
from store.tasks import MOST_RESPONSES

WHAT = "prompts, responses or rankings"
"""What a file should hold, for its refusals."""
KEPT = ("id", "category")
"""Columns of any format that are kept with the prompt as they are, if they hold a word or a number."""
NEAREST = 2
"""How many formats a refusal names beside the columns that it found."""
COLUMNS = 12
"""How many columns a message names."""

# The more columns a format needs, the earlier it is asked: many files have a `prompt` beside what they are about.
FORMATS = (
    rankings.FORMAT,
    argilla.FORMAT,
    labelstudio.FORMAT,
    oasst.FORMAT,
    ultrafeedback.FORMAT,
    nectar.FORMAT,
    stackexchange.FORMAT,
    shp.FORMAT,
    pku.FORMAT,
    pandalm.FORMAT,
    arena.FORMAT,
    votes.beside(Path()),
    votes.FORMAT,
    hh.FORMAT,
    preferences.FORMAT,
    completions.FORMAT,
    messages.FORMAT,
    sharegpt.FORMAT,
    alpaca.FORMAT,
    guanaco.FORMAT,
    prompts_alone.FORMAT,
)
NAMES = tuple(form.name for form in FORMATS)

Check = Callable[[Prompt], None]
"""May refuse a prompt by raising BadInput, such as one longer than the model's context."""


class Reading:
    """One file that is being read.

    While `items` is used up, `formats` counts the rows of each format, `damaged` lists the first damaged rows with
    the reason for each, `count_damaged` counts all, and `ignored` has the columns that nobody read.

    Raises BadInput at once for a file that cannot be read and for a format that is not known.
    """

    def __init__(
        self,
        path: Path,
        *,
        format: str | None = None,
        check: Check = lambda prompt: None,
        fold_system: bool = False,
        on_bytes: files.OnBytes = lambda done: None,
    ) -> None:
        if format is not None and format not in NAMES:
            near = difflib.get_close_matches(format, NAMES, n=1) or [", ".join(NAMES)]
            raise BadInput(f"There is no format {format!r}: name {near[0]}, or leave --format out.")
        self.file = files.known(path, WHAT)
        self.sha256 = files.digest(path)
        self.formats: Counter[str] = Counter()
        self.damaged: list[tuple[int, str]] = []
        self.count_damaged = 0
        self.ignored: set[str] = set()
        self._check, self._fold, self._on_bytes = check, fold_system, on_bytes
        beside = votes.beside(path.parent)
        self._known = [beside if form.name == beside.name else form for form in FORMATS]
        if format is not None:
            self._known = [form for form in self._known if form.name == format]
        self._source = path.name.encode(errors="surrogateescape").decode(errors="replace")
        self._by_columns: dict[tuple[str, ...], list[Format]] = {}
        self._left: set[tuple[str, tuple[str, ...]]] = set()

    @property
    def format(self) -> str:
        """The format of the file, or those of its rows, the most frequent first."""
        return " + ".join(name for name, _ in self.formats.most_common())

    @property
    def name(self) -> str:
        """The file's name without its folder, as text whatever bytes it is made of."""
        return self._source

    def items(self, *, skip_damaged: bool) -> Iterator[list[Brought]]:
        """What each row brings. Unless they may be skipped, nothing more comes after a damaged one.

        The end raises BadInput where rows are damaged and may not be skipped, naming them, and where there is none.
        """
        for number, item in files.rows(self.file, self._on_bytes):
            try:
                brought = self._brought(item)
            except BadInput as error:
                self.count_damaged += 1
                if len(self.damaged) < lines.SHOWN:
                    self.damaged.append((number, str(error).rstrip(".")))
                elif not skip_damaged:
                    break
                continue
            if skip_damaged or not self.damaged:
                yield brought
        if self.damaged and not skip_damaged:
            raise BadInput(self._refusal())
        if not self.formats and not self.damaged:
            raise BadInput(f"{self.file.path} holds 0 prompts: put one on each line.")

    def describe_damaged(self) -> str:
        """`line 3: not JSON (...); line 9: ...; and 4 more`; empty where no row is damaged."""
        return lines.describe(self.damaged, row=self.file.row, more=self.count_damaged - len(self.damaged))

    def _refusal(self) -> str:
        rows = f"{self.file.row}s"
        many = f"more than {len(self.damaged)}" if self.count_damaged > len(self.damaged) else len(self.damaged)
        said = lines.describe(self.damaged, row=self.file.row)
        return (
            f"Nothing was imported, for {self.file.path} has broken {rows} ({many}): {said}. "
            "Mend them, or pass --skip-damaged."
        )

    def _brought(self, item: object) -> list[Brought]:
        if isinstance(item, BadInput):
            raise item
        if not isinstance(item, dict):
            raise BadInput(f"a {type(item).__name__}, not an object with `prompt` or `messages`")
        columns = tuple(item)
        form = self._form(columns, item)
        rows = list(form.read(item))
        kept = {key: item[key] for key in KEPT if isinstance(item.get(key), str | int | float)}
        brought = [(self._prompt(row), row, kept) for row in rows]
        for prompt, row, _ in brought:
            _check_answers(row)
            self._check(prompt)
        self.formats[form.name] += 1
        if (form.name, columns) not in self._left:
            self._left.add((form.name, columns))
            read = {*form.uses, *(column for needed in form.needs for column in needed)}
            self.ignored.update(str(column) for column in columns if column not in read and column not in kept)
        return brought

    def _form(self, columns: tuple[str, ...], item: Item) -> Format:
        if columns not in self._by_columns:
            self._by_columns[columns] = [
                form for form in self._known if any(set(needed) <= set(columns) for needed in form.needs)
            ]
        for form in self._by_columns[columns]:
            if form.fits(item):
                return form
        raise BadInput(self._unknown(columns))

    def _unknown(self, columns: tuple[str, ...]) -> str:
        """Which columns there are, and which the nearest formats need."""
        found = ", ".join(map(str, columns[:COLUMNS])) or "none"
        more = f" and {len(columns) - COLUMNS} more" if len(columns) > COLUMNS else ""
        needed = [(form.name, needs) for form in self._known for needs in form.needs]
        needed.sort(key=lambda one: -len(set(one[1]) & set(columns)) / len(one[1]))
        named: dict[str, tuple[str, ...]] = {}
        for name, needs in needed:
            named.setdefault(name, needs)
        near = "; ".join(f"{name} needs {', '.join(named[name])}" for name in [*named][:NEAREST])
        return f"neither `prompt` nor other columns that are known, found {found}{more} ({near})"

    def _prompt(self, row: Row) -> Prompt:
        told = _folded(row.messages) if self._fold else row.messages
        split: Split | None = "train" if row.split == "train" else "eval" if row.split == "eval" else None
        made = prompts.make(told, source=self._source, split=split)
        for turn in made.messages:
            _check_text(turn["content"])
        return made


def _folded(messages: Sequence[Message]) -> list[Message]:
    """A chat whose system words stand before the user's first ones."""
    turns = list(messages)
    if len(turns) < 2 or turns[0]["role"] != "system" or turns[1]["role"] != "user":
        return turns
    first = {"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
    return [first, *turns[2:]]


def _check_answers(row: Row) -> None:
    """Raise BadInput for an answer without text that nobody ranked, and for a ranking that nobody could give."""
    for answer in row.answers:
        # A model that said nothing has lost where people compared it; as a demonstration it would teach silence.
        if not answer.text.strip() and not row.verdicts:
            raise BadInput("an answer that is empty")
        _check_text(answer.text)
        if prompts.LONE_SURROGATE.search(answer.text):
            raise BadInput("an answer that holds half a character (a lone surrogate)")
    for verdict in row.verdicts:
        placed: dict[Answer, int] = {}
        for level, group in enumerate(verdict.groups):
            for place in group:
                if placed.setdefault(row.answers[place], level) != level:
                    raise BadInput("one answer stands twice, and is ranked above itself")
        if len(placed) < 2:
            raise BadInput(f"a ranking of {len(placed)} different answers, and at least 2 can be ranked")
        if len(placed) > MOST_RESPONSES:
            raise BadInput(
                f"a ranking of {len(placed)} answers, and at most {MOST_RESPONSES} can be shown to a person"
            )


def _check_text(text: str) -> None:
    if "\0" in text:
        raise BadInput("a text that holds a NUL character")
