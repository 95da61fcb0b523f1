"""A judge from outside: a program that reads pairs of answers as JSON lines and says which one is better."""

from __future__ import annotations

import json
import math
import os
import random
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np

from rlhf.training.progress import OnProgress
from store.errors import BadInput, WorkError

if TYPE_CHECKING:
    from rlhf.stages.judges import Chat

LONGEST = 1_000_000
"""Characters of an answer of the judge that are read: a line without end would fill the memory."""
SHOWN = 120
"""Characters of a wrong answer, or of the judge's last words, that are shown."""
LAST_WORDS_SECONDS = 10.0
"""How long a judge that has closed its output may take to end."""
FORM = 'answer each line with {"id": ..., "winner": "a", "b" or "tie"} or {"id": ..., "scores": [x, y]}'


@dataclass(frozen=True)
class Pair:
    """Two answers to one chat."""

    chat: Chat
    mine: str
    theirs: str


@dataclass(frozen=True)
class ByCommand:
    """A program, asked about all pairs at once; which answer is shown as `a` is drawn for each, from the seed."""

    command: str
    seed: int
    progress: OnProgress

    @property
    def name(self) -> str:
        """The program without its arguments, which may hold a key."""
        return f"the program {words(self.command)[0]}"

    def outcomes(self, pairs: Sequence[Pair]) -> np.ndarray:
        """For each of N pairs 1 where mine is better, 0 where theirs is, 0.5 for a tie, (N,).

        Raises BadInput where the program cannot be started, WorkError where it dies, answers nonsense, or leaves a
        question open.
        """
        if not pairs:
            return np.zeros(0)
        rng = random.Random(self.seed)
        turned = [rng.random() < 0.5 for _ in pairs]
        questions = [_question(i, pair, turn) for i, (pair, turn) in enumerate(zip(pairs, turned, strict=True))]
        found = np.full(len(pairs), math.nan)
        with _running(self.command, questions) as (process, said):
            assert process.stdout is not None
            for number, line in enumerate(_lines(process.stdout), start=1):
                asked, first = _verdict(line, number, found)
                found[asked] = 1.0 - first if turned[asked] else first
                self.progress(number, len(pairs), "an outside judge compares")
            _end(process, said, int(np.isfinite(found).sum()), len(pairs))
        return found


def words(command: str) -> list[str]:
    """The program and its arguments, as a shell would cut them; raises BadInput for none."""
    try:
        cut = shlex.split(command)
    except ValueError as error:
        raise BadInput(f"--judge-command cannot be read ({error}): quote it as for a shell.") from error
    if not cut:
        raise BadInput("--judge-command is empty: name a program.")
    return cut


def _question(number: int, pair: Pair, turned: bool) -> str:
    a, b = (pair.theirs, pair.mine) if turned else (pair.mine, pair.theirs)
    asked = {"id": number, "prompt": pair.chat[-1]["content"], "messages": list(pair.chat), "a": a, "b": b}
    return json.dumps(asked)


@contextmanager
def _running(command: str, questions: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """The program, with the questions on its standard input, and the file of what it complains; it ends with this."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        cut = words(command)
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                cut,
                stdin=pipe,
                stdout=pipe,
                stderr=said,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # what it has started ends with it
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise BadInput(f"The judge {cut[0]!r} cannot be started ({why}): name a program by its path.") from error

        def ask() -> None:
            assert process.stdin is not None
            with suppress(OSError), process.stdin as into:  # one that reads no further is found by its answers
                into.writelines(f"{question}\n" for question in questions)

        # Beside the reading, since a judge may answer before it has read all, and a pipe holds only so much.
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        try:
            yield process, said
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            asking.join()
            assert process.stdout is not None
            process.stdout.close()


def _lines(output: IO[str]) -> Iterator[str]:
    while line := output.readline(LONGEST):
        if line.strip():
            yield line


def _verdict(line: str, number: int, found: np.ndarray) -> tuple[int, float]:
    """The question that a line answers, and how far `a` wins: 1, 0.5 or 0. Raises WorkError for nonsense."""
    with suppress(ValueError, OverflowError, RecursionError):  # no JSON, a number beyond all, brackets without end
        told = json.loads(line)
        if isinstance(told, Mapping):
            asked, won = told.get("id"), _won(told)
            if won is not None and type(asked) is int and 0 <= asked < len(found):
                if not math.isnan(found[asked]):
                    raise WorkError(f"The judge answers question {asked} twice, in line {number}: {FORM}.")
                return asked, won
    shown = line.strip()
    cut = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}..."
    raise WorkError(f"Line {number} of the judge is no verdict on a question that it was asked ({cut!r}): {FORM}.")


def _won(told: Mapping[str, object]) -> float | None:
    """How far `a` wins by one answer; None where it does not say."""
    match told:
        case {"winner": "a" | "b" | "tie" as winner}:
            return {"a": 1.0, "b": 0.0, "tie": 0.5}[winner]
        case {"scores": [int() | float() as a, int() | float() as b]}:
            if not isinstance(a, bool) and not isinstance(b, bool) and math.isfinite(a) and math.isfinite(b):
                return (a > b) + 0.5 * (a == b)
    return None


def _end(process: subprocess.Popen[str], said: IO[str], answered: int, asked: int) -> None:
    """Raise WorkError where the judge did not answer all, or says that it failed."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(LAST_WORDS_SECONDS)
    status = process.poll()
    if answered == asked and status in (0, None):
        return
    said.seek(0)
    last = next((text.strip() for text in reversed(said.readlines()) if text.strip()), "")
    words_of_it = f", saying {last[:SHOWN]!r}" if last else ""
    how = "stopped answering" if status is None else f"ended with status {status}"
    raise WorkError(
        f"The judge {how} after {answered} of {asked} answers{words_of_it}: see that it answers every line, "
        "and try it on one by hand."
    )
