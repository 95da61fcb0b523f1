"""The stages of a job share one base: it is read once, and what they make is what they make on a fresh one."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sqlite_utils import Database

from rlhf.loop import run_round
from rlhf.settings import overlay
from rlhf.stages.context import Base, Context, keep
from rlhf.stages.ppo import ppo
from rlhf.stages.reward import reward
from rlhf.training import loading, looks
from rlhf.training.models import RoleModel
from store import jobs, models
from store.errors import BadInput
from store.records import Model

FEW = {
    "sampling": {"max_new_tokens": 4},
    "generate": {"prompts": 2},
    "gate": {"permutations": 99},
    "rating": {"reliability": False},
    "round": {"min_rankings": 1},
    "ppo": {"steps": 1, "prompts_per_step": 4, "calibration": 4, "check_prompts": 1, "learning_rate": 1e-2},
}


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The base models that were read, in their order."""
    read: list[str] = []
    load = loading.load_base

    def counted(base_model: str, *args: Any) -> Any:
        read.append(base_model)
        return load(base_model, *args)

    monkeypatch.setattr(loading, "load_base", counted)
    return read


@pytest.fixture
def small(ctx: Context, db: Database, make_base: Callable[..., Path]) -> Context:
    tables = {**FEW, "model": {"base_model": str(make_base("llama")), "rank": 4}}
    return dataclasses.replace(ctx, settings=overlay(ctx.settings, tables), job_id=jobs.enqueue(db, "round"))


def spoil(model: RoleModel) -> None:
    """Leave behind all that a stage may: other weights, every role, heads, gradients, train mode, habits."""
    model.fresh("reward")
    model.copy("reward", "value")
    model.copy("policy", "reference")
    for role in ("policy", "reference", "value", "reward"):
        for parameter in model.parameters(role):  # type: ignore[arg-type]
            parameter.data.add_(0.3)
    model.train_roles("policy", "value")
    seq = model.chat.sequences([[5, 6]], [[11, 12]])
    with model.role("value"):
        model.values(seq).sum().backward()
    with model.role("policy"):
        model.logprobs(seq)[0].sum().backward()
    with model.role("base"):
        model.base.generation_config.temperature = 0.1


@pytest.mark.slow
def test_a_round_reads_its_base_once_and_makes_what_stages_on_fresh_ones_make(
    small: Context, db: Database, world: Callable[..., Any], loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "best_look", lambda seen, _: seen[-1])  # trained weights are compared, not the first
    made = world()
    for split in ("train", "eval"):
        for prompt in made.prompts(6, each=2, split=split):
            made.rank(prompt, "ada")
    spoil(small.load_model(9))
    run_round(small, force=True)
    assert len(loads) == 1
    judge, policy = models.latest(db, "reward"), models.latest(db, "policy")
    assert judge
    assert policy
    other = reward(dataclasses.replace(small, base=Base()), again=True).record
    assert other.digest == judge.digest
    assert other.name != judge.name
    with db.conn:  # so that PPO meets the judge of the round again
        db.execute("DELETE FROM models WHERE id = ?", [other.id])
    again = ppo(dataclasses.replace(small, base=Base()), again=True, force=True).record
    assert len(loads) == 3
    assert (again.digest, again.metrics) == (policy.digest, policy.metrics)
    assert again.name != policy.name
    assert policy.metrics["kept_step"] == 1


def test_what_was_used_is_as_good_as_new(small: Context, loads: list[str]) -> None:
    first = small.load_model(1)
    spoil(first)
    used, fresh = small.load_model(5), dataclasses.replace(small, base=Base()).load_model(5)
    assert used is first
    assert len(loads) == 2

    def state(model: RoleModel) -> list[Any]:
        weights = [*model.peft.named_parameters(), *model.heads.named_parameters()]
        return [(name, p.requires_grad, p.grad, p.tolist()) for name, p in weights if p.dtype == torch.float32]

    assert state(used) == state(fresh)
    assert [m.training for m in used.peft.modules()] == [m.training for m in fresh.peft.modules()]
    assert used.peft.active_adapter == fresh.peft.active_adapter == "policy"
    assert list(used.peft.peft_config) == ["policy"]
    assert used.base.generation_config.to_dict() == fresh.base.generation_config.to_dict()
    used.fresh("value")
    fresh.fresh("value")
    assert state(used) == state(fresh)


def test_another_base_or_another_shape_is_read_anew(small: Context, loads: list[str]) -> None:
    small.load_model()
    for changes in ({"rank": 2}, {"quantization": "none"}):
        other = dataclasses.replace(small, settings=overlay(small.settings, {"model": changes}))
        other.load_model()
        other.load_model()
    assert len(loads) == 3


def test_a_version_is_read_once_a_job_and_never_unseen(small: Context, db: Database) -> None:
    model = small.load_model()
    noise = torch.Generator().manual_seed(0)
    for parameter in model.parameters("policy"):
        parameter.data.add_(torch.rand(parameter.shape, generator=noise))
    kept = keep(small, model, Model("", "policy", ""))
    written = [p.detach().clone() for p in model.parameters("policy")]
    model = small.load_model()
    assert small.load_version(model, Model("base", "policy", "")) == "base"
    voice = small.load_version(model, kept)
    for mine, theirs in zip(model.parameters(voice), written, strict=True):
        assert torch.equal(mine, theirs)
    file = small.workspace.folder / str(kept.path) / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    assert small.load_version(model, kept) == voice  # it is in memory already
    with pytest.raises(BadInput, match=kept.name):
        small.load_version(small.load_model(), kept)
