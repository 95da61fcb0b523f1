"""The whole path on `tiny`, seed by seed: `python -m tests.benchmarks.path --seeds 0 1 2`.

Each seed: 1,600 prompts are answered by the base and ranked by eight simulated annotators; then supervised
fine-tuning on 600 demonstrations, DPO from the base and from there, PPO from there. Each policy is judged by the
annotators' true utility on prompts that nobody ranked, against the base and against the fine-tuned policy.
"""

import argparse
import dataclasses
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from rlhf.commands.init import begin
from rlhf.commands.options import InitOptions
from rlhf.jobs.execute import execute, start
from rlhf.settings import SamplingConfig, settings_of
from rlhf.tiny.annotator import utility
from rlhf.tiny.prompts import evaluation_prompts, new_topic_prompts
from rlhf.training.models import RoleModel
from rlhf.training.sampling import sample
from store import models
from store.records import Json
from store.workspace import Workspace
from tests.demonstrations import demonstrations

SHOWN, DRAWS = 660, 2
"""Demonstrations, of which about a tenth is held out; answers of a policy to each prompt."""


def main() -> None:
    """Print a line of JSON for each policy of each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--prompts", type=int, default=1600)
    options = parser.parse_args()
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            workspace = Workspace(Path(folder) / "workspace")
            begin(workspace.folder, InitOptions())
            seconds = trained(workspace, seed, options.prompts, Path(folder) / "demonstrations.jsonl")
            for row in judged(workspace, seed):
                print(json.dumps({"seed": seed, "seconds": seconds.get(row["policy"]), **row}), flush=True)


def trained(workspace: Workspace, seed: int, prompts: int, file: Path) -> dict[str, float]:
    """Make the policies; returns the seconds of each, those of PPO with its reward model's."""
    seeds = {name: {"seed": seed} for name in ("sampling", "reward", "ppo", "sft", "dpo")}

    def run(kind: str, settings: Json | None = None, **options: object) -> tuple[Json, float]:
        began = time.monotonic()
        told = execute(workspace, start(workspace, kind, {"settings": {**seeds, **(settings or {})}, **options}))
        return told, time.monotonic() - began

    rows = [{"prompt": asked, "completion": answer} for asked, answer in demonstrations(SHOWN, seed)]
    file.write_text("\n".join(map(json.dumps, rows)))
    run("generate", {"generate": {"prompts": prompts}})
    run("simulate", count=8, seed=seed)
    run("rate")
    seconds = {}
    straight, seconds["policy-1"] = run("dpo")
    assert straight["policy"] == "policy-1"
    shown, seconds["policy-2"] = run("sft", data=str(file), start="base")
    _, seconds["policy-3"] = run("dpo", start=shown["policy"])
    _, rewarded = run("reward")
    _, seconds["policy-4"] = run("ppo")
    seconds["policy-4"] += rewarded
    return seconds


NAMES = {"policy-1": "DPO", "policy-2": "SFT", "policy-3": "SFT, then DPO", "policy-4": "SFT, then PPO"}


def judged(workspace: Workspace, seed: int) -> list[Json]:
    """Utility and win rates of each policy, on ranked topics and on new ones."""
    known, new = evaluation_prompts(), new_topic_prompts()
    chats = [[{"role": "user", "content": p.text}] for p in (*known, *new)]
    config = SamplingConfig(responses=DRAWS, seed=seed + 1000)
    model = RoleModel(**dataclasses.asdict(settings_of(workspace).model))
    with workspace.store() as db:
        versions = models.every(db, "policy")
    found = {}
    for version in versions:
        if version.path:
            model.load("policy", workspace.folder / version.path)
        groups = sample(model, chats, config, role="policy" if version.path else "base")
        found[version.name] = np.array(
            [[utility(c[-1]["content"], s.text) for s in group] for c, group in zip(chats, groups, strict=True)]
        )
    ranked, unknown = slice(len(known)), slice(len(known), None)
    parents = {m.id: m.name for m in versions}
    return [
        {
            "policy": m.name,
            "made": NAMES[m.name],
            "from": parents[m.parent_id or 0],
            "utility": round(float(found[m.name][ranked].mean()), 3),
            "win": _wins(found[m.name][ranked], found["base"][ranked]),
            "win_new_topics": _wins(found[m.name][unknown], found["base"][unknown]),
            "win_against_sft": _wins(found[m.name][ranked], found["policy-2"][ranked]),
            **{name: m.metrics.get(name) for name in ("loss_before", "loss_after", "forgetting", "kl")},
        }
        for m in versions
        if m.path
    ]


def _wins(new: np.ndarray, old: np.ndarray) -> float:
    """Share of all meetings of the draws of a prompt that go to the new one; equal is half."""
    pairs = new[:, :, None] - old[:, None, :]
    return round(float(((pairs > 0) + 0.5 * (pairs == 0)).mean()), 3)


if __name__ == "__main__":
    main()
