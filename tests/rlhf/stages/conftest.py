"""A workspace in which people who see some true quality have ranked the responses of several versions."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlite_utils import Database

from rlhf.settings import Settings
from rlhf.stages.context import Context
from store import annotators, models, prompts, rankings, responses, tasks
from store.records import Model, Response, Task, TaskReason
from store.workspace import Workspace


@pytest.fixture
def ctx(tmp_path: Path, fresh: Callable[[Path], Workspace]) -> Context:
    workspace = fresh(tmp_path / "workspace")
    return Context(workspace, Settings(), 0, lambda *_: None, lambda *_: None)


@pytest.fixture
def db(ctx: Context) -> Iterator[Database]:
    with ctx.store() as opened:
        yield opened


class World:
    """Versions of given quality in logits; each response has its own luck of 1.4 logits beside that."""

    def __init__(self, db: Database, quality: Sequence[float], seed: int = 0) -> None:
        self.db, self.rng = db, np.random.default_rng(seed)
        names = ["base", *(f"policy-{i}" for i in range(1, len(quality)))]
        self.versions = [models.add(db, Model(name, "policy", "tiny")) for name in names]
        self.quality = quality
        self.truth: dict[int, float] = {}
        self.shown: dict[int, tuple[int, ...]] = {}

    def prompts(self, count: int, *, each: int = 1, split: str = "train") -> list[int]:
        """So many prompts with `each` responses of every version."""
        made = []
        for _ in range(count):
            turn = {"role": "user", "content": f"question {len(self.shown)}"}
            (prompt,) = prompts.add(self.db, [prompts.make([turn], source="test", split=split)])
            writers = [v for v in range(len(self.versions)) for _ in range(each)]
            ids = responses.add(
                self.db,
                [Response(prompt, self.versions[v], f"{prompt}.{i}", i, {}, "stop") for i, v in enumerate(writers)],
            )
            self.truth |= {r: self.quality[v] + self.rng.normal(0, 1.4) for r, v in zip(ids, writers, strict=True)}
            self.shown[prompt] = tuple(ids)
            made.append(prompt)
        return made

    def rank(self, prompt: int, by: str, *, reason: TaskReason = "fresh", clicks: bool = False) -> None:
        """One person ranks one prompt: by true quality with Gumbel noise (Plackett-Luce), or by clicking."""
        annotators.ensure(self.db, by)
        (task,) = tasks.add(self.db, [Task(prompt, self.shown[prompt], reason)])
        self.answer(task, by, clicks=clicks)

    def answer(self, task: int, by: str, *, clicks: bool = False) -> None:
        annotators.ensure(self.db, by)
        shown = tasks.get(self.db, task).response_ids
        held = tasks.lease(self.db, task, by, shown)
        seen = [(0.0 if clicks else self.truth[r]) + self.rng.gumbel() for r in shown]
        order = {shown[i]: level for level, i in enumerate(np.argsort(seen)[::-1], start=1)}
        rankings.submit(self.db, str(held.lease), by, order, seconds=5.0)


@pytest.fixture
def world(db: Database) -> Callable[..., World]:
    def make(quality: Sequence[float] = (0.0,), seed: int = 0) -> World:
        return World(db, quality, seed)

    return make


class Letters:
    """Stands for the chat of a base model: a token a letter, 0 closes an answer, a turn is as long as its text."""

    def __init__(self, base_model: str = "tiny", context: int = 1000) -> None:
        self.base_model, self.context = base_model, context

    def room(self, messages: Sequence[dict[str, str]], new_tokens: int) -> int:
        return self.context - new_tokens - sum(len(turn["content"]) for turn in messages)

    def response(self, text: str, *, finished: bool = True) -> list[int]:
        return [*map(ord, text), *([0] if finished else [])]


def read(answer: Sequence[int]) -> tuple[str, bool]:
    """Text of a token sequence of `Letters`, and whether it is closed."""
    return "".join(chr(i) for i in answer if i), answer[-1] == 0


@pytest.fixture
def letters() -> Callable[..., Letters]:
    return Letters


@pytest.fixture
def spelled() -> Callable[[Sequence[int]], tuple[str, bool]]:
    return read
