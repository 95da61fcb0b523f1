"""A workspace in which two people and a simulated annotator ranked, tied, changed a mind and wrote an answer."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

import launch
from store import annotators, answers, models, prompts, rankings, responses, scores, tasks
from store.records import Model, Rating, Response, Task
from store.results import RatingFigures, as_json
from store.workspace import Workspace, create

ODD = 'Tea\u2028or "coffee",\n<b>né</b> \\ \U0001f375?'
"""A text with what ends a line for some readers, quotes, tags and a letter beyond 16 bits."""


class Hands:
    """What people do, by their names."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        with workspace.store() as db:
            for name in ("ada", "bo", "simulated:cleo"):
                annotators.ensure(db, name)
            self.model = models.add(db, Model("base", "policy", "tiny"))
            self.other = models.add(db, Model("policy-1", "policy", "tiny", parent_id=self.model))

    def prompt(self, text: str, answers: Sequence[str], *, split: str = "train") -> tuple[int, list[int]]:
        """A prompt and its responses, by the two versions in turn."""
        with self.workspace.store() as db:
            made = prompts.make([{"role": "user", "content": text}], source="test", split=split)  # type: ignore[arg-type]
            (prompt_id,) = prompts.add(db, [made])
            wrote = [
                Response(prompt_id, (self.model, self.other)[i % 2], answer, i, {}, "stop")
                for i, answer in enumerate(answers)
            ]
            return prompt_id, responses.add(db, wrote)

    def rank(self, who: str, prompt_id: int, levels: Mapping[int, int], comment: str = "") -> int:
        """The id of the ranking."""
        with self.workspace.store() as db:
            (task_id,) = tasks.add(db, [Task(prompt_id, tuple(levels))])
            held = tasks.lease(db, task_id, who, tuple(levels))
            said = rankings.submit(db, str(held.lease), who, dict(levels), seconds=3.5, comment=comment)
            return said.id

    def write(self, who: str, prompt_id: int, shown: Sequence[int], text: str) -> None:
        """An answer of one's own, above what was shown."""
        with self.workspace.store() as db:
            (task_id,) = tasks.add(db, [Task(prompt_id, tuple(shown))])
            held = tasks.lease(db, task_id, who, tuple(shown))
            answers.write(db, str(held.lease), who, text)

    def rate(self, elos: Mapping[int, tuple[float, float | None]]) -> int:
        """Scores as they are given: Elo and error of each response."""
        with self.workspace.store() as db:
            told = RatingFigures(rankings=4, people=3, simulated=1, prompts=2, responses=5, annotators=3, alpha=0.4)
            rating = Rating("davidson", {}, as_json(told), rankings.newest(db))
            return scores.save(db, rating, [(r, elo, error, 2) for r, (elo, error) in elos.items()])


@pytest.fixture
def hands(tmp_path: Path) -> Hands:
    return Hands(create(tmp_path / "w", ""))


@pytest.fixture
def export(hands: Hands, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Exit status, stdout and stderr of `export` in that workspace."""

    def call(*argv: object) -> tuple[int, str, str]:
        capfd.readouterr()
        status = launch.main(["export", *map(str, argv), "--workspace", str(hands.workspace.folder)])
        return (status, *capfd.readouterr())

    return call
