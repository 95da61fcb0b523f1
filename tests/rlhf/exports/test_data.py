"""Data sets and rankings that go out: every row by hand, read back by `datasets`, and nothing half written."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset
from datasets.utils import disable_progress_bars

import launch
from store import imports, prompts, rankings, responses
from store.formats.row import Row
from store.records import IMPORTED, Import
from store.streams import one_moment, prompt_by_prompt
from store.workspace import create
from tests.rlhf.exports.conftest import ODD, Hands

Export = Callable[..., tuple[int, str, str]]

disable_progress_bars()


@pytest.fixture
def told(hands: Hands) -> dict[str, list[int]]:
    """Two prompts of three responses and a held-out one of two; ids of the responses by their prompt."""
    one, first = hands.prompt(ODD, ["Green", "Black", "Black"])
    two, second = hands.prompt("Which film?", ["A long one", "None", "A short one"])
    held, third = hands.prompt("Which book?", ["This", "That"], split="eval")
    out, gone = hands.prompt("Which song?", ["La", "Le"])
    a, b, c = first
    mine = hands.rank("ada", one, {a: 1, b: 2, c: 3})
    with hands.workspace.store() as db:
        rankings.revise(db, mine, "ada", {a: 2, b: 1, c: 1}, comment="ask Ada")
    hands.rank("bo", one, {a: 1, b: 2, c: 2})
    hands.write("bo", two, second, "The one with the dog")
    hands.rank("simulated:cleo", held, {third[0]: 2, third[1]: 1})
    hands.rank("ada", out, dict.fromkeys(gone, 1))
    with hands.workspace.store() as db:
        prompts.remove(db, [out])
        own = responses.of_prompt(db, two)[-1].id
        film = prompts.get(db, two)
        imports.add(db, Import("film.txt", "0" * 64, "text", licence="CC0"), [[(film, Row(film.messages), {})]])
    elos = {a: (1040.0, 30.0), b: (1040.0, 40.0), c: (900.0, None), own: (1200.0, 50.0), second[1]: (990.0, 60.0)}
    hands.rate(elos | {third[0]: (950.0, 10.0), third[1]: (1050.0, 10.0)})
    return {"one": first, "two": [*second, own], "held": third}


def lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def chat(*turns: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in zip(("user", "assistant"), turns, strict=False)]


@pytest.mark.usefixtures("told")
def test_pairs_are_those_that_the_scores_put_in_an_order(export: Export, tmp_path: Path) -> None:
    status, out, err = export("dataset", "--to", tmp_path / "out", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == {
        "to": str(tmp_path / "out"),
        "form": "preference",
        "rows": 3,
        "splits": {"train": 2, "eval": 1},
        "left_out": {"pairs with equal scores": 1, "pairs of the same text twice": 1},
    }
    green, own = lines(tmp_path / "out" / "train.jsonl")
    assert green == {
        "prompt": chat(ODD),
        "chosen": [{"role": "assistant", "content": "Green"}],
        "rejected": [{"role": "assistant", "content": "Black"}],
        "score_chosen": 1040.0,
        "error_chosen": 30.0,
        "model_chosen": "base",
        "ended_chosen": True,
        "score_rejected": 900.0,
        "error_rejected": None,
        "model_rejected": "base",
        "ended_rejected": True,
        "elo_difference": 140.0,
        "elo_difference_error": None,
        "annotators": 2,
        "rankings_for": 1,
        "rankings_tied": 0,
        "rankings_against": 1,
        "split": "train",
    }
    assert (own["model_chosen"], own["chosen"][0]["content"]) == ("a person", "The one with the dog")
    assert own["elo_difference_error"] == pytest.approx(math.sqrt(50**2 + 60**2))
    assert "margin" not in green  # a column of this name is a loss to TRL's reward trainer
    (held,) = lines(tmp_path / "out" / "test.jsonl")
    assert (held["chosen"][0]["content"], held["rankings_for"], held["split"]) == ("That", 1, "eval")


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("form", "rows"), [("preference", (2, 1)), ("ranking", (2, 1)), ("prompt", (2, 1)), ("sft", (2, 1))]
)
@pytest.mark.usefixtures("told")
def test_datasets_reads_each_form(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, kind: str, rows: tuple[int, int]
) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    assert export("dataset", "--as", form, "--file", kind, "--to", tmp_path / "out")[0] == 0
    read = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert (len(read["train"]), len(read["test"])) == rows
    if kind == "jsonl":  # the same values as in the plain lines, so that nothing was cast away
        assert list(read["train"]) == lines(tmp_path / "out" / "train.jsonl")
    first = read["train"][0]
    assert first["prompt"] == chat(ODD)
    if form == "sft":
        assert [row["completion"][0]["content"] for row in read["train"]] == ["Green", "The one with the dog"]
        assert [row["origin"] for row in read["train"]] == ["ranked highest", "written by a person"]
    if form == "ranking":
        assert (first["responses"], first["scores"]) == (["Green", "Black", "Black"], [1040.0, 1040.0, 900.0])
        assert first["errors"] == [30.0, 40.0, None]


@pytest.mark.usefixtures("told")
def test_the_card_says_what_the_store_knows(export: Export, hands: Hands, tmp_path: Path) -> None:
    assert export("dataset", "--to", tmp_path / "out")[0] == 0
    card = (tmp_path / "out" / "README.md").read_text()
    for said in (
        "| train | train.jsonl | 2 |",
        "alpha 0.40",
        "1 pairs with equal scores",
        "film.txt",
        "licence: CC0",
    ):
        assert said in card
    assert "3 prompts from `test`" in card
    assert "More Information Needed" not in card
    assert str(tmp_path) not in card
    assert not re.search(r"\b(ada|bo)\b", card)


def test_rankings_lose_nothing(export: Export, hands: Hands, told: dict[str, list[int]], tmp_path: Path) -> None:
    """Each standing ranking is found again in its row: the texts of each level, who said it, when, in how long."""
    assert export("rankings", "--to", tmp_path / "r.jsonl")[0] == 0
    rows = lines(tmp_path / "r.jsonl")
    with hands.workspace.store() as db:
        by_id = {response.id: response for response in responses.every(db)}
        standing = sorted(rankings.current(db), key=lambda r: (r.prompt_id, r.id))
        assert len(rows) == len(standing) == 4
        for row, ranking in zip(rows, standing, strict=True):
            assert row["prompt"] == list(prompts.get(db, ranking.prompt_id).messages)
            levels = {place: level for level, group in enumerate(row["ranking"], 1) for place in group}
            assert [levels[place] for place in range(len(row["responses"]))] == list(ranking.levels.values())
            assert [told["text"] for told in row["responses"]] == [by_id[r].text for r in ranking.levels]
            told_by = (row["annotator"], row["time"], row["seconds"], row["comment"])
            assert told_by == (ranking.annotator, ranking.created, ranking.seconds, ranking.comment)
    assert [row.get("own") for row in rows] == [None, None, True, None]
    assert {"text": "The one with the dog", "person": "bo", "ended": True} in rows[2]["responses"]


@pytest.mark.usefixtures("told")
def test_pseudonyms_hold_through_one_export_and_no_further(export: Export, tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        assert export("rankings", "--pseudonyms", "--to", tmp_path / name)[0] == 0
    a, b = lines(tmp_path / "a.jsonl"), lines(tmp_path / "b.jsonl")
    who = [row["annotator"] for row in a]
    assert len(set(who)) == 3
    assert who[1] == who[2]  # bo ranked, and wrote
    assert who[2] in [told.get("person") for told in a[2]["responses"]]
    assert who[3] == "simulated:cleo"  # else taken for a person
    assert not set(who[:3]) & {row["annotator"] for row in b}
    assert not re.search(r"\b(ada|bo)\b", (tmp_path / "a.jsonl").read_text(), re.IGNORECASE)


def test_other_tools_get_records_of_their_shape(export: Export, told: dict[str, list[int]], tmp_path: Path) -> None:
    status, out, _ = export("rankings", "--as", "argilla", "--to", tmp_path / "a.jsonl", "--json")
    assert status == 0
    assert json.loads(out)["left_out"] == {"rankings of an answer of one's own, below which nothing is told apart": 1}
    first, second = lines(tmp_path / "a.jsonl")
    assert first["fields"] == {
        "prompt": ODD, "response_1": "Green", "response_2": "Black", "response_3": "Black"
    }  # fmt: skip
    assert [answer["user_id"] for answer in first["responses"]] == ["ada", "bo"]
    assert first["responses"][0]["values"]["rank"]["value"] == [
        {"rank": 1, "value": "response_2"}, {"rank": 1, "value": "response_3"}, {"rank": 2, "value": "response_1"}
    ]  # fmt: skip
    assert set(second) == {"fields", "responses", "suggestions", "metadata"}

    status, out, _ = export("rankings", "--as", "labelstudio", "--to", tmp_path / "l.json", "--json")
    assert sum(json.loads(out)["left_out"].values()) == 3  # two with ties, one of an own answer
    (task,) = json.loads((tmp_path / "l.json").read_text())
    assert task["data"]["items"] == [{"id": "response_1", "body": "This"}, {"id": "response_2", "body": "That"}]
    (annotation,) = task["annotations"]
    assert annotation["result"][0]["value"] == {"ranker": ["response_2", "response_1"]}
    assert task["meta"]["annotators"] == {str(annotation["completed_by"]): "simulated:cleo"}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["dataset"], "was told no place: name a new folder with --to"),
        (["rankings"], "name a new file with --to"),
        (["dataset", "--to", "{}/there"], "is there already, and nothing is overwritten"),
        (["rankings", "--to", "{}/there.jsonl"], "is there already"),
        (["dataset", "--to", "{}/no/where"], "There is no folder"),
        (["dataset", "--to", "{}/x.jsonl"], "name a folder"),
        (["rankings", "--to", "{}/x.csv"], "does not end with .jsonl"),
        (["rankings", "--as", "labelstudio", "--to", "{}/x.jsonl"], "does not end with .json"),
        (["rankings", "--as", "sft", "--to", "{}/x.jsonl"], "choose one of raw, argilla, labelstudio"),
        (["dataset", "--as", "raw", "--to", "{}/x"], "choose one of preference, ranking, prompt, sft"),
        (["dataset", "policy-1", "--to", "{}/x"], "takes no name, and 'policy-1' is one"),
        (["dataset", "--pseudonyms", "--to", "{}/x"], "--pseudonyms is for rankings"),
        (["dataset", "--to", "{}/x"], "There are no scores yet"),
        (["dataset", "--as", "sft", "--to", "{}/x"], "There is no row to export"),
        (["rankings", "--to", "{}/x.jsonl"], "Nothing is ranked yet"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    export: Export, tmp_path: Path, argv: list[str], said: str
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there.jsonl").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    status, out, err = export(*(word.replace("{}", str(tmp_path)) for word in argv))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before and path.suffix != ".db-shm"] == []
    assert (tmp_path / "there.jsonl").read_text() == "mine"


def test_a_reading_is_of_one_moment(hands: Hands) -> None:
    """What people rank while everything is read is not in it, and what is read does not hold them up."""
    made = [hands.prompt(f"Question {i}?", ["A", "B"]) for i in range(3)]
    with hands.workspace.store() as db:
        with one_moment(db):
            reading = prompt_by_prompt(db)
            next(reading)
            hands.rank("ada", made[2][0], dict.fromkeys(made[2][1], 1))
            assert [len(judged.rankings) for judged in reading] == [0, 0]
        assert [len(judged.rankings) for judged in prompt_by_prompt(db)] == [0, 0, 1]


@pytest.mark.usefixtures("told")
def test_what_goes_out_comes_in_again(export: Export, hands: Hands, tmp_path: Path) -> None:
    """Into another workspace and out of that one: the same rows, but for whom the versions came from."""
    assert export("rankings", "--to", tmp_path / "a.jsonl")[0] == 0
    other = create(tmp_path / "other", "")
    assert launch.main(["import", str(tmp_path / "a.jsonl"), "--workspace", str(other.folder)]) == 0
    again = ["export", "rankings", "--to", str(tmp_path / "b.jsonl"), "--workspace", str(other.folder)]
    assert launch.main(again) == 0

    def values(name: str) -> list[str]:
        rows = lines(tmp_path / name)
        for row in rows:
            del row["comment"]  # the importer leaves these two aside, and says so
            row.pop("own", None)
            for answer in row["responses"]:
                answer["by"] = (answer.pop("person", None) or answer.pop("model")).removeprefix(IMPORTED)
            row["annotator"] = row["annotator"].removeprefix(IMPORTED)
        return sorted(json.dumps(row, sort_keys=True) for row in rows)

    assert values("a.jsonl") == values("b.jsonl")
