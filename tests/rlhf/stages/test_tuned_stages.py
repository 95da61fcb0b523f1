"""The stages sft and dpo: where they start, what they keep, when they have nothing to do."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from sqlite_utils import Database

from rlhf import training
from rlhf.settings import overlay
from rlhf.stages import tuned as stages_tuned
from rlhf.stages.context import Context
from rlhf.stages.dpo import dpo
from rlhf.stages.ppo import ppo
from rlhf.stages.sft import sft
from rlhf.stages.start import start_for
from store import jobs, models, prompts, rankings, scores
from store.digests import verify
from store.errors import BadInput, NotFound, NotReady
from store.records import Model, Rating
from store.results import tuned

Make = Callable[..., Any]


@pytest.fixture
def small(ctx: Context, db: Database, make_base: Callable[..., Path]) -> Context:
    tables = {
        "model": {"base_model": str(make_base("llama")), "rank": 4, "quantization": "none"},
        "sampling": {"max_new_tokens": 6},
        "sft": {"learning_rate": 1e-2, "batch_size": 4, "microbatch_size": 4},
        "dpo": {"learning_rate": 1e-2, "batch_size": 4, "microbatch_size": 4},
    }
    return dataclasses.replace(ctx, settings=overlay(ctx.settings, tables), job_id=jobs.enqueue(db, "dpo"))


@pytest.fixture
def rating(db: Database, world: Make) -> Callable[[], Rating]:
    """A rating of a fresh world, or a newer one of the same."""
    made = world()
    for split in ("train", "train", "eval"):
        made.rank(made.prompts(1, each=3, split=split)[0], "ada")

    def rate() -> Rating:
        last = rankings.current(db)[-1].id
        told = [(r, 100.0 * place, 20.0, 3) for place, r in enumerate(made.truth)]
        return scores.get(db, scores.save(db, Rating("davidson", {}, {}, last), told))

    rate()
    return rate


def written(folder: Path, answer: str = "rice bread") -> str:
    file = folder / "shown.jsonl"
    rows = [{"prompt": text, "completion": answer} for text in ("tea", "soup", "cake", "red", "blue", "green", "yes")]
    file.write_text("\n".join(map(json.dumps, rows)))
    return str(file)


def test_dpo_keeps_a_policy_of_its_rating_that_orders_the_pairs(
    small: Context, db: Database, rating: Callable[[], Rating]
) -> None:
    made = dpo(small)
    policy = made.record
    assert (policy.name, policy.kind, policy.made_by, policy.rating_id) == ("policy-1", "policy", "dpo", 1)
    assert policy.parent_id == models.named(db, "base").id
    verify(small.workspace, policy)
    told = tuned(policy)
    assert told is not None
    assert (told.examples, told.heldout, told.steps) == (6, 3, 2)  # two prompts of three, and one
    assert told.loss_before == pytest.approx(0.6931, abs=1e-3)
    assert told.forgetting is not None
    assert told.kl_reference == pytest.approx(told.kl, rel=1e-5)  # it started from the base
    # Another model that loads the folder says what the trained one said.
    model = small.load_model()
    small.load_role(model, policy)
    saved = load_file(small.workspace.folder / str(policy.path) / "adapter_model.safetensors")
    assert any(value.abs().max() > 0 for name, value in saved.items() if "lora_B" in name)
    assert any(torch.equal(p, value) for p in model.parameters("policy") for value in saved.values())


def test_what_was_made_already_is_not_made_again(small: Context, db: Database, rating: Callable[[], Rating]) -> None:
    first = dpo(small).record
    again = dpo(small)
    assert again.record.id == first.id
    assert "Nothing new since policy-1" in again.skipped
    other = dataclasses.replace(small, settings=overlay(small.settings, {"dpo": {"beta": 0.5}}))
    second = dpo(other).record
    assert (second.name, second.parent_id) == ("policy-2", first.parent_id)  # a second try starts where the first did
    assert dpo(other).skipped
    rating()
    third = dpo(small).record
    assert third.parent_id == second.id  # newer scores go on from the newest


def test_ppo_and_dpo_of_the_same_scores_start_at_the_same_policy(
    small: Context, db: Database, rating: Callable[[], Rating]
) -> None:
    base = models.named(db, "base").id
    judge = models.add(db, Model("reward-1", "reward", "tiny", rating_id=1, made_by="reward"))
    models.add(db, Model("policy-1", "policy", "tiny", parent_id=base, reward_id=judge, made_by="ppo", path="x"))
    assert start_for(db, 1).id == base
    shown = models.add(db, Model("policy-2", "policy", "tiny", parent_id=base, rating_id=1, made_by="sft"))
    assert start_for(db, 1).id == shown  # fine-tuning comes before preferences, whatever it was shown
    models.add(db, Model("policy-3", "policy", "tiny", parent_id=shown, rating_id=1, made_by="dpo", path="y"))
    assert start_for(db, 1).id == shown


def test_sft_keeps_a_policy_of_its_data(small: Context, db: Database, world: Make, tmp_path: Path) -> None:
    world()
    prompts.add(db, [prompts.make([{"role": "user", "content": "tea"}], source="test", split="eval")])
    policy = sft(small, data=written(tmp_path)).record
    assert (policy.name, policy.made_by, policy.rating_id, policy.reward_id) == ("policy-1", "sft", None, None)
    told = tuned(policy)
    assert told is not None
    assert told.heldout >= 1
    assert told.examples + told.heldout == 7
    assert told.loss_before is not None
    assert told.loss_after is not None
    assert told.loss_after < told.loss_before
    assert "Nothing new" in sft(small, data=written(tmp_path)).skipped
    other = sft(small, data=written(tmp_path, "soup")).record
    assert (other.name, other.parent_id) == ("policy-2", policy.id)
    beside = sft(small, data=written(tmp_path, "cake"), start="base").record
    assert beside.parent_id == policy.parent_id


def test_sft_learns_from_the_best_ranked_responses(
    small: Context, db: Database, rating: Callable[[], Rating]
) -> None:
    told = tuned(sft(small, from_="rankings", top=2).record)
    assert told is not None
    assert (told.examples, told.heldout) == (4, 2)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({}, BadInput, "--data FILE, or pass --from rankings"),
        ({"data": "/nowhere/shown.jsonl"}, BadInput, "cannot be read"),
        ({"data": "shown.jsonl", "from_": "rankings"}, BadInput, "two things to learn from"),
        ({"from_": "rankings"}, NotReady, "no scores yet"),
    ],
)
def test_sft_without_data_says_what_to_do(
    small: Context, db: Database, world: Make, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    world()
    with pytest.raises(error, match=says):
        sft(small, **options)
    assert [m.name for m in models.every(db)] == ["base"]


def test_a_start_that_is_none_is_refused(small: Context, db: Database, rating: Callable[[], Rating]) -> None:
    models.add(db, Model("reward-1", "reward", "tiny", rating_id=1, made_by="reward"))
    with pytest.raises(BadInput, match="reward-1 is a reward model"):
        dpo(small, start="reward-1")
    with pytest.raises(NotFound, match="no model 'policy-9'"):
        dpo(small, start="policy-9")


def test_dpo_without_an_ordered_pair_says_so(small: Context, db: Database, world: Make) -> None:
    made = world()
    made.rank(made.prompts(1, each=3)[0], "ada")
    last = rankings.current(db)[-1].id
    scores.save(db, Rating("davidson", {}, {}, last), [(r, 0.0, 20.0, 3) for r in made.truth])
    with pytest.raises(NotReady, match=r"no pair of responses to a train prompt in an order \(3 pairs with equal"):
        dpo(small)
    with pytest.raises(NotReady, match="no reward model"):
        ppo(small)


def test_what_cannot_be_measured_afterwards_loses_no_training(small: Context, db: Database, tmp_path: Path) -> None:
    models.add(db, Model("base", "policy", str(small.settings.model.base_model)))  # and not one prompt
    told = tuned(sft(small, data=written(tmp_path)).record)
    assert told is not None
    assert (told.steps > 0, told.forgetting, told.kl) == (True, None, None)
    assert "0 prompts of the split eval" in told.unmeasured


@pytest.mark.parametrize("kind", ["dpo", "sft"])
@pytest.mark.parametrize("other_job", [False, True])
def test_a_policy_whose_measuring_was_broken_off_is_measured_and_not_trained_again(
    small: Context,
    db: Database,
    rating: Callable[[], Rating],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    other_job: bool,
) -> None:
    def run(ctx: Context, **options: Any) -> Model:
        return (dpo(ctx, **options) if kind == "dpo" else sft(ctx, from_="rankings", **options)).record

    whole = run(small)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stages_tuned, "forgotten", killed)
        with pytest.raises(KeyboardInterrupt):
            run(small, again=True)
    half = models.every(db, "policy")[-1]
    assert half.id != whole.id
    verify(small.workspace, half)
    for module, name in ((training.dpo, "train_dpo"), (training.sft, "train_sft")):
        monkeypatch.setattr(module, name, killed)
    if other_job:  # which is asked for the same, and finds it
        small = dataclasses.replace(small, job_id=jobs.enqueue(db, kind))
    measured = run(small, again=not other_job)
    assert measured.id == half.id
    told, wanted = tuned(measured), tuned(whole)
    assert told is not None
    assert wanted is not None
    assert dataclasses.replace(told, seconds=0.0) == dataclasses.replace(wanted, seconds=0.0)
    assert told.kl_reference is not None
