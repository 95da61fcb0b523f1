"""`models`: what is known of each version, read from the store and from its folder, without loading any."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import launch
from store import jobs, models
from store.records import Model
from store.results import (
    AnswerFigures,
    Evaluation,
    Forgetting,
    PolicyComparison,
    PolicyEvaluation,
    RewardJudgement,
    TunedFigures,
    as_json,
)
from store.workspace import Workspace, create

ROOT = Path(__file__).resolve().parents[3]
JUDGED = RewardJudgement(0.81, 0.7, 0.9, 0.4, 0.1, 9, 8, 2, 0.0, 1.0, True)
COMPARED = PolicyComparison(5, "", 0.0, 1.0, False, 0.1, 1.2, 0.0, 6.5, 3.0, 0.74, "reward-1", 0.5, 9.0)
TUNED = TunedFigures(30, 2.0, 1.5, Forgetting(0.5, 0.75), 9.0, 100, 20, kl_reference=0.8)


def evaluation(win_rate: float) -> Evaluation:
    """One in which policy-2 wins so often against the base."""
    same: dict[str, Any] = {
        "reward": 0.1,
        "score": None,
        "length": 9.0,
        "ended": 1.0,
        "distinct": 0.5,
        "repeated": 0.1,
    }
    base = AnswerFigures("base", **same, forgetting=None)
    policy = PolicyEvaluation(
        "policy-2", **same, forgetting=None, win_rate=win_rate, low=win_rate - 0.1, high=win_rate + 0.1,
        win_rate_length_controlled=None, prompts=20, kl=3.0, kl_error=None,
    )  # fmt: skip
    return Evaluation("base", "reward-1", "reward-1", 20, 1, 1.0, base, (policy,))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """The base, a policy of sft, a reward model and the policy that PPO trained on from the first against it."""
    made = create(tmp_path / "w", "")
    with made.store() as db:
        base = models.add(db, Model("base", "policy", "tiny"))
        first = Model("policy-1", "policy", "tiny", base, path="models/a", metrics=as_json(TUNED), made_by="sft")
        judge = Model("reward-1", "reward", "tiny", path="models/b", metrics=as_json(JUDGED), made_by="reward")
        ids = [models.add(db, model) for model in (first, judge)]
        last = Model("policy-2", "policy", "tiny", ids[0], path="models/c", metrics=as_json(COMPARED), made_by="ppo")
        models.add(db, Model(**{**vars(last), "reward_id": ids[1]}))
        models.promote(db, ids[0], "ada")
        for rate in (0.5, 0.75):
            jobs.finish(db, jobs.enqueue(db, "evaluate"), as_json(evaluation(rate)))
    for name, rank in (("a", 4), ("b", 8)):  # the folder of the last one is gone
        folder = made.folder / "models" / name
        folder.mkdir(parents=True)
        told = {"r": rank, "lora_alpha": 3 * rank, "target_modules": ["model.layers.0.q_proj", "down_proj"]}
        (folder / "adapter_config.json").write_text(json.dumps(told).ljust(500))
        (folder / "adapter_model.safetensors").write_bytes(b"0" * 999_500)
    return made


def told(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert launch.main(["models", "--workspace", str(workspace.folder), "--json"]) == 0
    return list(json.loads(capfd.readouterr().out)["models"])


def test_each_version_with_its_lineage_its_adapter_and_its_figures(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    base, first, judge, last = told(workspace, capfd)
    known = {"name": "base", "kind": "policy", "made_by": "init", "promoted": False, "lineage": [], "targets": []}
    assert {key: value for key, value in base.items() if value is not None and key != "created"} == known
    assert (first["parent"], first["rank"], first["alpha"], first["megabytes"]) == ("base", 4, 12, 1.0)
    assert (first["promoted"], first["targets"]) == (True, ["down_proj", "q_proj"])
    assert (first["loss"], first["forgetting"], first["kl"], first["win_rate"]) == (1.5, 0.25, 0.8, None)
    assert (judge["accuracy"], judge["passes"], judge["rank"], judge["parent"]) == (0.81, True, 8, None)
    assert (last["lineage"], last["judge"]) == (["policy-1", "base"], "reward-1")
    assert (last["win_rate"], last["kl"], last["promoted"]) == (0.74, 6.5, False)
    assert (last["rank"], last["megabytes"]) == (None, None)
    assert (last["evaluated"], last["evaluated_low"], last["evaluated_high"]) == (0.75, 0.65, 0.85)
    assert first["evaluated"] is None


def test_a_table_for_people_explains_its_words(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    assert launch.main(["models", "--workspace", str(workspace.folder)]) == 0
    out = capfd.readouterr().out
    assert "* forgetting: Nats a token by which" in out
    assert "lineage" not in out  # a list, which a line of a table has no room for
    (line,) = [line for line in out.splitlines() if line.split()[:1] == ["policy-2"]]
    assert "reward-1" in line


def test_an_adapter_that_cannot_be_read_is_passed_over(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("a", "{"), ("b", "[]")):
        (workspace.folder / "models" / name / "adapter_config.json").write_text(text)
    assert [row["rank"] for row in told(workspace, capfd)] == [None] * 4


def test_nothing_heavy_is_loaded(workspace: Workspace) -> None:
    argv = ["models", "--workspace", str(workspace.folder)]
    heavy = ("torch", "transformers", "peft")
    code = f"import sys, launch; launch.main({argv!r}); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
