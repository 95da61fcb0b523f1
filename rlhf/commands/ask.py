"""The commands that are asked and answered at once: where a workspace stands, which version people prefer."""

import logging

from rlhf.commands.options import LeaderboardOptions, PromoteOptions
from rlhf.commands.parse import Call
from rlhf.settings import settings_of
from rlhf.settings.kinds import NoOptions
from rlhf.stages import leaderboard as stage
from store import permissions, summary
from store.called import CHECKOUT, as_called
from store.records import Json
from store.results import as_json

log = logging.getLogger(__name__)


def status(call: Call[NoOptions]) -> Json:
    """The command `status`: where the workspace stands, and what to do next."""
    if permissions.exposed(call.workspace.folder):
        log.warning(
            "Other accounts of this machine can read %s: `%s check --repair` keeps them out.",
            call.workspace.folder,
            as_called(CHECKOUT),
        )
    with call.workspace.store() as db:
        return summary.summary(db, settings_of(call.workspace).round.min_rankings)


def leaderboard(call: Call[LeaderboardOptions]) -> Json:
    """The command `leaderboard`: which version people prefer; with `--auto-promote` it becomes the generator."""
    with call.workspace.store() as db:
        promoted = stage.promote_if_preferred(db) if call.options.auto_promote else None
        return as_json(stage.leaderboard(db)) | ({"promoted": promoted} if call.options.auto_promote else {})


def promote(call: Call[PromoteOptions]) -> Json:
    """The command `promote`: make a version the one that writes the next responses."""
    with call.workspace.store() as db:
        return as_json(stage.promote(db, call.options.model, force=call.options.force))
