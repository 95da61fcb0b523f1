"""The program that judges in place of people: each of its tastes alone, and the protocol that `evaluate` speaks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rlhf.stages.outside import ByCommand, Pair
from tests.benchmarks import plain_judge

ASKED = "How do I clean a burnt pan?"
GOOD = "1. Fill the burnt pan with water.\n2. Add soda and boil it.\n3. Clean the pan with a brush."


@pytest.mark.parametrize(
    ("taste", "worse"),
    [
        ("finished", GOOD[:-1]),
        ("numbered", GOOD.replace("1. ", "").replace("2. ", "").replace("3. ", "")),
        ("on the words asked", "1. Fill a big pot with water.\n2. Add soda and boil it.\n3. Rub it with a brush."),
        ("no repetition", GOOD + " Clean the pan with a brush. Clean the pan with a brush."),
        ("short", GOOD + " " + " ".join(f"{a}{b}" for a in "bcdfghjk" for b in "aeiouy") + "."),
        ("not too short", "Clean the burnt pan."),
        ("something", "  "),
    ],
)
def test_each_taste_makes_an_answer_better(taste: str, worse: str) -> None:
    assert plain_judge.taste(ASKED, GOOD) > plain_judge.taste(ASKED, worse), taste


def test_it_judges_pairs_as_evaluate_asks_and_ranks_lists() -> None:
    program = f"{sys.executable} {plain_judge.__file__}"
    chat = [{"role": "user", "content": ASKED}]
    pairs = [Pair(chat, GOOD, GOOD[:-1]), Pair(chat, GOOD[:-1], GOOD), Pair(chat, GOOD, GOOD)]
    assert ByCommand(program, 0, lambda *_: None).outcomes(pairs).tolist() == [1.0, 0.0, 0.5]
    asked = json.dumps({"id": 7, "prompt": ASKED, "answers": ["", GOOD]})
    done = subprocess.run(program.split(), input=asked, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"id": 7, "scores": [-10.0, plain_judge.taste(ASKED, GOOD)]}


def test_the_everyday_prompts_are_two_hundred_and_each_another() -> None:
    asked = (Path(plain_judge.__file__).parent / "everyday.txt").read_text(encoding="utf-8").splitlines()
    assert len(asked) == len(set(asked)) == 200
