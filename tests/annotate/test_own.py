"""One's own figures: of oneself only, and only when there are enough."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from annotate.own import own_figures
from store import models
from store.records import Model, Rating, Role

Line = Callable[..., dict[str, Any]]
Rated = Callable[..., Rating]
KNOWN = {"tau": 0.624, "consistency": 0.875, "repeats": 4, "seconds": 31.6, "gold_accuracy": 0.37, "gold": 9}


def test_ones_own_figures_and_the_groups_alpha(db: Database, rated: Rated, line: Line) -> None:
    rows = [line("bo", tau=0.111), line("ada", **KNOWN, rankings=34, reliability=0.71, flagged=True)]
    rated(db, {"alpha": 0.413, "by_annotator": rows})
    html = own_figures(db, "ada")
    for told in ("34 rankings", "0.62", "0.41", "88%", "4 times", "32 s"):
        assert told in html
    # Others, how much a ranking counts, and all that would tell of known answers.
    for kept in ("bo", "0.11", "0.71", "37", "old", "flag", "hidden-model"):
        assert kept not in html


@pytest.mark.parametrize(("made", "shown"), [(9, False), (10, True)])
def test_nothing_from_a_few_rankings(db: Database, rated: Rated, line: Line, made: int, shown: bool) -> None:
    assert own_figures(db, "ada") == ""
    rated(db, {"alpha": None, "by_annotator": [line("ada", rankings=made)]})
    assert bool(own_figures(db, "ada")) == shown
    assert own_figures(db, "bo") == ""


def test_an_old_rating_has_no_own_figures(db: Database, rated: Rated) -> None:
    rated(db, {"alpha": 0.4})
    assert own_figures(db, "ada") == ""


def test_the_page_tells_an_annotator_of_nobody_else(
    sign_in: Callable[[str, Role], TestClient], call: Callable[..., Any], db: Database, rated: Rated, line: Line
) -> None:
    models.add(db, Model("policy-secret", "policy", "tiny", 1))
    rated(db, {"alpha": 0.4, "by_annotator": [line("Zachary", tau=0.1), line("Eva", **KNOWN)]})
    client = sign_in("Eva", "annotator")
    (html,) = call(client, "/annotate", "own")
    (view,) = call(client, "/annotate", "load")
    page = client.get("/annotate/").text + client.get("/annotate/config").text + html + str(view)
    assert "0.62" in html
    for kept in ("zachary", "policy", "hidden-model", "gold", "known answer", "promote"):
        assert kept not in page.lower()
