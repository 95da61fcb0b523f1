"""Short forms of the drills: nothing that was acknowledged is lost, and nothing is done twice."""

import pytest

from tests.drills import doubles, people


@pytest.mark.slow
def test_pages_that_are_killed_lose_no_acknowledged_ranking() -> None:
    row = people.drill(1, 6)
    assert not row.broken


@pytest.mark.slow
def test_of_several_trainings_at_once_one_begins() -> None:
    assert not doubles.drill(10).broken


@pytest.mark.slow
def test_a_dead_workers_job_is_taken_once() -> None:
    assert not doubles.drill_left(10).broken
