"""Backups by the clock, which the worker makes while it has no job."""

import logging
import time

from rlhf.settings import settings_of
from store import backup
from store.errors import PlatformError
from store.words import in_words
from store.workspace import Workspace

LOOK_SECONDS = 60.0
"""How often the worker looks whether a backup is due."""
AGAIN_SECONDS = 600.0
"""After how long it tries again where a backup failed."""
HOUR = 3600.0

log = logging.getLogger(__name__)


class Copies:
    """The backups of a workspace that are made every so many hours, as `[backup]` of workspace.toml asks."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._look_at = 0.0  # by a clock that nobody sets

    def make_if_due(self) -> str:
        """Make a backup where the newest is old enough; returns what to tell the research page of a failure.

        A clock that was set back makes one at once and not one after the other: the next is looked for by our own.
        """
        if time.monotonic() < self._look_at:
            return ""
        self._look_at = time.monotonic() + LOOK_SECONDS
        try:
            asked = settings_of(self.workspace).backup
            if not asked.every_hours:
                return ""
            newest = backup.newest(self.workspace)
            if newest is not None and 0 <= time.time() - newest < asked.every_hours * HOUR:
                return ""
            self._look_at = time.monotonic() + min(asked.every_hours * HOUR, AGAIN_SECONDS)
            folder, _ = backup.backup(self.workspace, keep=asked.keep)
            log.info("made the backup %s", folder)
        except (OSError, PlatformError) as error:
            log.warning("no backup could be made, and it is tried again: %s", error)
            return f"no backup could be made: {in_words(error)}"
        return ""
