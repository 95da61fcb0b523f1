"""Trackers of experiments beside the store, by accelerate: TensorBoard, Weights & Biases, trackio, MLflow."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rlhf.training.progress import OnLog
from store.errors import WorkError

PROJECT = "rankloop"
"""What a tracker that gathers runs in projects calls ours."""
FOLDER = "tensorboard"
"""Where TensorBoard's files lie, in the folder of the logs."""
# Each with the name of a run and the folder of the logs.
_MADE: Mapping[str, Callable[[Any, str, Path], Any]] = {
    "tensorboard": lambda made, run, folder: made(run, str(folder / FOLDER)),
    "wandb": lambda made, run, folder: made(PROJECT, name=run, dir=str(folder)),
    "trackio": lambda made, run, folder: made(PROJECT, name=run),
    "mlflow": lambda made, run, folder: made(PROJECT, run_name=run),
}
NAMES = tuple(_MADE)
"""The trackers that there are, each by the name of its package."""

log = logging.getLogger(__name__)


@contextmanager
def opened(names: Sequence[str], run: str, folder: Path, settings: Mapping[str, object]) -> Iterator[OnLog]:
    """A function that gives metrics to each tracker; `run` names the run, `settings` are noted with it.

    TensorBoard writes into `folder`, the others where they are told to by their own environment variables. Raises
    WorkError where one cannot begin. One that fails later is left out with a warning: nobody's training ends for it.
    """
    with ExitStack() as stack:
        trackers = {name: _begun(name, run, folder, settings) for name in names}
        for name, tracker in trackers.items():
            stack.callback(_tried, name, tracker.finish)

        def report(step: int, metrics: dict[str, float]) -> None:
            for name in list(trackers):
                if not _tried(name, lambda: trackers[name].log(metrics, step=step)):  # noqa: B023 - called at once
                    del trackers[name]

        yield report


def _begun(name: str, run: str, folder: Path, settings: Mapping[str, object]) -> Any:
    from accelerate import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    PartialState()  # without it accelerate's own log refuses a line
    try:
        tracker = _MADE[name](LOGGER_TYPE_TO_CLASS[name], run, folder)
        tracker.start()
        tracker.store_init_configuration(dict(settings))
    except Exception as error:
        raise WorkError(f"{name} cannot begin ({_said(error)}): mend it, or leave it out of --report-to.") from error
    return tracker


def _tried(name: str, told: Callable[[], object]) -> bool:
    try:
        told()
    except Exception as error:
        log.warning("%s gets no more metrics, and the store goes on: %s", name, _said(error))
        return False
    return True


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
