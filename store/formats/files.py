"""A file of rows, one after another and never whole in memory: text, JSON Lines, a JSON array, CSV, Parquet, Arrow.

Each may be compressed by gzip. What a file is, is told by its suffix, and of JSON by how it begins.
"""

import codecs
import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TextIO

from store.errors import BadInput
from store.formats import lines, tables

Numbered = tuple[int, object]
"""The number of a row, from 1, and what stands there; a BadInput where it could not be read."""
TEXT, JSON_LINES = (".txt", ".text"), (".jsonl", ".ndjson", ".json")
CELLS = {".csv": ",", ".tsv": "\t"}
TABLES = (".parquet", ".arrow", ".feather")
SUFFIXES = (*TEXT, *JSON_LINES, *CELLS, *TABLES)
BLOCK = 1 << 20
"""Bytes or characters that are read at once."""
TOLD = 256
"""Rows after which it is told again how far a file is read."""
OnBytes = Callable[[int], None]
"""Called with how many bytes of the file, as it lies on the disk, have been read."""


@dataclass(frozen=True)
class File:
    """A file that can be read: its kind is its suffix without `.gz`; a row is called a `line` or a `row`."""

    path: Path
    kind: str
    packed: bool

    @property
    def row(self) -> str:
        """What a row of it is called in messages."""
        return "line" if self.kind in (*TEXT, *JSON_LINES) else "row"


def known(path: Path, what: str) -> File:
    """What a file is; raises BadInput for what cannot be opened, and for a suffix that is not read."""
    lines.check_readable(path, what)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
        if not packed:
            raise BadInput(f"{path} ends in .gz and is not compressed by gzip: rename or compress it.")
    kind = suffixes[-1] if suffixes else ""
    if kind not in SUFFIXES:
        found = f"is of type {kind}" if kind else "has no suffix"
        raise BadInput(
            f"{path} {found}, and read are {', '.join(SUFFIXES)}, each also with .gz: convert or rename it."
        )
    return File(path, kind, packed)


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            whole.update(block)
    return whole.hexdigest()


def rows(file: File, on_bytes: OnBytes = lambda done: None) -> Generator[Numbered]:
    """Every row that is not blank. Raises BadInput where the file as a whole is damaged."""
    with file.path.open("rb") as raw, _unpacked(file, raw) as opened:
        if file.kind in TABLES:
            found = tables.rows(opened, file.path, packed=file.packed)
        else:
            found = _of_text(file, opened)
        with closing(found):  # before the file is closed, where nobody reads on
            for number, row in found:
                yield number, row
                if not number % TOLD:
                    on_bytes(raw.tell())


@contextmanager
def _unpacked(file: File, raw: IO[bytes]) -> Iterator[Any]:
    try:
        if not file.packed:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as opened:
            yield opened
    except EOFError as error:
        raise BadInput(f"{file.path} is cut off (gzip ends before its end mark): fetch it again.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(f"{file.path} is damaged ({error}): fetch it again.") from error


def _of_text(file: File, opened: IO[bytes]) -> Generator[Numbered]:
    cells = file.kind in CELLS
    text = io.TextIOWrapper(opened, encoding="utf-8-sig", newline="" if cells else None)
    try:
        if cells:
            yield from _cells(text, file)
        elif file.kind in TEXT:
            yield from _lines(text, lambda line: {"prompt": line.strip()})
        else:
            yield from _json(text, file.path)
    except UnicodeDecodeError as error:
        raise BadInput(f"{file.path} is not UTF-8 (byte {_first_strange(file)}): save it as UTF-8.") from error
    finally:
        text.detach()


def _first_strange(file: File) -> int:
    """Place of the first byte that is not UTF-8."""
    decoder, done = codecs.getincrementaldecoder("utf-8")(), 0
    with file.path.open("rb") as raw, _unpacked(file, raw) as opened:
        while block := opened.read(BLOCK):
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return done - held + error.start
            done += len(block)
    return done


def _lines(text: TextIO, parse: Callable[[str], object]) -> Iterator[Numbered]:
    number = 0
    # Not splitlines(), which also splits at characters that JSON strings may hold, such as U+2028; and never more at
    # once than a line may have, for a file without line ends would fill the memory.
    while line := text.readline(lines.LONGEST_LINE + 2):
        number += 1
        length = len(line)
        if length == lines.LONGEST_LINE + 2:
            while not line.endswith("\n") and (line := text.readline(BLOCK)):
                length += len(line)
            line = ""
        if length - line.endswith("\n") > lines.LONGEST_LINE:
            yield number, lines.too_long(length)
        elif line.strip():
            try:
                yield number, parse(line)
            except BadInput as error:
                yield number, error


def _json(text: TextIO, path: Path) -> Iterator[Numbered]:
    """Objects one a line, or in one array."""
    first = text.read(1)
    while first and first.isspace():
        first = text.read(1)
    begun = _Begun(first, text)
    yield from (_array(begun, path) if first == "[" else _lines(begun, lines.from_json))  # type: ignore[arg-type]


class _Begun:
    """A text of which the first character was read already."""

    def __init__(self, first: str, rest: TextIO) -> None:
        self.first, self.rest = first, rest

    def read(self, size: int) -> str:
        found, self.first = self.first + self.rest.read(size), ""
        return found

    def readline(self, size: int) -> str:
        if not self.first:
            return self.rest.readline(size)
        found, self.first = self.first + self.rest.readline(size - 1), ""
        return found


def _array(text: _Begun, path: Path) -> Iterator[Numbered]:
    decoder, held, number = json.JSONDecoder(), text.read(BLOCK)[1:], 0
    try:
        while True:
            held = held.lstrip(" \t\r\n,") if number else held.lstrip()
            if held.startswith("]"):
                return
            try:
                value, end = decoder.raw_decode(held)
                whole = end < len(held)  # else it might go on, as a number does
            except json.JSONDecodeError:
                whole = False
            if not whole:
                more = text.read(max(BLOCK, len(held)))
                if not more or len(held) > lines.LONGEST_LINE:
                    decoder.raw_decode(held)
                    raise ValueError("it has no end")
                held += more
                continue
            number += 1
            yield number, lines.too_long(end) if end > lines.LONGEST_LINE else value
            held = held[end:]
    except (ValueError, RecursionError) as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else error
        where = f"damaged or cut off in item {number + 1} ({said})"
        raise BadInput(f"{path} begins as a JSON array and is {where}: mend it, or fetch it again.") from error


def _cells(text: TextIO, file: File) -> Iterator[Numbered]:
    csv.field_size_limit(lines.LONGEST_LINE)
    reader = csv.reader(text, delimiter=CELLS[file.kind], strict=True)
    number = 0
    try:
        columns = next(reader, [])
        if len(set(columns)) < len(columns):
            raise BadInput(f"{file.path} has two columns of one name in its first row: rename one.")
        for row in reader:
            if not row:
                continue
            number += 1
            if len(row) != len(columns):
                yield number, BadInput(f"{len(row)} cells, and the first row names {len(columns)} columns")
            else:
                yield number, dict(zip(columns, row, strict=True))
    except csv.Error as error:
        raise BadInput(f"{file.path} cannot be read after row {number} ({error}): mend it.") from error
