"""Results as people read them."""

import ast
import dataclasses
import inspect
import textwrap

import pytest

import launch
from rlhf.commands.console import UNITS, UNUSUAL, harmless, readable
from store.results import AnnotatorFigures, RatingFigures, as_json


def test_lines_tables_and_what_is_left_out() -> None:
    shown = readable(
        {
            "open_tasks": 3,
            "alpha": 0.123456,
            "nothing": None,
            "empty": [],
            "models": [
                {"name": "base", "parent": None, "elo": 1000.0, "good": True, "note": "", "examples": ["a"]},
                {"name": "policy-1", "parent": "base", "elo": 87.25, "good": False, "note": "", "examples": []},
            ],
            "agreement": {"low": 0.5, "high": 1},
            "curve": [[1, 0.5], [2, 0.75]],
        }
    )
    assert shown.splitlines() == [
        "open tasks: 3",
        "alpha: 0.1235",
        "models:",
        "  name      parent    elo  good",
        "  base      -        1000  yes",
        "  policy-1  base    87.25  no",
        "agreement:",
        "  low: 0.5",
        "  high: 1",
        "curve: 1, 0.5, 2, 0.75",
    ]


def under_field(record: type, name: str) -> str:
    """The string that stands under a field in the source of a record, in one line and with printed apostrophes."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(record))).body
    assert isinstance(body, ast.ClassDef)
    (place,) = [
        i for i, node in enumerate(body.body) if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name
    ]
    text = ast.literal_eval(body.body[place + 1].value)  # type: ignore[attr-defined]
    return " ".join(text.split()).replace("'", "’")


ADA = AnnotatorFigures("ada", rankings=12, tau=0.5, reliability=1.637, seconds=8.0)
RATED = as_json(RatingFigures(rankings=12, alpha=0.41, seconds=2.5, vote_agreement=0.75, by_annotator=(ADA,)))


def test_unusual_words_are_explained_by_the_docstrings_of_the_records() -> None:
    shown = readable(RATED, "rate").splitlines()
    assert shown == [
        "rankings: 12",
        "people: 0",
        "simulated: 0",
        "prompts: 0",
        "responses: 0",
        "annotators: 0",
        "alpha: 0.41",
        "seconds: 2.5 s",
        "vote agreement: 0.75",
        f"* alpha: {under_field(RatingFigures, 'alpha')}",
        f"* vote agreement: {under_field(RatingFigures, 'vote_agreement')}",
        "by annotator:",
        "  name  rankings  tau  reliability  repeats  gold  flagged  seconds",
        "  ada         12  0.5        1.637        0     0  no             8",
        *(
            f"  * {word}: {under_field(AnnotatorFigures, word)}"
            for word in ("tau", "reliability", "flagged", "seconds")
        ),
    ]


def test_a_word_that_is_not_shown_is_not_explained() -> None:
    shown = readable(as_json(RatingFigures(rankings=12)), "rate")
    assert "*" not in shown  # nothing was ranked twice, so neither alpha nor any other unusual word has a value
    assert "*" not in readable(RATED["by_annotator"][0])  # and a result that is no record of ours has no legend


def test_a_part_of_a_result_is_explained_under_its_own_name() -> None:
    status = {"prompts": 3, "agreement": {"alpha": 0.41, "low": 0.2}, "by_annotator": [as_json(ADA)]}
    shown = readable(status, "status")
    assert shown.splitlines()[1:5] == [
        "agreement:",
        "  alpha: 0.41",
        "  low: 0.2",
        f"  * alpha: {under_field(RatingFigures, 'alpha')}",
    ]
    assert f"  * tau: {under_field(AnnotatorFigures, 'tau')}" in shown


@pytest.mark.parametrize("block", UNUSUAL)
def test_every_unusual_word_is_a_field_with_a_meaning(block: str) -> None:
    record, words = UNUSUAL[block]
    assert set(words) <= {field.name for field in dataclasses.fields(record)}
    assert all(under_field(record, word) for word in words)


def test_every_unit_belongs_to_a_number_of_a_record() -> None:
    assert UNITS.keys() <= {field.name for record, _ in UNUSUAL.values() for field in dataclasses.fields(record)}


def test_a_person_reads_the_meanings_and_a_program_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch, "_function", lambda command: lambda call: RATED)
    assert launch.main(["rate"]) == 0
    assert "\n* alpha: Krippendorff" in capsys.readouterr().out
    assert launch.main(["rate", "--json"]) == 0
    assert "Krippendorff" not in capsys.readouterr().out


def test_an_answer_cannot_steer_the_terminal() -> None:
    assert harmless("a\x1b[2J\rb\n\tc é 👩‍🍳\x9b") == "a\\x1b[2J\\rb\n\tc é 👩‍🍳\\x9b"
    assert readable({"said": "a\x1b[2J\nb"}) == "said: a\\x1b[2J b"
