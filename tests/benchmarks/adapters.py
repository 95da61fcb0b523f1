"""What it costs to change from one version to another on one base: `python -m tests.benchmarks.adapters`.

Eight versions on `tiny`: reading one, changing to one that is there, and reading the base anew instead.
"""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rlhf.training.models import RoleModel, Version

VERSIONS, TURNS = 8, 200


def main() -> None:
    """Print milliseconds: the median and the slowest of each."""
    model = RoleModel("tiny")
    with tempfile.TemporaryDirectory() as folder:
        model.save("policy", Path(folder))
        voices = [Version(f"version-{number}") for number in range(VERSIONS)]
        _tell("a version read from its folder", [_seconds(lambda v=v: model.load(v, Path(folder))) for v in voices])
    turns = itertools.islice(itertools.cycle(voices), TURNS)
    _tell(f"a change among {VERSIONS} versions", [_seconds(lambda v=v: _change(model, v)) for v in turns])
    _tell("a fresh start on the same base", [_seconds(lambda: model.restart(0)) for _ in range(5)])
    _tell("the base read anew", [_seconds(lambda: RoleModel("tiny")) for _ in range(5)])


def _change(model: RoleModel, voice: Version) -> None:
    with model.role(voice):
        pass


def _tell(what: str, seconds: list[float]) -> None:
    print(f"{what}: {1000 * statistics.median(seconds):.1f} ms, at most {1000 * max(seconds):.1f} ms")


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
