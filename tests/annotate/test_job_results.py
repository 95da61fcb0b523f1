"""What the list of jobs shows of a result that holds several: of the last one."""

import re

from sqlite_utils import Database

from annotate.panels.jobs import job_list
from store import jobs
from store.records import Json


def shown(db: Database, kind: str, result: Json) -> dict[str, str]:
    job = jobs.enqueue(db, kind)
    jobs.finish(db, job, result)
    return dict(re.findall(r"<span>([^<]*) <b>([^<]*)</b></span>", str(job_list(db))))


def test_an_evaluation_shows_its_last_policy_and_who_judged(db: Database) -> None:
    rows = [
        {
            "name": f"policy-{i}",
            "win_rate": 0.5 + i / 10,
            "low": 0.4,
            "high": 0.9,
            "kl": 2.5,
            "reward": None,
            "best_of_n": [],
        }
        for i in (1, 2)
    ]
    found = shown(db, "evaluate", {"baseline": "base", "judge": "reward-1", "prompts": 150, "policies": rows})
    assert (found["policy"], found["win rate"], found["baseline"]) == ("policy-2", "0.7", "base")
    assert found["judge"] == "reward-1"
    assert "reward" not in found  # which is not known


def test_a_round_shows_the_last_of_them(db: Database) -> None:
    assert shown(db, "loop", {"rounds": [{"round": 1}, {"round": 2}]}) == {"round": "2"}
