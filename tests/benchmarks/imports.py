"""How fast many preferences are imported, and in how much memory: `python -m tests.benchmarks.imports`.

The rows are made here, each with a prompt and two responses of its own, written as JSON Lines to a temporary folder,
and imported by the command into a new workspace on `tiny`. Peak memory is that of the process that imports, with all
libraries that the command loads; it is measured for the tenth of the rows as well, and should hardly grow.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PEOPLE, MODELS = 50, 8
WORDS = ("bread", "yeast", "flour", "oven", "warm", "cold", "water", "salt", "time", "table", "early", "late")
IMPORT = """
import resource, sys, launch
status = launch.main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_maxrss / 1024, used.ru_utime + used.ru_stime, file=sys.stderr)
sys.exit(status)
"""


def main() -> None:
    """Print a line of JSON for a tenth of the rows, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for rows in (options.rows // 10, options.rows):
            print(json.dumps(measure(Path(folder), rows)), flush=True)


def measure(folder: Path, rows: int) -> dict[str, float]:
    """Import so many rows; seconds by the clock and of the processor, rows a second of these, and MiB at the peak."""
    file, workspace = folder / f"{rows}.jsonl", folder / f"workspace-{rows}"
    write(file, rows)
    run("init", "--workspace", workspace)
    started = time.monotonic()
    done = run("import", file, "--workspace", workspace, "--json")
    seconds = time.monotonic() - started
    peak, cpu = used(done)
    told = json.loads(done.stdout)
    assert (told["imported"], told["rankings"], told["responses"]) == (rows, rows, 2 * rows), told
    return {
        "rows": rows,
        "megabytes": round(file.stat().st_size / 1e6, 1),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "rows_per_cpu_second": round(rows / cpu),
        "peak_mib": round(peak),
        "store_megabytes": round((workspace / "feedback.db").stat().st_size / 1e6, 1),
    }


def write(file: Path, rows: int) -> None:
    """Preferences of `PEOPLE` people between answers of `MODELS` versions."""
    rng = random.Random(rows)
    with file.open("w", encoding="utf-8") as out:
        for number in range(rows):
            one, other = rng.sample(range(MODELS), 2)
            said = {
                "prompt": f"Question {number}: {' '.join(rng.choices(WORDS, k=12))}?",
                "chosen": f"{' '.join(rng.choices(WORDS, k=40))}.",
                "rejected": f"{' '.join(rng.choices(WORDS, k=40))}.",
                "chosen_model": f"model-{one}",
                "rejected_model": f"model-{other}",
                "annotator": f"person-{rng.randrange(PEOPLE)}",
                "score": rng.random(),
            }
            out.write(json.dumps(said) + "\n")


def used(done: subprocess.CompletedProcess[str]) -> tuple[float, float]:
    """Peak memory in MiB and seconds of the processor, as the process printed them last."""
    peak, cpu = done.stderr.splitlines()[-1].split()
    return float(peak), float(cpu)


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    """A command of the launcher in a process of its own, whose last line on stderr says what it used."""
    return subprocess.run([sys.executable, "-c", IMPORT, *map(str, argv)], capture_output=True, text=True, check=True)


if __name__ == "__main__":
    main()
