"""The evaluation and the lineage on the research page: the stored figures, and a picture that is true to them."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from annotate.charts import Line, Spot, plane
from annotate.panels.evaluation import evaluation
from annotate.panels.lineage import lineage, places
from store import jobs, models
from store.records import Model
from store.results import (
    AnswerFigures,
    BestOfN,
    Evaluation,
    Forgetting,
    PolicyEvaluation,
    TunedFigures,
    as_json,
)
from tests.annotate.test_panels import Read

BEST = tuple(
    BestOfN(n, rate, rate - 0.1, rate + 0.1, 0.3, None, kl) for n, rate, kl in ((1, 0.5, 0.0), (4, 0.66, 0.64))
)


def evaluated(db: Database, name: str = "policy-1", **told: Any) -> None:
    """A job that evaluated one version, whose KL is 4 and win rate .75 unless something else is told."""
    figures = {"win_rate": 0.75, "low": 0.68, "high": 0.82, "win_rate_length_controlled": None, "prompts": 40}
    distance = {"kl": 4.0, "kl_error": 0.4, "best_of_n": BEST}
    row = PolicyEvaluation(name, 1.25, None, 29.1, 0.975, 0.722, 0.012, 0.809, **(figures | distance | told))
    base = AnswerFigures("base", 0.0, None, 26.4, 1.0, 0.7, 0.01, 0.72)
    made = Evaluation("base", "people", "reward-1", 40, 2, 1.0, base, (row,), {}, ("Beware of the dog.",))
    jobs.finish(db, jobs.enqueue(db, "evaluate"), as_json(made))


def test_the_table_has_the_baseline_best_of_n_and_the_versions(db: Database) -> None:
    evaluated(db)
    read = Read(evaluation(db))
    titles, *rows = read.rows
    assert [row[0] for row in rows] == ["base", "best of 4", "policy-1"]
    told = dict(zip(titles, rows[2], strict=True))
    assert told["Win rate, 95%"] == "0.75 0.68 to 0.82"
    assert told["KL"] == "4.00 ± 0.40"
    assert told["Forgetting"] == "0.81"
    assert dict(zip(titles, rows[1], strict=True))["KL"] == "0.64 at most"
    assert not {"Score", "At one length"} & set(titles)  # nobody knows them
    assert "Win rates are against base, by people." in read.text
    assert "Beware of the dog." in read.text
    assert "Share of the answers that ended within the limit." in read.text


def test_the_latest_evaluation_is_shown_and_one_that_measured_nothing_is_none(db: Database) -> None:
    assert "Nothing was evaluated yet" in evaluation(db)
    evaluated(db, "policy-7")
    evaluated(db, "policy-8")
    jobs.finish(db, jobs.enqueue(db, "evaluate"), {})
    text = Read(evaluation(db)).text
    assert "policy-8" in text
    assert "policy-7" not in text


def test_a_spot_lies_at_the_root_of_its_kl_and_the_height_of_its_win_rate(db: Database) -> None:
    evaluated(db)
    drawn = evaluation(db).split("<figure")[1]
    # The furthest version is at the right edge; best of 4, at a root of .8 of 2, is at 40% of the width.
    assert re.findall(r'<i class="versions" style="left:(.*?)%;top:(.*?)%"', drawn) == [
        ("0.00", "50.00"),
        ("100.00", "25.00"),
    ]
    assert re.findall(r'<i class="best" style="left:(.*?)%;top:(.*?)%"', drawn)[1] == ("40.00", "34.00")
    assert "top:18.00%;height:14.00%" in drawn  # .68 to .82


@pytest.mark.parametrize("told", [{"win_rate": None, "low": None, "high": None, "best_of_n": ()}, {"kl": -0.01}])
def test_what_is_not_known_is_not_drawn(db: Database, told: dict[str, Any]) -> None:
    evaluated(db, **told)
    html = evaluation(db)
    assert ("Win rate, by people" in html) == ("kl" in told)
    assert "None" not in html


def test_a_plane_of_nothing_is_empty_and_of_one_point_drawn() -> None:
    assert plane("a", "x", []) == ""
    assert "left:0.00%" in plane("a", "x", [Line("b", "c", (Spot(0.0, 0.2, "d"),))])


def family(parents: Sequence[int]) -> list[Model]:
    """Policies 1, 2, ... of which each is the child of an older one; 0 is nobody."""
    return [Model(f"p{i}", "policy", "tiny", parent or None, id=i) for i, parent in enumerate(parents, 1)]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12).flatmap(lambda n: st.tuples(*(st.integers(0, i) for i in range(n)))))
def test_a_tree_has_everybody_below_their_parent_and_no_line_through_another_dot(parents: tuple[int, ...]) -> None:
    placed = places(family(parents))
    assert sorted(place.model.id for place in placed) == list(range(1, len(parents) + 1))
    assert [place.row for place in placed] == list(range(len(parents)))
    for place in placed:
        assert (place.parent.model.id if place.parent else None) == (place.model.parent_id or None)
        if place.parent:
            assert place.parent.row < place.row
            # The line runs down the parent's lane to the row above, and bends there.
            between = [p for p in placed if place.parent.row < p.row < place.row]
            assert all(p.lane != place.parent.lane for p in between)
    assert len({(p.row, p.lane) for p in placed}) == len(placed)


def test_the_longest_line_goes_straight_down() -> None:
    placed = places(family([0, 1, 1, 3, 3, 4]))  # 1 <- 2; 1 <- 3 <- 4 <- 6; 3 <- 5
    assert [(p.model.id, p.lane) for p in placed] == [(1, 0), (2, 1), (3, 0), (5, 1), (4, 0), (6, 0)]


def test_a_line_of_a_thousand_rounds_is_placed() -> None:
    placed = places(family(range(1000)))
    assert {place.lane for place in placed} == {0}


def test_each_policy_says_how_it_was_made_what_it_forgot_and_how_far_it_is(db: Database) -> None:
    told = TunedFigures(
        steps=9,
        loss_before=0.69,
        loss_after=0.44,
        forgetting=Forgetting(0.72, 0.81),
        seconds=1.0,
        examples=5,
        heldout=5,
        kl=2.84,
    )
    models.add(db, Model("policy-1", "policy", "tiny", 1, None, None, as_json(told), made_by="dpo"))
    models.promote(db, 2, "Rosa", {})
    tree = lineage(db).split("<table")[0]
    text = " ".join(Read(tree).text.split())
    assert "policy-1default generatordpo from hidden-model-0KL 2.8 forgetting +0.09 loss 0.69 → 0.44" in text
    assert len(re.findall("<circle", tree)) == 2
    assert len(re.findall("<path", tree)) == 1
