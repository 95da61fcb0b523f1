"""The short form of the drill: a job killed around each of its products, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_killed_around_each_product_a_job_ends_as_if_undisturbed() -> None:
    command = [sys.executable, "-m", "tests.drills.crash_points", "--short", "generate", "round"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "| generate 2, round 14 = 16 points | 16 end as if undisturbed | 0 |" in done.stdout
