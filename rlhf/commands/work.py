"""The commands that are jobs, done in this process and not by a worker, and the worker itself."""

import dataclasses
import sys
import time
from typing import Any

from rlhf.commands.options import CancelOptions
from rlhf.commands.parse import Call
from rlhf.jobs import worker
from rlhf.jobs.execute import execute, start
from rlhf.settings.kinds import NoOptions
from store import jobs
from store.errors import Busy
from store.records import Job, Json

ASK_SECONDS = 1.0
"""How often a command that waits asks whether the other job has ended."""


def do(call: Call[Any]) -> Json:
    """Every command that is a job: put into the store as the research page does it, and done in this process."""
    asked = dataclasses.asdict(call.options)
    waits = asked.pop("wait", False)
    params = {**asked, "settings": call.settings}
    return execute(call.workspace, _waited(call, params) if waits else start(call.workspace, call.name, params))


def _waited(call: Call[Any], params: Json) -> Job:
    """The job, once no other has the workspace to itself; says once what it waits for."""
    told = ""
    while True:
        try:
            return start(call.workspace, call.name, params)
        except Busy as busy:
            if not told:
                told = str(busy).partition(": ")[0]
                print(f"Waiting. {told}.", file=sys.stderr)
            time.sleep(ASK_SECONDS)


def cancel(call: Call[CancelOptions]) -> Json:
    """The command `cancel`: a job ends, whoever does it; one that has ended already stays as it is."""
    with call.workspace.store() as db:
        job = jobs.cancel(db, call.options.job)
        note = jobs.unheard(db).get(job.id, "")
        return {"job": job.id, "kind": job.kind, "state": job.state, **({"note": note} if note else {})}


def work(call: Call[NoOptions]) -> None:
    """The command `work`: do queued jobs until stopped."""
    worker.work(call.workspace)
