"""The whole loop on a base model of each family, through the launcher: from its prompts to fresh responses."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from store import models, responses
from store.workspace import Workspace
from tests.rlhf.training.test_trial import FAMILIES
from tests.test_round import Run, begin, run

__all__ = ["run"]

SHORT = """
[sampling]
max_new_tokens = 6
responses = 3
[ppo]
steps = 1
prompts_per_step = 4
calibration = 4
check_prompts = 2
compare_prompts = 4
[gate]
prompts = 8
permutations = 99
"""
EVERYDAY = (
    "How do I boil an egg?",
    "Name a good breakfast.",
    "What is a train?",
    "Tell me about rain.",
    "How can I sleep better?",
    "What does a baker do?",
)


def loop(run: Run, workspace: Workspace) -> dict[str, Any]:
    """generate -> simulate -> rate -> reward -> ppo -> generate; what PPO said."""
    folder = workspace.folder
    first = run("generate", "--workspace", folder)
    assert first["tasks"] > 0
    assert run("simulate", "--count", 3, "--workspace", folder)["rankings"] == first["tasks"]
    assert run("rate", "--workspace", folder)["rankings"] == first["tasks"]
    run("reward", "--workspace", folder)
    told = run("ppo", "--force", "--workspace", folder)
    assert run("generate", "--model", told["policy"], "--workspace", folder)["tasks"] > 0
    return told


def numbers(held: object) -> Iterator[float]:
    """Every number inside a JSON value."""
    if isinstance(held, dict | list):
        for item in held.values() if isinstance(held, dict) else held:
            yield from numbers(item)
    elif isinstance(held, int | float):
        yield float(held)


def check(workspace: Workspace, told: dict[str, Any]) -> None:
    """All was measured and finite, and every answer of both versions is kept with the tokens that were written."""
    assert not told["unmeasured"]
    assert all(map(math.isfinite, numbers(told)))
    with workspace.store() as db:
        stored = responses.every(db)
        names = {r.model_id: models.get(db, r.model_id or 0).name for r in stored}
        shown = {name for model, name in names.items() if responses.shown_of(db, model or 0)}
    assert set(names.values()) == {"base", told["policy"]}
    assert all(r.token_ids and len(r.token_ids) <= 40 for r in stored)
    assert shown == {"base", told["policy"]}


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAMILIES)
def test_the_loop_runs_on_each_family(run: Run, make_base: Callable[..., Path], tmp_path: Path, kind: str) -> None:
    base = make_base(kind, **FAMILIES[kind])
    workspace = begin(run, base, tmp_path / "workspace", prompts=16, settings=SHORT)
    check(workspace, loop(run, workspace))


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAMILIES)
def test_fine_tuning_and_dpo_run_on_each_family(
    run: Run, make_base: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    base = make_base(kind, **FAMILIES[kind])
    folder = begin(run, base, tmp_path / "workspace", prompts=16, settings=SHORT).folder
    run("generate", "--workspace", folder)
    run("simulate", "--count", 3, "--workspace", folder)
    run("rate", "--workspace", folder)
    shown = run("sft", "--from", "rankings", "--workspace", folder)
    preferred = run("dpo", "--start", "base", "--workspace", folder)
    for told in (shown, preferred):
        assert not told["unmeasured"]
        assert all(map(math.isfinite, numbers(told)))
        assert run("generate", "--model", told["policy"], "--workspace", folder)["tasks"] > 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_loop_runs_on_a_real_chat_model(run: Run, smollm2: Path, tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    asked = tmp_path / "asked.jsonl"
    split = ("train", "eval")
    asked.write_text("\n".join(json.dumps({"prompt": p, "split": split[i % 2]}) for i, p in enumerate(EVERYDAY)))
    run("init", "--base-model", smollm2, "--prompts", asked, "--workspace", folder)
    toml = folder / "workspace.toml"
    toml.write_text(toml.read_text().split("[sampling]")[0] + SHORT.replace("tokens = 6", "tokens = 12"))
    workspace = Workspace(folder)
    check(workspace, loop(run, workspace))
