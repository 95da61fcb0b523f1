"""The points at which a job writes, and a death just before or just after each of them.

Nothing in the project knows of this: whoever drills replaces the connection of the store and the calls that write
model files, in a process of its own or inside a test, before the job begins.
"""

import os
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import store.db
from rlhf.training.models import RoleModel
from store.db import Guarded

CHANGED = re.compile(r"\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+(\w+)")


@dataclass
class Writes:
    """Counts the crossings (before and after each write) and calls `die` at number `at`, which counts from 1."""

    die: Callable[[], None]
    at: int = 0
    seen: list[str] = field(default_factory=list)

    def cross(self, name: str) -> None:
        self.seen.append(name)
        if len(self.seen) == self.at:
            self.die()


def watch(writes: Writes, patch: Callable[[Any, str, Any], None] = setattr) -> None:
    """Make every commit of the store, and every write of model files, two crossings each."""
    patch(store.db, "Guarded", _watched(writes))
    patch(RoleModel, "save", _around(writes, "files of a model", RoleModel.save))
    patch(os, "replace", _around(writes, "rename of a {}", os.replace))
    patch(shutil, "rmtree", _around(writes, "removal", shutil.rmtree))


def _watched(writes: Writes) -> type[Guarded]:
    class WatchedStore(Guarded):
        def __init__(self, path: str) -> None:
            super().__init__(sqlite3.connect(path, factory=_connection(writes)))

    return WatchedStore


def _around(writes: Writes, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
    def acting(*args: Any, **kwargs: Any) -> Any:
        told = name.format("folder" if "{}" in name and Path(args[0]).is_dir() else "file")
        writes.cross(f"before {told}")
        done = act(*args, **kwargs)
        writes.cross(f"after {told}")
        return done

    return acting


def _connection(writes: Writes) -> type[sqlite3.Connection]:
    class Watched(sqlite3.Connection):
        """Names a commit by the tables that it changes; one that changes nothing is no write, nor one of a beat."""

        tables: tuple[str, ...] = ()

        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            # A beat comes by the clock, so it is no point of the work: how many there are differs from run to run.
            if sql == "COMMIT" and self.tables and threading.current_thread() is threading.main_thread():
                name, self.tables = "commit of " + ", ".join(self.tables), ()
                return _around(writes, name, super().execute)(sql, *args)  # type: ignore[no-any-return]
            self._note(sql)
            return super().execute(sql, *args)

        def executemany(self, sql: str, *args: Any) -> sqlite3.Cursor:
            self._note(sql)
            return super().executemany(sql, *args)

        def _note(self, sql: str) -> None:
            if sql.startswith("BEGIN"):
                self.tables = ()
            elif (changed := CHANGED.match(sql)) and changed[1] not in self.tables:
                self.tables += (changed[1],)

    return Watched
