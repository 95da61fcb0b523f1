"""The looks of a PPO run, kept with its policy and evaluated beside it."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rlhf.settings import PPOConfig, settings_of
from rlhf.stages import evaluate as stage
from rlhf.stages.context import Context, write
from rlhf.stages.evaluate import evaluate
from rlhf.stages.run_looks import keep_looks
from rlhf.training.chat import Sequences
from rlhf.training.models import RoleModel
from rlhf.training.ppo import train_policy
from store import models, prompts
from store.errors import NotFound
from store.records import Model
from store.results import PolicyEvaluation, RewardJudgement, as_json
from store.workspace import create

TOML = """[model]
base_model = "{base}"
quantization = "none"
rank = 4
[sampling]
max_new_tokens = 6
[evaluate]
samples = 2
best_of = 0
"""
JUDGED = RewardJudgement(0.9, 0.8, 1.0, 0.4, 0.1, 100, 80, 20, mean=0.3, std=2.0, passes=True)
SHORT = PPOConfig(
    steps=3, prompts_per_step=4, max_new_tokens=8, calibration=16, check_every=2, check_prompts=4, kl_coef=0.02,
    learning_rate=1e-3, missing_eos_penalty=0.0, keep_looks=True,
)  # fmt: skip


def share_of_even(seq: Sequences) -> torch.Tensor:
    return ((seq.response_ids % 2 == 0) & seq.response_mask).sum(1) / seq.lengths


@pytest.fixture
def model(make_base: Callable[..., Path]) -> RoleModel:
    made = RoleModel(str(make_base("llama")), quantization="none", rank=4)
    made.fresh("reward")
    made.copy("reward", "value")
    return made


def weights(model: RoleModel) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in model.parameters("policy")]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_every_look_is_kept_as_it_was_and_only_where_that_is_asked_for(model: RoleModel, tmp_path: Path) -> None:
    chats = [[{"role": "user", "content": word}] for word in ("tea", "cake", "red", "rice")]
    start = weights(model)
    result = train_policy(model, chats, share_of_even, SHORT)
    kept = weights(model)
    assert [*result.weights] == [look.step for look in result.looks] == [0, 2, 3]
    assert same(list(result.weights[0]), start)
    assert same(list(result.weights[result.kept.step]), kept)
    assert not same(list(result.weights[2]), list(result.weights[3]))
    keep_looks(model, result.weights, tmp_path)
    assert same(weights(model), kept)
    assert sorted(path.name for path in (tmp_path / "looks").iterdir()) == ["step-2", "step-3"]
    for step in (2, 3):
        model.load("policy", tmp_path / "looks" / f"step-{step}")
        assert same(weights(model), list(result.weights[step]))
    model.copy("reward", "value")
    once = train_policy(model, chats, share_of_even, dataclasses.replace(SHORT, keep_looks=False))
    assert [*once.weights] == [once.kept.step]


def test_a_look_is_evaluated_as_the_version_that_it_was(
    model: RoleModel, make_base: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "plot", lambda found, path: path)
    base = shutil.copytree(make_base("llama"), tmp_path / "llama")
    workspace = create(tmp_path / "w", TOML.format(base=base))
    ctx = Context(workspace, settings_of(workspace), 1, lambda *_: None, lambda *_: None)
    model = RoleModel(str(base), quantization="none", rank=4)
    torch.manual_seed(5)
    runs = {step: [torch.randn_like(w) * 0.4 for w in weights(model)] for step in (5, 20)}
    with workspace.store() as db:
        first = models.add(db, Model("base", "policy", str(base)))
        model.fresh("reward")
        torch.nn.init.normal_(model.heads["reward"].weight)
        model.save("reward", workspace.models / "reward-1")
        models.add(db, Model("reward-1", "reward", str(base), path="models/reward-1", metrics=as_json(JUDGED)))
        asked = [[{"role": "user", "content": word}] for word in ("tea", "cake", "red", "rice")]
        prompts.add(db, [prompts.make(chat, source="test", split="eval") for chat in asked])
    for number, (name, step) in enumerate((("policy-1", 20), ("policy-2", 5))):
        for weight, given in zip(model.parameters("policy"), runs[step], strict=True):
            weight.data.copy_(given)
        made = Model(name, "policy", str(base), first, made_by="ppo")
        looks = runs if name == "policy-1" else {}
        mine = dataclasses.replace(ctx, job_id=number)
        written = write(mine, model, made, beside=lambda folder, kept=looks: keep_looks(model, kept, folder))  # type: ignore[misc]
        with workspace.store() as db:
            models.add(db, dataclasses.replace(written, job_id=None))

    def told(*names: str) -> dict[str, PolicyEvaluation]:
        return {row.name: row for row in evaluate(ctx, models=names, judge="reward").policies}

    found = told("policy-2", "policy-1", "policy-1@all")
    assert [*found] == ["policy-1@5", "policy-1@20", "policy-1", "policy-2"]
    for look, version in (("policy-1@20", "policy-1"), ("policy-1@5", "policy-2")):
        assert dataclasses.replace(found[look], name=version) == found[version]
    assert found["policy-1"].kl != found["policy-2"].kl
    assert [*told("policy-1@5")] == ["policy-1@5"]
    with pytest.raises(NotFound, match=r"policy-1 has no look at step 6: name one of 5, 20, or all\."):
        told("policy-1@6")
    with pytest.raises(NotFound, match=r"policy-2 has no looks: keep them with .* ppo --keep-looks"):
        told("policy-2@all")
