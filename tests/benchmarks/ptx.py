"""What PTX keeps of the base and what it costs: `python -m tests.benchmarks.ptx --coefs 0 0.2 1`.

On `tiny`: prompts are answered by the base and ranked by eight simulated annotators, a reward model learns from that,
and one PPO run from the base for each `ptx_coef` trains against it, all of one seed. A line of JSON for each.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from rlhf.commands.init import begin
from rlhf.commands.options import InitOptions
from rlhf.jobs.execute import execute, start
from store.records import Json
from store.workspace import Workspace


def main() -> None:
    """Print a line of JSON for each coefficient."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coefs", type=float, nargs="+", default=[0.0, 0.2])
    parser.add_argument("--prompts", type=int, default=1600)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace")
        begin(workspace.folder, InitOptions())

        def run(kind: str, settings: Json, **options_of: object) -> Json:
            return execute(workspace, start(workspace, kind, {"settings": settings, **options_of}))

        seeds = {name: {"seed": options.seed} for name in ("sampling", "reward", "ppo")}
        run("generate", {**seeds, "generate": {"prompts": options.prompts}})
        run("simulate", {}, count=8, seed=options.seed)
        run("rate", {})
        run("reward", seeds)
        for coef in options.coefs:
            began = time.monotonic()
            told = run("ppo", {**seeds, "ppo": {"seed": options.seed, "ptx_coef": coef}}, again=True)
            seconds = round(time.monotonic() - began)
            judge = {"evaluate": {"samples": 2, "best_of": 0, "seed": options.seed}}
            found = run("evaluate", judge, models=[told["policy"]], judge="simulated")
            row, base = found["policies"][0], found["of_baseline"]
            named = {name: row[name] for name in ("win_rate", "low", "high", "score", "kl", "forgetting", "ended")}
            print(json.dumps({"ptx_coef": coef, "seconds": seconds, "base": base["forgetting"], **named}), flush=True)


if __name__ == "__main__":
    main()
