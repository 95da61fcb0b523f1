"""Every format, by the example of its section in docs/formats.md, and what each says beyond counts."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from sqlite_utils import Database

from store import imports, models, prompts, rankings, responses
from store.errors import BadInput
from store.formats.reading import NAMES, Reading
from store.formats.row import Row
from store.records import Import

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
SECTION = re.compile(
    r"^### ([\w-]+)\n(?:(?!^###).)*?^```(json|csv)\n(.*?)^```\n\n(\d+) prompts?, (\d+) responses?, (\d+) rankings?$",
    re.MULTILINE | re.DOTALL,
)
EXAMPLES = {
    name: (kind, text, tuple(map(int, told))) for name, kind, text, *told in SECTION.findall(PAGE.read_text())
}
GOOD, BAD = "The yeast is old.", "Bread is nice."
SYSTEM = {"role": "system", "content": "Be brief."}
ASK = "Why does my bread not rise?"


def written(folder: Path, name: str) -> Path:
    kind, text, _ = EXAMPLES[name]
    if name == "votes-by-number":
        (folder / "prompts.jsonl").write_text(json.dumps({"id": 8, "text": ASK}) + "\n")
        told = [{"prompt": 8, "model": model, "result": said} for model, said in ((97, BAD), (98, GOOD))]
        (folder / "results.jsonl").write_text("\n".join(map(json.dumps, told)))
    file = folder / f"example.{'csv' if kind == 'csv' else 'jsonl'}"
    file.write_text(text)
    return file


def brought(db: Database, file: Path, **how: Any) -> tuple[imports.Added, Reading]:
    reading = Reading(file, **how)
    done = imports.add(db, Import(file.name, reading.sha256, ""), reading.items(skip_damaged=False))
    return done, reading


def rows(file: Path, **how: Any) -> list[Row]:
    return [row for item in Reading(file, **how).items(skip_damaged=False) for _, row, _ in item]


def of(folder: Path, *items: object, **how: Any) -> list[Row]:
    file = folder / "own.jsonl"
    file.write_text("\n".join(map(json.dumps, items)))
    return rows(file, **how)


def test_every_format_has_its_section() -> None:
    assert set(EXAMPLES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_each_format_brings_what_the_page_says_and_twice_is_once(
    db: Database, tmp_path: Path, name: str
) -> None:
    file = written(tmp_path, name)
    done, reading = brought(db, file)
    counts = EXAMPLES[name][2]
    assert (reading.format, (done.prompts, done.responses, done.rankings)) == (name, counts)
    assert (len(prompts.every(db)), len(responses.every(db)), len(rankings.current(db))) == counts
    again, _ = brought(db, file, format=name)
    assert (again.prompts, again.responses, again.rankings, again.new, again.known) == (0, 0, 0, 0, True)
    elsewhere = tmp_path / "elsewhere.json"  # the same rows in another file, in a form that any row has
    elsewhere.write_text(
        json.dumps([json.loads(line) for line in EXAMPLES[name][1].splitlines()], indent=1)
        if EXAMPLES[name][0] == "json"
        else "[]"
    )
    if EXAMPLES[name][0] == "json":
        other, _ = brought(db, elsewhere)
        assert (other.new, other.already_there, other.known) == (0, 1, False)
    best = [r for r in rankings.current(db) if len(set(r.levels.values())) > 1]
    text = {r.id: r.text for r in responses.every(db)}
    for ranking in best:
        first = {text[response] for response, level in ranking.levels.items() if level == 1}
        assert first <= {GOOD, "Then buy new yeast.", "The yeast is", BAD if name == "votes" else GOOD}


@pytest.mark.parametrize(
    ("name", "versions", "judges"),
    [
        ("preferences", {"imported:unknown"}, {"imported:unknown"}),
        ("pandalm", {"imported:unknown"}, {f"imported:annotator{n}" for n in (1, 2, 3)}),
        ("ultrafeedback", {"imported:llama", "imported:falcon"}, {"imported:gpt-4"}),
        ("arena", {"imported:llama", "imported:falcon"}, {"imported:arena_user_7"}),
        ("votes", {"imported:llama", "imported:falcon"}, {"imported:w1", "imported:w2"}),
        ("votes-by-number", {"imported:Llama 70B", "imported:Falcon 7B"}, {"imported:w1"}),
        ("rankings", {"imported:base", "imported:policy-1"}, {"imported:ada"}),
        ("argilla", {"imported:unknown"}, {"imported:u1"}),
        ("labelstudio", {"imported:unknown"}, {"imported:3"}),
        ("shp", set(), {"imported:votes"}),
    ],
)
def test_who_wrote_and_who_ranked_is_kept(
    db: Database, tmp_path: Path, name: str, versions: set[str], judges: set[str]
) -> None:
    brought(db, written(tmp_path, name))
    assert {model.name for model in models.every(db, "imported")} == versions
    assert {r.annotator for r in rankings.current(db)} == judges


def test_ties_times_and_cut_answers_are_kept(db: Database, tmp_path: Path) -> None:
    brought(db, written(tmp_path, "rankings"))
    (ranking,) = rankings.current(db)
    first, second, third = responses.every(db)
    assert ranking.levels == {first.id: 2, second.id: 1, third.id: 2}
    assert (ranking.created, ranking.seconds) == ("2026-01-31T12:00:00.000Z", 14.5)
    assert [r.finished for r in (first, second, third)] == [True, False, True]


def test_a_tree_becomes_a_prompt_wherever_the_assistant_answered(tmp_path: Path) -> None:
    first, second = rows(written(tmp_path, "oasst"))
    assert [m["content"] for m in second.messages] == [ASK, GOOD, "How do I tell?"]
    assert [a.text for a in first.answers] == [GOOD, BAD]
    assert (first.verdicts[0].groups, second.verdicts) == (((0,), (1,)), ())


def test_the_shapes_that_one_format_has(tmp_path: Path) -> None:
    implicit = {
        "chosen": [{"role": "user", "content": ASK}, {"role": "assistant", "content": GOOD}],
        "rejected": [{"role": "user", "content": ASK}, {"role": "assistant", "content": BAD}],
    }
    plain = {"prompt": ASK, "chosen": GOOD, "rejected": BAD}
    one, two = of(tmp_path, implicit, plain)
    assert one == two
    kaggle = {
        "model_a": "x",
        "model_b": "y",
        "prompt": json.dumps([ASK]),
        "response_a": json.dumps([BAD]),
        "response_b": json.dumps([GOOD]),
        "winner_model_a": 0,
        "winner_model_b": 1,
        "winner_tie": 0,
    }
    (kaggle_row,) = of(tmp_path, kaggle)
    assert (kaggle_row.verdicts[0].groups, kaggle_row.answers[1].text) == (((1,), (0,)), GOOD)
    paired = {"qid": 1, "question": ASK, "response_j": GOOD, "response_k": BAD}
    second = {
        "id": "r",
        "fields": {"prompt": ASK, "response_1": BAD, "response_2": GOOD},
        "metadata": {},
        "responses": {
            "rank": [
                {"user_id": "u", "value": [{"rank": 1, "value": "response_1"}, {"rank": 1, "value": "response_2"}]}
            ]
        },
    }
    chose = {"type": "pairwise", "value": {"selected": "right"}}
    pairwise = {
        "data": {"prompt": ASK, "answer1": BAD, "answer2": GOOD},
        "annotations": [{"completed_by": 1, "result": [chose]}],
    }
    told = [row.verdicts[0].groups for row in of(tmp_path, paired, second, pairwise)]
    assert told == [((0,), (1,)), ((0, 1),), ((1,), (0,))]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"prompt": ASK, "chosen": GOOD, "rejected": GOOD}, "the chosen response is equal to the rejected one"),
        ({"chosen": GOOD, "rejected": BAD}, "no prompt"),
        ({"messages": [{"role": "user", "content": "Hi"}, {"role": "user", "content": "Hi?"}]}, "two turns"),
        ({"messages": [{"role": "user", "content": "Hi"}, {"role": "tool", "content": "1"}]}, "tools are not"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "type 'image_url', and only text"),
        ({"prompt": "a\0b"}, "NUL"),
        ({"prompt": ASK, "completion": " "}, "an answer that is empty"),
        ({"prompt": ASK, "completion": GOOD, "label": False, "x": 1}, None),
        ({"instruction": ASK, "response1": "a", "response2": "b", "annotator1": 3}, "`annotator1` is 3"),
        ({"prompt": ASK, "responses": [{"text": "a"}, {"text": "b"}], "ranking": [[0]]}, "each of the 2"),
        ({"prompt": ASK, "model_x": 1, "model_y": 2, "winner": "up", "left": "a", "right": "b"}, "`winner` is 'up'"),
        ({"question": ASK, "winner": "a"}, "found question, winner (stackexchange needs question, answers"),
        ({"prompt": ASK, "chosen": GOOD, "rejected": BAD, "time": "noon"}, "`time` is 'noon', not a time"),
        ({"prompt": ASK, "answers": [{"answer": "a", "rank": 1}, {"answer": "a", "rank": 2}]}, "ranked above itself"),
        ({"prompt": ASK, "answers": [{"answer": str(n), "rank": n} for n in range(27)]}, "a ranking of 27 answers"),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_a_damaged_row_is_named_with_its_reason(tmp_path: Path, item: dict[str, Any], reason: str | None) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"prompt": "fine"}) + "\n" + json.dumps(item))
    reading = Reading(file)
    many = len(list(reading.items(skip_damaged=True)))
    if reason is None:  # an answer that may be a bad one is read as a prompt alone, and what was left aside is said
        assert (many, reading.ignored) == (2, {"completion", "label", "x"})
        return
    assert (many, reading.count_damaged) == (1, 1)
    assert reason in reading.describe_damaged()
    with pytest.raises(BadInput, match=r"Nothing was imported, .* has broken lines \(1\): line 2: "):
        list(Reading(file).items(skip_damaged=False))


def table(folder: Path, kind: str) -> Path:
    items = [{"prompt": ASK, "chosen": GOOD, "rejected": f"{BAD} {n}", "margin": n} for n in range(3)]
    found = pa.Table.from_pylist(items)
    file = folder / f"rows.{kind}"
    if kind == "parquet":
        pyarrow.parquet.write_table(found, file)
    elif kind == "arrow":
        with pa.ipc.new_stream(file, found.schema) as stream:
            stream.write_table(found)
    elif kind == "feather":
        with pa.ipc.new_file(file, found.schema) as whole:
            whole.write_table(found)
    elif kind in ("csv", "tsv"):
        mark = "," if kind == "csv" else "\t"
        lines = [mark.join(items[0]), *(mark.join(map(str, item.values())) for item in items)]
        file.write_text("\ufeff" + "\r\n".join(lines))
    elif kind == "json":
        file.write_text(json.dumps(items, indent=2))
    else:
        file.write_text("\n".join(map(json.dumps, items)))
    return file


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "tsv", "parquet", "arrow", "feather"])
def test_a_file_of_any_kind_says_the_same_and_one_that_is_cut_off_says_so(
    tmp_path: Path, kind: str, packed: bool
) -> None:
    file = table(tmp_path, kind)
    if packed:
        whole = gzip.compress(file.read_bytes())
        file = tmp_path / f"rows.{kind}.gz"
        file.write_bytes(whole)
    reading = Reading(file)
    found = [row for item in reading.items(skip_damaged=False) for _, row, _ in item]
    assert [[a.text for a in row.answers] for row in found] == [[GOOD, f"{BAD} {n}"] for n in range(3)]
    assert (reading.format, reading.ignored) == ("preferences", {"margin"})
    if packed or kind in ("json", "parquet", "feather"):
        file.write_bytes(file.read_bytes()[:-12])
        with pytest.raises(BadInput, match=r"cut off|is damaged"):
            rows(file)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("posts.xml", b"<posts/>", r"of type .xml, and read are .txt, .*: convert or rename it"),
        ("rows", b"x", "has no suffix"),
        ("rows.csv", b"prompt,prompt\na,b\n", "two columns of one name"),
        ("rows.csv", b'prompt\n"never closed\n', r"cannot be read after row 0 .unexpected end of data"),
        (
            "rows.json",
            b'[{"prompt": "a"}, {"prompt": }]',
            r"damaged or cut off in item 2 .Expecting value",
        ),
        ("rows.jsonl.gz", b"plain", "not compressed by gzip"),
        ("rows.parquet", b"PAR1 not at all", "no table of Parquet or Arrow, or is damaged"),
        ("rows.csv", b"a,b\n1,2\n", r"row 1: neither `prompt` .* found a, b"),
        ("rows.csv", b"prompt,id\none\n", r"row 1: 1 cells, and the first row names 2 columns"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=said) as refused:
        rows(tmp_path / name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["[3, 1, 2]", '{"a": 1}', "[Draft] A letter", "[]", '[{"a": 1}]'])
def test_a_text_that_is_json_itself_stays_a_text(tmp_path: Path, text: str) -> None:
    pair = {"model_a": "x", "model_b": "y", "prompt": text, "response_a": text, "response_b": GOOD, "winner": "tie"}
    for row in of(tmp_path, {"prompt": text}, {"prompt": text, "chosen": text, "rejected": GOOD}, pair):
        assert row.messages == [{"role": "user", "content": text}]
        assert not row.answers or row.answers[0].text == text


@pytest.mark.parametrize("fold", [True, False])
def test_a_system_turn_stands_before_the_users_words_where_that_is_asked_for(tmp_path: Path, fold: bool) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"messages": [SYSTEM, {"role": "user", "content": ASK}]}))
    (((prompt, _, _),),) = Reading(file, fold_system=fold).items(skip_damaged=False)
    said = [(turn["role"], turn["content"]) for turn in prompt.messages]
    assert said == ([("user", f"Be brief.\n\n{ASK}")] if fold else [("system", "Be brief."), ("user", ASK)])


def test_a_format_that_is_not_known_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no format 'preference': name preferences"):
        Reading(written(tmp_path, "preferences"), format="preference")
