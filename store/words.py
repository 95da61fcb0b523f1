"""Any exception in words: what a command, a page and a job say in place of a traceback.

Classes of other libraries are known by their names, so that nobody who reports an error has to load torch.
"""

import errno
import json
import sqlite3
import tomllib
from textwrap import shorten

from store.errors import BadInput, Damaged, Locked, NoDisk, NoStore, NotFound, PlatformError, Unforeseen, WorkError

LONGEST = 300
"""Characters that are shown of what a library says; some say several pages."""

# SQLite's own words, for Python has one class for all of these; what becomes of each, and how to go on.
_SQLITE: tuple[tuple[tuple[str, ...], type[PlatformError], str], ...] = (
    (
        ("is locked",),
        Locked,
        "{store} is held by another program ({said}); nothing was changed: close the command, backup or shell that "
        "writes to it, then try again.",
    ),
    (
        ("is full",),
        NoDisk,
        "{store} could not be written: the disk is full ({said}); nothing was changed: free disk space.",
    ),
    (
        ("readonly",),
        NoDisk,
        "{store} could not be written ({said}); nothing was changed: make the folder and its files writable for this "
        "user.",
    ),
    (
        ("disk I/O",),
        NoDisk,
        "{store} could not be read or written ({said}); nothing was changed: free disk space, and see whether the "
        "disk is sound.",
    ),
    (
        ("is malformed", "malformed database schema"),
        Damaged,
        "{store} is damaged ({said}): run `python launch.py check`, which says what is lost and how to go on.",
    ),
    (
        ("not a database",),
        NoStore,
        "{store} is not a store ({said}): name another folder with --workspace, or restore a backup.",
    ),
    (
        ("unable to open",),
        NoStore,
        "{store} cannot be opened ({said}): see that its folder is there, and that this user may read and write it.",
    ),
    (("too big",), BadInput, "A text is longer than {store} holds ({said}): shorten it."),
)

_MEMORY = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")
_NOT_FINITE = ("probability tensor contains", "json_valid", "float values are not json compliant")
_NOT_ALLOWED = (errno.EACCES, errno.EPERM)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def in_words(error: BaseException, evidence: str = "what --debug prints") -> PlatformError:
    """An exception as one line with the fact and the remedy; one that is in words already is returned as it is.

    `evidence` is what a report of an error of the program should bring along.
    """
    if isinstance(error, PlatformError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return WorkError(str(error) or "Stopped by hand: give the command again to go on.")
    return _of_training(error) or _of_data(error) or _of_system(error) or _unforeseen(error, evidence)


def of_sqlite(error: sqlite3.Error, store: object = "The store") -> PlatformError | None:
    """What happened to the file `store`; None for a mistake in a statement, and for a row that the tables refuse."""
    said = str(error)
    for signs, kind, words in _SQLITE:
        if any(sign in said for sign in signs):
            return kind(words.format(store=store, said=said))
    return None


def _of_training(error: BaseException) -> PlatformError | None:
    """Memory and numbers that run out, in the words of torch, of SQLite's JSON and of Python."""
    said = str(error).lower()
    memory = isinstance(error, RuntimeError | OSError) and any(sign in said for sign in _MEMORY)
    if memory or isinstance(error, MemoryError) or "OutOfMemoryError" in _classes(error):
        return WorkError(
            f"Memory ran out ({_said(error)}): lower `microbatch_tokens` of [reward] and [ppo] or `batch_size` of "
            "[sampling] in workspace.toml, or end other programs."
        )
    if isinstance(error, FloatingPointError) or any(sign in said for sign in _NOT_FINITE):
        return WorkError(
            f"A number became infinite or NaN ({_said(error)}); nothing of it was kept: lower the `learning_rate`, "
            "and if that is no help, train the version before it again."
        )
    return None


def _of_data(error: BaseException) -> PlatformError | None:
    """What a file, the store or a text holds, and what it cannot hold."""
    match error:
        case sqlite3.IntegrityError():
            return WorkError(
                f"The store refused a record ({_said(error)}); nothing was changed: if another command was writing, "
                "give this one again, else run `python launch.py check`."
            )
        case sqlite3.Error():
            return of_sqlite(error)
        case json.JSONDecodeError():
            return Damaged(f"What should be JSON is none ({_said(error)}): run `python launch.py check`.")
        case tomllib.TOMLDecodeError():
            return BadInput(f"A file is not valid TOML ({_said(error)}): mend it.")
        case UnicodeEncodeError():
            return BadInput(f"A text holds half a character (place {error.start}), which no file can: write it anew.")
        case UnicodeDecodeError():
            return BadInput(f"A file is not UTF-8 (byte {error.start}): save it as UTF-8.")
        case OverflowError() if "SQLite INTEGER" in str(error):
            return BadInput(f"A number is beyond what the store holds, {2**63 - 1}: choose a smaller one.")
        case ValueError() if "null byte" in str(error):
            return BadInput("A name holds a NUL character: choose another.")
    if "SafetensorError" in _classes(error):
        return Damaged(
            f"A file of weights is damaged ({_said(error)}): run `python launch.py check`, then restore the model's "
            "folder from a backup or train it again."
        )
    return None


def _of_system(error: BaseException) -> PlatformError | None:
    """What the operating system refused."""
    if isinstance(error, ImportError):
        return WorkError(f"A package cannot be loaded ({_said(error)}): install the project anew.")
    if not isinstance(error, OSError):
        return None
    if error.errno is None:  # a library's own words, such as those of transformers about a hub name
        return BadInput(f"{_said(error).rstrip('.')}.")
    what = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    if error.errno in _NO_ROOM:
        return NoDisk(f"The disk is full ({what}); what was there before is still there: free disk space.")
    if error.errno == errno.EROFS:
        return NoDisk(f"The disk is read-only ({what}); nothing was changed: mount it to be written.")
    if error.errno in _NOT_ALLOWED:
        return BadInput(f"This user may not do that ({what}): give this user the right to read and write it.")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return WorkError(f"Too many files are open ({what}): raise the limit with `ulimit -n`, then try again.")
    if error.errno == errno.ENOENT:
        return NotFound(f"{what}: name one that is there.")
    return BadInput(f"The system refused this ({what}): mend that, then try again.")


def _unforeseen(error: BaseException, evidence: str) -> Unforeseen:
    return Unforeseen(
        f"An error of the program ({type(error).__name__}: {_said(error)}): please report it with {evidence}."
    )


def _said(error: BaseException) -> str:
    """What an exception says, on one line; its class where it says nothing."""
    return shorten(str(error), LONGEST, placeholder=" ...") or type(error).__name__


def _classes(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
