"""The commands that are jobs, done in this process and not by a worker, and the worker itself."""

import dataclasses
from typing import Any

from rlhf.commands.parse import Call
from rlhf.jobs import worker
from rlhf.jobs.execute import execute, start
from rlhf.settings.kinds import NoOptions
from store.records import Json


def do(call: Call[Any]) -> Json:
    """Every command that is a job: put into the store as the research page does it, and done in this process."""
    params = {**dataclasses.asdict(call.options), "settings": call.settings}
    return execute(call.workspace, start(call.workspace, call.name, params))


def work(call: Call[NoOptions]) -> None:
    """The command `work`: do queued jobs until stopped."""
    worker.work(call.workspace)
