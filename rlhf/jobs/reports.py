"""What a job measures, told to trackers beside the store where `--report-to` names some."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from rlhf.stages.context import Context
from rlhf.training import trackers
from store.errors import BadInput
from store.records import Job


def asked(report_to: object) -> list[str]:
    """The trackers that `--report-to` names, several by comma, each once.

    Raises BadInput for one that is unknown or not installed; only asks whether the package is there, and loads none.
    """
    names = [name.strip() for name in str(report_to or "").split(",") if name.strip()]
    for name in names:
        if name not in trackers.NAMES:
            raise BadInput(f"--report-to is {name[:80]!r}: choose among {', '.join(trackers.NAMES)}.")
        if find_spec(name) is None:
            raise BadInput(f"--report-to {name}: its package is not installed, so run `pip install {name}` first.")
    return list(dict.fromkeys(names))


@contextmanager
def reported(ctx: Context, job: Job) -> Iterator[Context]:
    """The context whose metrics go to the store, and after it to the trackers that the job names."""
    names = asked(job.params.get("report_to"))
    if not names:
        yield ctx
        return
    told = {
        f"{table}.{name}": value if isinstance(value, bool | int | float | str) else str(value)
        for table, held in dataclasses.asdict(ctx.settings).items()
        for name, value in held.items()
        if value is not None
    }
    with trackers.opened(names, f"job-{job.id}-{job.kind}", ctx.workspace.runs, told) as report:

        def both(step: int, metrics: dict[str, float]) -> None:
            ctx.log(step, metrics)
            report(step, metrics)

        yield dataclasses.replace(ctx, log=both)
