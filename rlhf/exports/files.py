"""Rows into a file, a batch at a time, so that memory does not grow with the file; whole, or not there at all."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlhf.exports.columns import CHAT
from store.errors import BadInput
from store.records import Json

BATCH = 1000
"""Rows that are held at once; of a Parquet file, those of one group."""
SUFFIXES = (".jsonl", ".json", ".parquet")
"""How the names of files end: a row a line, one array of JSON, or columns."""


def check_free(path: Path) -> None:
    """Raise BadInput where something is there already, or where there is no folder to put it in."""
    if path.exists() or path.is_symlink():
        raise BadInput(f"{path} is there already, and nothing is overwritten: name another with --to, or remove it.")
    if not path.absolute().parent.is_dir():
        raise BadInput(f"There is no folder {path.absolute().parent}: make it, or name another place with --to.")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file to fill beside its place, which it takes at the end; where anything fails, none appears."""
    beside = path.with_name(f".writing-{path.name}")
    try:
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


Add = Callable[[Json], None]
"""Takes one row."""


@contextmanager
def adding(path: Path, columns: Mapping[str, str]) -> Iterator[Add]:
    """A file that takes rows, of the kind that its name ends with; Parquet needs the types of the `columns`."""
    opened = {".jsonl": _lines, ".json": _array, ".parquet": _parquet}[path.suffix]
    with opened(path, columns) as add:
        yield add


@contextmanager
def _lines(path: Path, _: Mapping[str, str]) -> Iterator[Add]:
    with path.open("w", encoding="utf-8") as file:
        yield lambda row: print(_json(row), file=file)


@contextmanager
def _array(path: Path, _: Mapping[str, str]) -> Iterator[Add]:
    between = "["
    with path.open("w", encoding="utf-8") as file:

        def add(row: Json) -> None:
            nonlocal between
            file.write(between + "\n" + _json(row))
            between = ","

        yield add
        file.write("[]\n" if between == "[" else "\n]\n")


def _json(row: Json) -> str:
    # U+2028 and U+2029 end a line for some readers, and may stand in a string as they are: they are spelled out.
    told = json.dumps(row, ensure_ascii=False, allow_nan=False)
    return told.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@contextmanager
def _parquet(path: Path, columns: Mapping[str, str]) -> Iterator[Add]:
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([(name, _type(pyarrow, told)) for name, told in columns.items()])
    held: list[Json] = []
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:

        def add(row: Json) -> None:
            held.append(row)
            if len(held) == BATCH:
                flush()

        def flush() -> None:
            writer.write_table(pyarrow.Table.from_pylist(held, schema=schema))
            held.clear()

        yield add
        flush()


def _type(pyarrow: Any, told: str) -> Any:
    if told == CHAT:
        turn = pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())])
        return pyarrow.list_(turn)
    if told.startswith("list of "):
        return pyarrow.list_(_type(pyarrow, told.removeprefix("list of ")))
    return {
        "string": pyarrow.string,
        "double": pyarrow.float64,
        "int64": pyarrow.int64,
        "bool": pyarrow.bool_,
    }[told]()
