"""What goes out by `export` comes in by `import` in another workspace, and nothing of it is lost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import launch
from store import models, prompts, rankings, responses, tasks
from store.db import writing
from store.records import Model
from store.workspace import Workspace, create
from tests.rlhf.exports.conftest import ODD, Hands

Export = Callable[..., tuple[int, str, str]]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Workspace:
    made = create(tmp_path / "elsewhere", '[model]\nbase_model = "tiny"\n')
    with made.store() as db:
        models.add(db, Model("base", "policy", "tiny"))
    return made


def filled(hands: Hands) -> None:
    """Ties, a held-out prompt, an answer of one's own, a comment, several people and one who is simulated."""
    one, (a, b, c) = hands.prompt(ODD, ["Green", "Black", "White"])
    two, shown = hands.prompt("Which film?", ["A long one", "A short one"])
    held, (d, e) = hands.prompt("Which book?", ["This", "That"], split="eval")
    hands.rank("ada", one, {a: 2, b: 1, c: 1}, comment="ask Ada")
    hands.rank("bo", one, {c: 1, a: 2, b: 3})
    hands.write("bo", two, shown, "The one with the dog")
    hands.rank("simulated:cleo", held, {d: 2, e: 1})


def brought(file: Path, into: Workspace, capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capfd.readouterr()
    assert launch.main(["import", str(file), "--workspace", str(into.folder), "--json"]) == 0
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    return found


def said(workspace: Workspace) -> list[tuple[object, ...]]:
    """Every standing ranking with all that belongs to it, names without `imported:`."""
    found: list[tuple[object, ...]] = []
    with workspace.store() as db:
        own = tasks.of_reason(db, "own")
        names = {model.id: model.name for model in models.every(db)}
        wrote = {r.id: r for r in responses.every(db)}
        for ranking in rankings.current(db):
            prompt = prompts.get(db, ranking.prompt_id)
            levels = sorted(
                (
                    level,
                    wrote[r].text,
                    (names.get(wrote[r].model_id or 0) or str(wrote[r].annotator)),
                    wrote[r].finished,
                )
                for r, level in ranking.levels.items()
            )
            who = (ranking.annotator, ranking.created, ranking.seconds, ranking.comment, ranking.task_id in own)
            found.append((repr(prompt.messages), prompt.split, levels, *who))
    return sorted(json.loads(json.dumps(found).replace("imported:", "")))


def test_rankings_come_back_by_value(
    hands: Hands, export: Export, elsewhere: Workspace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    filled(hands)
    with hands.workspace.store() as db, writing(db):  # one answer that was cut at its token limit
        db.execute("UPDATE responses SET finish_reason = 'length' WHERE text = 'White'")
    assert export("rankings", "--to", tmp_path / "r.jsonl")[0] == 0
    done = brought(tmp_path / "r.jsonl", elsewhere, capfd)
    assert (done["format"], done["ignored"], done["rankings"]) == ("rankings", [], 4)
    assert len(said(elsewhere)) == 4
    assert said(elsewhere) == said(hands.workspace)
    out = tmp_path / "again.jsonl"
    assert launch.main(["export", "rankings", "--to", str(out), "--workspace", str(elsewhere.folder)]) == 0
    again = brought(out, elsewhere, capfd)
    assert (again["imported"], again["already_there"]) == (0, 4)


@pytest.mark.parametrize(("form", "many"), [("argilla", 3), ("labelstudio", 2)])
def test_records_of_other_tools_come_back_with_people_and_versions(
    hands: Hands,
    export: Export,
    elsewhere: Workspace,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    form: str,
    many: int,
) -> None:
    filled(hands)
    file = tmp_path / ("r.jsonl" if form == "argilla" else "r.json")
    assert export("rankings", "--as", form, "--to", file)[0] == 0
    done = brought(file, elsewhere, capfd)
    assert (done["format"], done["rankings"]) == (form, many)
    with elsewhere.store() as db:
        people = {r.annotator for r in rankings.current(db)}
        assert people == {"imported:bo", "simulated:cleo"} | ({"imported:ada"} if form == "argilla" else set())
        assert {m.name for m in models.every(db, "imported")} == {"imported:base", "imported:policy-1"}
