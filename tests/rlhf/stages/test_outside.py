"""A judge from outside is a real program: what it is asked, how its answers are read, and every way it can fail."""

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlhf.stages.outside import LONGEST, ByCommand, Pair
from store.errors import BadInput, WorkError

CHAT = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Tea or coffee?"}]
LONGER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    a, b = len(asked["a"]), len(asked["b"])
    print(json.dumps({"id": asked["id"], "winner": "tie" if a == b else "a" if a > b else "b"}), flush=True)
"""
Judge = Callable[[str], ByCommand]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """A judge that runs this program."""

    def make(source: str, seed: int = 0) -> ByCommand:
        (tmp_path / "judge.py").write_text(source)
        return ByCommand(f"{sys.executable} '{tmp_path / 'judge.py'}'", seed, lambda *_: None)

    return make


def pairs(*texts: tuple[str, str]) -> list[Pair]:
    return [Pair(CHAT, mine, theirs) for mine, theirs in texts]


def test_a_program_judges_and_the_order_in_which_it_sees_two_answers_is_turned_back(judge: Judge) -> None:
    asked = pairs(*[("long answer", "short"), ("a", "b"), ("x", "longer")] * 20)
    for seed in (0, 1):
        assert judge(LONGER, seed).outcomes(asked).tolist() == [1.0, 0.5, 0.0] * 20
    assert judge(LONGER).outcomes([]).tolist() == []


def test_whoever_always_says_a_is_as_often_wrong_as_right(judge: Judge) -> None:
    always = LONGER.replace('"tie" if a == b else "a" if a > b else "b"', '"a"')
    found = judge(always).outcomes(pairs(*[("mine", "theirs")] * 400))
    assert set(found) == {0.0, 1.0}
    assert 0.4 < found.mean() < 0.6


def test_it_is_told_the_chat_and_may_answer_by_scores_out_of_order_after_reading_all(judge: Judge) -> None:
    source = """
import json, sys
asked = [json.loads(line) for line in sys.stdin]
for one in reversed(asked):
    assert set(one) == {"id", "prompt", "messages", "a", "b"}, one
    assert one["prompt"] == "Tea or coffee?" and one["messages"][0]["content"] == "Be kind."
    print()
    print(json.dumps({"id": one["id"], "scores": [len(one["a"]), len(one["b"]) + 0.5]}))
"""
    many = [("é" * 300, "ü" * (298 + i % 5)) for i in range(2000)]  # more than a pipe holds
    found = judge(source).outcomes(pairs(*many))
    # b has half a letter more, so of 300 against 300 whoever is shown as b wins; all others are as they are.
    told = np.array([len(mine) - len(theirs) for mine, theirs in many])
    assert (found[told > 0] == 1).all()
    assert (found[told < 0] == 0).all()
    assert set(found[told == 0]) == {0.0, 1.0}


ANSWERS: dict[str, tuple[str, str]] = {
    "no json": ("print('I like the first one')", "Line 1 of the judge is no verdict .*'I like the first one'"),
    "no winner": ('print(\'{"id": 0, "winner": "c"}\')', "Line 1 .* no verdict"),
    "no such question": ('print(\'{"id": 7, "winner": "a"}\')', "Line 1 .* no verdict on a question"),
    "an id in words": ('print(\'{"id": "0", "winner": "a"}\')', "Line 1 .* no verdict"),
    "true is no id": ('print(\'{"id": true, "winner": "a"}\')', "Line 1 .* no verdict"),
    "scores of one": ('print(\'{"id": 0, "scores": [1]}\')', "Line 1 .* no verdict"),
    "scores that are none": ('print(\'{"id": 0, "scores": [NaN, 1]}\')', "Line 1 .* no verdict"),
    "scores without end": ('print(\'{"id": 0, "scores": [1\' + "0" * 400 + ", 1]}")', "Line 1 .* no verdict"),
    "a list": ("print('[1, 2]')", "Line 1 .* no verdict"),
    "brackets without end": ("print('[' * 100000)", "Line 1 .* no verdict"),
    "the second": ('print(\'{"id": 0, "winner": "a"}\\nwell\')', "Line 2 of the judge is no verdict .*'well'"),
    "twice": ('print(\'{"id": 1, "winner": "a"}\\n\' * 2)', "answers question 1 twice, in line 2"),
    "half": ('print(\'{"id": 0, "winner": "a"}\')', "ended with status 0 after 1 of 2 answers"),
    "nothing": ("", "ended with status 0 after 0 of 2 answers"),
    "dies": ("import sys; sys.exit('no key: set JUDGE_KEY')", "status 1 after 0 of 2.*'no key: set JUDGE_KEY'"),
    "dies at the end": (f"{LONGER}\nsys.exit(3)", "ended with status 3 after 2 of 2"),
    "killed": ("import os; os.kill(os.getpid(), 9)", "ended with status -9"),
    "bytes": ("import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\n')", "Line 1 .* no verdict"),
    "a line without end": (f"print('x' * {LONGEST + 10})", "Line 1 .* no verdict .*x{120}\\.\\.\\.'"),
}


@pytest.mark.parametrize("how", ANSWERS)
def test_a_judge_that_fails_says_how_in_one_line(judge: Judge, how: str) -> None:
    source, said = ANSWERS[how]
    with pytest.raises(WorkError) as failed:
        judge(source).outcomes(pairs(("one", "other"), ("this", "that")))
    assert re.search(said, str(failed.value)), failed.value
    assert "\n" not in str(failed.value)
    assert len(str(failed.value)) < 400


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/no/such/judge --fast", "The judge '/no/such/judge' cannot be started"),
        ("/tmp", "cannot be started (Permission denied)"),
        ("", "--judge-command is empty"),
        ("judge 'unclosed", "--judge-command cannot be read"),
    ],
)
def test_a_program_that_is_not_there_is_a_wrong_request(command: str, said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        ByCommand(command, 0, lambda *_: None).outcomes(pairs(("one", "other")))


def test_a_judge_ends_with_whoever_asked(judge: Judge, tmp_path: Path) -> None:
    """Nonsense ends it at once, though it would have gone on for a minute, and so would what it started."""
    source = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
print("nonsense", flush=True)
time.sleep(60)
"""
    with pytest.raises(WorkError):
        judge(source).outcomes(pairs(("one", "other")))
    pid, until = int((tmp_path / "pid").read_text()), time.monotonic() + 10
    while (state := _state(pid)) not in "ZX" and time.monotonic() < until:  # a signal takes its time
        time.sleep(0.01)
    assert state in "ZX"


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def test_progress_is_told_as_answers_come(judge: Judge) -> None:
    told: list[Any] = []
    by = ByCommand(judge(LONGER).command, 0, lambda *at: told.append(at))
    by.outcomes(pairs(("one", "other"), ("this", "that")))
    assert [at[:2] for at in told] == [(1, 2), (2, 2)]
