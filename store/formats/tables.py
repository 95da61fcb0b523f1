"""Tables of Parquet and Arrow, some thousand rows at a time, through pyarrow."""

import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, Any

from store.errors import BadInput

ROWS = 1000
"""Rows that are turned into Python's objects at once."""


def rows(opened: IO[bytes], path: Path, *, packed: bool) -> Generator[tuple[int, object]]:
    """Every row as its cells by their columns, with its number; raises BadInput for what is no such table."""
    import pyarrow  # loaded for whoever has such a file, and takes a while

    with tempfile.TemporaryFile() as whole:
        if packed:  # a table is read from its end
            shutil.copyfileobj(opened, whole)
            whole.seek(0)
            opened = whole
        number = 0
        try:
            for batch in _batches(opened, parquet=".parquet" in path.suffixes):
                for start in range(0, batch.num_rows, ROWS):
                    for row in batch.slice(start, ROWS).to_pylist():
                        number += 1
                        yield number, row
        except (pyarrow.ArrowException, OSError) as error:
            said = str(error).splitlines()[0]
            raise BadInput(
                f"{path} is no table of Parquet or Arrow, or is damaged ({said}): fetch it again."
            ) from error


def _batches(opened: IO[bytes], *, parquet: bool) -> Iterator[Any]:
    if parquet:
        from pyarrow import parquet as files

        yield from files.ParquetFile(opened).iter_batches(batch_size=ROWS)
        return
    from pyarrow import ArrowInvalid, ipc

    try:
        reader = ipc.open_file(opened)
    except ArrowInvalid:
        opened.seek(0)
        yield from ipc.open_stream(opened)  # as `datasets` keeps it
        return
    for place in range(reader.num_record_batches):
        yield reader.get_batch(place)
