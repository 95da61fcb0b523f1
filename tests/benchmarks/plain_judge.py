"""A judge of plain taste, as a program: `evaluate --judge-command "python tests/benchmarks/plain_judge.py"`.

It likes answers that are short, finished, in numbered steps, on the words asked, and that do not repeat themselves.
It reads a JSON object a line: `prompt`, and either `a` and `b` or a list `answers`; it writes `id` and the `scores`.
"""

import itertools
import json
import re
import sys
from collections.abc import Iterator, Sequence

SHORT, LONG = 8, 45
"""Words of an answer: fewer say nothing, and each beyond costs."""
EMPTY = -10.0
_COMMON = """
about after again also another because been before being between both briefly could does doing down each explain
every from give have help here how into just know like make many more most much must need only other over please
sentence sentences short should simple some such tell than that their them then there these they this those
three very want were what when where which while will with without words would write your
"""
COMMON = frozenset(_COMMON.split())
"""Words that a question has whatever it is about."""


def taste(prompt: str, answer: str) -> float:
    """How much the judge likes an answer; about -3 to 7, and -10 for none."""
    words = re.findall(r"[a-z']+", answer.lower())
    if not words:
        return EMPTY
    too_short = 2.0 * (len(words) < SHORT)
    too_long = 0.1 * max(0, len(words) - LONG)
    finished = 2.0 * bool(re.search(r"[.!][\"')*]*$", answer.strip()))
    return finished + steps(answer) + 3.0 * on_topic(prompt, words) - 4.0 * repeated(words) - too_short - too_long


def steps(answer: str) -> float:
    """Half a point for each line that is numbered 1, 2, 3 in this order, at most two points."""
    numbers = [int(n) for n in re.findall(r"^\s*(\d{1,2})[.)]\s+\S", answer, flags=re.MULTILINE)]
    right = next((i for i, n in enumerate(numbers) if n != i + 1), len(numbers))
    return 0.5 * min(right, 4) if right > 1 else 0.0


def on_topic(prompt: str, words: Sequence[str]) -> float:
    """Share of the prompt's own words whose stem is among those of the answer."""
    stems = {word[:5] for word in words}
    asked = [word[:5] for word in re.findall(r"[a-z']+", prompt.lower()) if len(word) > 3 and word not in COMMON]
    return sum(stem in stems for stem in asked) / len(asked) if asked else 1.0


def repeated(words: Sequence[str]) -> float:
    """Share of the pairs of words that were there before."""
    pairs = list(itertools.pairwise(words))
    return 1 - len(set(pairs)) / len(pairs) if pairs else 0.0


def judged(lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    """One line of scores for each line that asks."""
    for line in lines:
        asked = json.loads(line)
        answers = asked.get("answers") or [asked["a"], asked["b"]]
        yield json.dumps({"id": asked["id"], "scores": [taste(asked["prompt"], answer) for answer in answers]})


if __name__ == "__main__":
    for verdict in judged(sys.stdin):
        print(verdict, flush=True)
