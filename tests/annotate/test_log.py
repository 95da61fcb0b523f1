"""What the page tells of a job while it runs: the end of its log, the time left, and what the worker does."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from annotate.panels.jobs import job_list
from annotate.panels.log import BYTES, LINES, log, tail
from annotate.panels.parts import about
from store import jobs, workers
from tests.annotate.test_hostile import assert_escaped_once, attack


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"", []),
        (b"one\n\n  two  \nthree", ["one", "  two", "three"]),
        (b"10%\r20%\r30%\n", ["10%", "20%", "30%"]),
        (b"half \xf0\x9f\n", ["half \ufffd"]),
        (b"x" * (BYTES + 5) + b"\nlast\n", ["last"]),
        (b"".join(b"%d\n" % n for n in range(9999)), [str(n) for n in range(9999 - LINES, 9999)]),
    ],
)
def test_the_end_of_a_log_whatever_is_in_it(tmp_path: Path, written: bytes, read: list[str]) -> None:
    (tmp_path / "a.log").write_bytes(written)
    assert tail(tmp_path / "a.log") == read
    assert tail(tmp_path / "none.log") == tail(tmp_path) == []


def test_a_log_is_shown_while_its_job_runs_and_when_it_failed(db: Database, tmp_path: Path) -> None:
    running, other = jobs.enqueue(db, "round"), jobs.enqueue(db, "rate")
    for job in (running, other):
        (tmp_path / f"job-{job}.log").write_text(attack(f"line {job}"))
    assert log(db, tmp_path) == ""
    jobs.claim(db, os.getpid(), running)
    assert_escaped_once(log(db, tmp_path), "line 1")
    assert attack("line 2") not in log(db, tmp_path)
    jobs.finish(db, running, {})
    assert log(db, tmp_path) == ""
    jobs.claim(db, os.getpid(), other)
    jobs.fail(db, other, "no")
    assert_escaped_once(log(db, tmp_path), "line 2")


@pytest.mark.parametrize(
    ("passed", "done", "said"), [(600, 0.75, "about 3 minutes left"), (600, 0.01, ""), (5, 0.5, "")]
)
def test_the_time_left_is_by_the_pace_so_far(db: Database, passed: int, done: float, said: str) -> None:
    job = jobs.enqueue(db, "round")
    jobs.claim(db, os.getpid(), job)
    jobs.report(db, job, done, "training")
    since = (datetime.now(UTC) - timedelta(seconds=passed)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    db.execute("UPDATE leases SET since = ?", [since])
    shown = job_list(db)
    assert (" left" in shown, said in shown) == (bool(said), True)


def test_a_time_in_the_unit_that_fits() -> None:
    told = [about(seconds) for seconds in (1, 50, 100, 3000, 6000, 90_000, 200_000)]
    assert told == [
        "less than a minute",
        "about a minute",
        "about 2 minutes",
        "about 50 minutes",
        "about 2 hours",
        "about 25 hours",
        "about 2 days",
    ]


def test_a_worker_says_what_it_does(db: Database) -> None:
    workers.beat(db, None, "")
    assert "· waits for a job" in job_list(db)
    job = jobs.enqueue(db, "rate")
    jobs.claim(db, os.getpid(), job)
    assert f"· does job {job}<" in job_list(db)
