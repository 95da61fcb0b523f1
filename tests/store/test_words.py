"""Every exception becomes one line with a remedy, whatever class it is of."""

import errno
import json
import sqlite3
from pathlib import Path

import pytest

from store.db import opened, writing
from store.errors import (
    BadInput,
    Damaged,
    Locked,
    NoDisk,
    NoStore,
    NotFound,
    PlatformError,
    RequestError,
    Unforeseen,
    WorkError,
)
from store.words import in_words
from store.workspace import Workspace


class SafetensorError(Exception):
    """As safetensors has it; known by its name."""


class OutOfMemoryError(RuntimeError):
    """As torch has it."""


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (sqlite3.OperationalError("database is locked"), Locked, "try again"),
        (sqlite3.OperationalError("database or disk is full"), NoDisk, "free disk space"),
        (sqlite3.OperationalError("attempt to write a readonly database"), NoDisk, "writable for this user"),
        (sqlite3.OperationalError("disk I/O error"), NoDisk, "the disk is sound"),
        (sqlite3.DatabaseError("database disk image is malformed"), Damaged, "`python launch.py check`"),
        (sqlite3.DatabaseError("file is not a database"), NoStore, "is not a store"),
        (sqlite3.IntegrityError("UNIQUE constraint failed: models.name"), WorkError, "models.name"),
        (sqlite3.IntegrityError("CHECK constraint failed: json_valid(metrics)"), WorkError, "learning_rate"),
        (SafetensorError("header too small"), Damaged, "file of weights is damaged"),
        (json.JSONDecodeError("Expecting value", "", 0), Damaged, "JSON"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), BadInput, "byte 0"),
        (UnicodeEncodeError("utf-8", "a\ud83d", 1, 2, "surrogates not allowed"), BadInput, "place 1"),
        (OSError(errno.ENOSPC, "No space left on device", "x"), NoDisk, "free disk space"),
        (OSError(errno.EROFS, "Read-only file system", "x"), NoDisk, "read-only"),
        (OSError(errno.EACCES, "Permission denied", "x"), BadInput, "right to read and write"),
        (OSError(errno.EMFILE, "Too many open files"), WorkError, "ulimit -n"),
        (OSError(errno.ENOENT, "No such file or directory", "x"), NotFound, "x: No such file"),
        (OSError("x is no model\nidentifier"), BadInput, "x is no model identifier"),
        (MemoryError(), WorkError, "microbatch_tokens"),
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), WorkError, "batch_size"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), WorkError, "microbatch_tokens"),
        (RuntimeError("probability tensor contains either `inf`, `nan`"), WorkError, "learning_rate"),
        (OverflowError("Python int too large to convert to SQLite INTEGER"), BadInput, "9223372036854775807"),
        (ValueError("embedded null byte"), BadInput, "NUL"),
        (KeyboardInterrupt(), WorkError, "Stopped by hand"),
        (ZeroDivisionError("division by zero"), Unforeseen, "ZeroDivisionError: division by zero"),
        (RuntimeError(), Unforeseen, "RuntimeError"),
    ],
)
def test_an_exception_is_one_line_of_its_kind(error: BaseException, kind: type[PlatformError], said: str) -> None:
    told = in_words(error)
    assert type(told) is kind
    assert said in str(told)
    assert "\n" not in str(told)
    assert str(told).endswith(".")


def test_what_is_in_words_stays_and_an_unknown_one_names_what_to_send() -> None:
    told = RequestError("No.")
    assert in_words(told) is told
    assert "report it with runs/job-3.log." in str(in_words(KeyError("x"), "runs/job-3.log"))


def test_a_message_is_one_line_that_every_file_takes() -> None:
    assert str(BadInput("a\nb \udcff")) == "a b \\udcff"


def test_the_store_says_what_is_wrong_with_its_file(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(Locked, match=str(workspace.database)), workspace.store() as db:
        raise sqlite3.OperationalError("database is locked")
    with workspace.store() as db:
        with pytest.raises(Damaged), writing(db):
            raise sqlite3.DatabaseError("database disk image is malformed")
        assert not db.conn.in_transaction
    with pytest.raises(BadInput, match="not a store"), opened(tmp_path):
        pass
