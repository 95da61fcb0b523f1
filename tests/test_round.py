"""The whole loop through the launcher, on folders that hold a Qwen2 and a Llama of random weights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import launch
from store import annotators, models, prompts, rankings, responses, rounds, tasks
from store.workspace import Workspace

WORDS = ("tea", "coffee", "water", "rice", "bread", "soup", "cake", "red", "blue", "green")
SETTINGS = """
[sampling]
max_new_tokens = 12
[generate]
prompts = 12
[reward]
epochs = 2
learning_rate = 5e-3
[ppo]
steps = 2
prompts_per_step = 8
max_new_tokens = 12
calibration = 8
learning_rate = 1e-3
"""

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """The JSON object that a command prints."""

    def call(*argv: object) -> dict[str, Any]:
        capfd.readouterr()
        status = launch.main([*map(str, argv), "--json"])
        out, err = capfd.readouterr()
        assert status == 0, err
        return dict(json.loads(out))

    return call


def begin(run: Run, base: Path, folder: Path, *, prompts: int, settings: str = SETTINGS) -> Workspace:
    """A workspace on a base model, with random prompts and settings that end soon."""
    rng = np.random.default_rng(0)
    lines: set[str] = set()
    while len(lines) < prompts:
        lines.add(" ".join(rng.choice(WORDS, 4)))
    folder.with_suffix(".txt").write_text("\n".join(sorted(lines)))
    made = run("init", "--base-model", base, "--prompts", folder.with_suffix(".txt"), "--workspace", folder)
    assert made["prompts"] == prompts
    toml = folder / "workspace.toml"
    # In place of how the model's own generation config says to sample, which `init` has written.
    toml.write_text(toml.read_text().split("[sampling]")[0] + settings)
    return Workspace(folder)


def rank_all(workspace: Workspace, *, like: str = "") -> int:
    """People rank whatever is open: answers of the version that they `like` first, then the longest."""
    done = 0
    with workspace.store() as db:
        liked = models.named(db, like).id if like else 0
        for name in ("ada", "ben", "cleo", "dan"):
            annotators.ensure(db, name)
            while free := tasks.free_for(db, name, 50):
                for task_id in free:
                    shown = responses.of_task(db, task_id)
                    lease = tasks.lease(db, task_id, name, [r.id for r in shown])
                    worth = {r.id: (r.model_id != liked, -len(r.text)) for r in shown}
                    order = {value: level for level, value in enumerate(sorted(set(worth.values())), start=1)}
                    rankings.submit(db, str(lease.lease), name, {r.id: order[worth[r.id]] for r in shown})
                    done += 1
    return done


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["qwen2", "llama"])
def test_a_round_on_a_folder(kind: str, make_base: Callable[..., Path], run: Run, tmp_path: Path) -> None:
    workspace = begin(run, make_base(kind), tmp_path / "w", prompts=80)
    here = ("--workspace", workspace.folder)
    generated = run("generate", "--prompts", 0, *here)
    assert generated["prompts"] == 80
    ranked = rank_all(workspace)
    assert ranked == generated["tasks"]

    # Weights are random: no such reward model passes the gate.
    (first,) = run("round", "--force", *here)["rounds"]
    keys = {"round", "policy", "rankings", "reward_accuracy", "reward_before", "reward_after", "kl", "win_rate"}
    assert keys | {"seconds"} <= first.keys()
    assert (first["round"], first["policy"], first["rankings"]) == (1, "policy-1", ranked)
    with workspace.store() as db:
        policy, judge = models.named(db, "policy-1"), models.named(db, "reward-1")
        assert [m.name for m in models.lineage(db, policy.id)] == ["policy-1", "base"]
        assert policy.reward_id == judge.id
        fresh = responses.of_model(db, policy.id)
        assert len({r.prompt_id for r in fresh}) == 12
        versions = {r.model_id for r in responses.of_task(db, tasks.free_for(db, "ada", 1)[0])}
        assert versions == {policy.id, models.named(db, "base").id}  # the earlier version is mixed in
    assert (workspace.folder / str(policy.path) / "adapter_model.safetensors").exists()

    # A finished round is not run again: it says what it lacks.
    assert launch.main(["round", *map(str, here)]) == 2
    assert rank_all(workspace, like="policy-1") > 0
    (second,) = run("round", "--force", "--min-rankings", 1, "--auto-promote", *here)["rounds"]
    assert (second["round"], second["policy"]) == (2, "policy-2")
    status = run("status", *here)
    assert status["rounds"] == 2
    # People have preferred policy-1 to the base on all twelve prompts: it generates from now on.
    assert (status["leaderboard"]["decision"], status["generator"]) == ("newest beats base", "policy-1")
    assert run("generate", "--prompts", 2, *here)["model"] == "policy-1"
    assert {m["name"]: m["parent"] for m in status["models"]}["policy-2"] == "policy-1"


@pytest.mark.slow
def test_a_broken_off_round_goes_on_where_it_stopped(
    make_base: Callable[..., Path], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlhf import loop

    workspace = begin(run, make_base("llama"), tmp_path / "w", prompts=60)
    here = ("--workspace", workspace.folder)
    run("generate", "--prompts", 0, *here)
    rank_all(workspace)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(loop, "ppo", stop)
        assert launch.main(["round", "--force", *map(str, here)]) == 1
    with workspace.store() as db:
        before = models.named(db, "reward-1")
    (done,) = run("round", "--force", *here)["rounds"]
    assert done["round"] == 1
    with workspace.store() as db:
        assert [m.name for m in models.every(db, "reward")] == ["reward-1"]
        assert models.named(db, "reward-1") == before
        assert len(rounds.every(db)) == 1


@pytest.mark.slow
def test_a_poor_reward_model_is_refused_and_says_what_it_would_take(
    make_base: Callable[..., Path], run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    strict = SETTINGS + "[gate]\nmin_accuracy = 0.999\n"
    workspace = begin(run, make_base("llama"), tmp_path / "w", prompts=60, settings=strict)
    here = ("--workspace", workspace.folder)
    run("generate", "--prompts", 0, *here)
    rank_all(workspace)
    run("rate", *here)
    judged = run("reward", *here)
    assert judged["passes"] is False
    assert judged["foretold_prompts"] > 40
    capfd.readouterr()
    assert launch.main(["ppo", *map(str, here)]) == 2
    line = capfd.readouterr().err.strip().splitlines()[-1]
    assert "PPO does not use reward-1 yet." in line
    assert "min_accuracy asks for 99.9%" in line or "it cannot be told whether" in line
    assert "--force" in line
    with workspace.store() as db:
        assert [m.name for m in models.every(db, "policy")] == ["base"]
    forced = run("ppo", "--force", *here)
    assert forced["forced"] is True


def test_rankings_below_the_minimum_are_counted(make_base: Callable[..., Path], run: Run, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("tea\ncoffee\n")
    run("init", "--base-model", make_base("llama"), "--prompts", tmp_path / "p.txt", "--workspace", tmp_path / "w")
    with Workspace(tmp_path / "w").store() as db:
        assert prompts.count(db) == 2
    assert launch.main(["round", "--workspace", str(tmp_path / "w")]) == 2
