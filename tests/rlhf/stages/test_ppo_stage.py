"""PPO's stage: who may train, from which weights, on which prompts, and against whom the outcome is measured."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sqlite_utils import Database

from rlhf import training
from rlhf.settings import GateConfig, PPOConfig, overlay
from rlhf.stages import ppo as stage
from rlhf.stages.compare import compare
from rlhf.stages.context import Context
from rlhf.stages.ppo import check_gate, parted, ppo
from rlhf.stages.start import start_for
from rlhf.training.looks import Look
from rlhf.training.models import RoleModel
from rlhf.training.ppo import PPOResult
from rlhf.training.reward import score_answers
from rlhf.training.sampling import sample
from store import jobs, models, prompts, rankings, scores
from store.digests import verify
from store.errors import NotReady, Refused
from store.records import Model, Rating
from store.results import RewardJudgement, as_json, comparison

ASKED = ("tea", "red green", "cake", "yes", "no", "big blue", "coffee or water", "rice", "soup", "bread")
Make = Callable[..., Any]


def judged(**changes: Any) -> dict[str, Any]:
    """What is said of a reward model that passes, but for the changes."""
    said = RewardJudgement(
        accuracy=0.9,
        accuracy_low=0.8,
        accuracy_high=1.0,
        nll=0.4,
        ece=0.1,
        pairs=100,
        train_prompts=80,
        heldout_prompts=20,
        mean=0.3,
        std=2.0,
        passes=True,
        foretold_z=5.0,
        foretold_p=0.002,
        foretold_prompts=100,
    )
    return as_json(dataclasses.replace(said, **changes))


@pytest.fixture
def small(ctx: Context, db: Database, make_base: Callable[..., Path]) -> Context:
    """A random Llama that always says its likeliest words, and a job that asks for it."""
    tables = {
        "model": {"base_model": str(make_base("llama")), "rank": 4},
        "sampling": {"max_new_tokens": 6, "temperature": 0.0},
    }
    return dataclasses.replace(ctx, settings=overlay(ctx.settings, tables), job_id=jobs.enqueue(db, "ppo"))


def noise(model: RoleModel, role: str, size: float) -> None:
    for parameter in model.parameters(role):  # type: ignore[arg-type]
        parameter.data.add_(torch.randn_like(parameter) * size)


def spoken(small: Context) -> RoleModel:
    """A policy, a reference and a reward model that differ from each other and from the base."""
    torch.manual_seed(3)
    model = small.load_model()
    noise(model, "policy", 0.3)
    model.copy("policy", "reference")
    noise(model, "policy", 0.3)
    model.fresh("reward")
    noise(model, "reward", 0.3)
    return model


def asked(db: Database, *texts: str, split: str = "eval") -> list[Any]:
    chats = [prompts.make([{"role": "user", "content": text}], source="test", split=split) for text in texts]  # type: ignore[arg-type]
    return [prompts.get(db, prompt) for prompt in prompts.add(db, chats)]


def test_a_policy_is_measured_against_the_base_and_against_where_it_started(small: Context, db: Database) -> None:
    model, heldout = spoken(small), asked(db, *ASKED)
    judge = Model("reward-1", "reward", "tiny", metrics=judged(mean=0.3, std=2.0))
    one = dataclasses.replace(small.settings.sampling, responses=1)
    chats = [p.messages for p in heldout]
    rewards = {}
    for role in ("policy", "reference", "base"):
        said = [group[0] for group in sample(model, chats, one, role=role)]  # type: ignore[arg-type]
        items = [(chat, s.token_ids) for chat, s in zip(chats, said, strict=True)]
        rewards[role] = (np.array([score_answers(model, [item])[0] for item in items]) - 0.3) / 2.0
    found = compare(small, model, judge, heldout)
    measured = (found.reward_after, found.reward_before, found.reward_base)
    assert measured == pytest.approx([rewards[role].mean() for role in ("policy", "reference", "base")], abs=1e-4)
    won = {role: float(np.mean(rewards["policy"] > rewards[role])) for role in ("reference", "base")}
    assert won["reference"] != won["base"]
    assert found.win_rate == won["base"]
    assert found.judge == "reward-1"


def test_kl_is_of_the_whole_distribution_where_answers_are_cut_to_a_nucleus(small: Context, db: Database) -> None:
    model, heldout = spoken(small), asked(db, *ASKED[:4])
    judge = Model("reward-1", "reward", "tiny", metrics=judged())

    def kl(temperature: float, top_p: float) -> float:
        sampling = dataclasses.replace(small.settings.sampling, temperature=temperature, top_p=top_p)
        settings = dataclasses.replace(small.settings, sampling=sampling)
        return compare(dataclasses.replace(small, settings=settings), model, judge, heldout).kl

    whole = kl(1.0, 1.0)
    assert kl(1.0, 0.2) == pytest.approx(whole)
    assert kl(0.7, 0.2) != pytest.approx(whole)


@pytest.mark.parametrize(
    "changes",
    [{"foretold_p": 0.02}, {"heldout_prompts": 40, "accuracy_low": 0.49}, {"accuracy_high": 0.5}],
)
def test_the_gate_lets_no_poor_reward_model_through(changes: dict[str, Any]) -> None:
    poor = Model("reward-1", "reward", "tiny", metrics=judged(**changes))
    with pytest.raises(Refused, match=r"does not use reward-1 yet\. .* --force"):
        check_gate(poor, GateConfig(), force=False)
    assert not check_gate(poor, GateConfig(), force=True)
    assert check_gate(Model("reward-1", "reward", "tiny", metrics=judged()), GateConfig(), force=False)


def result(**changes: Any) -> PPOResult:
    """What training tells of a policy that got better in one step."""
    before, after = (Look(step, float(step), 0.5 * step, 0.5 * step, 5.0, 1.0, 0.8, 0.0) for step in (0, 1))
    said = PPOResult(1, 0.5, 2.0, [{"kl/k1": 0.0}], "", (before, after), after, "step 1 of 1")
    return dataclasses.replace(said, **changes)


def stored(ctx: Context, db: Database, world: Make, model: RoleModel) -> tuple[Model, Model]:
    """The reference of the model as policy-1, and a reward model that scores taught after it."""
    made = world()
    made.rank(made.prompts(1, each=2)[0], "ada")
    last = rankings.current(db)[-1].id
    rating = scores.save(db, Rating("davidson", {}, {}, last), [])
    base_model, base = ctx.settings.model.base_model, models.named(db, "base")
    model.copy("reference", "policy")
    for kind, name in (("policy", "policy-1"), ("reward", "reward-1")):
        model.save(kind, ctx.workspace.models / name)  # type: ignore[arg-type]
    start = Model("policy-1", "policy", base_model, base.id, path="models/policy-1")
    judge = Model("reward-1", "reward", base_model, path="models/reward-1", metrics=judged(), rating_id=rating)
    return models.get(db, models.add(db, start)), models.get(db, models.add(db, judge))


def test_ppo_starts_from_the_stored_policy_and_its_critic_from_the_stored_judge(
    small: Context, db: Database, world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = spoken(small)
    start, judge = stored(small, db, world, model)
    asked(db, "tea", "cake", split="train")
    asked(db, "soup", "rice", "bread")
    train = prompts.every(db, "train")
    saved = {role: [p.detach().clone() for p in model.parameters(role)] for role in ("policy", "reward")}  # type: ignore[arg-type]
    seen: list[Any] = []
    reminded = dataclasses.replace(small, settings=overlay(small.settings, {"ppo": {"ptx_coef": 0.5}}))

    def instead(given: RoleModel, chats: Any, score: Any, config: Any, *, beside: Any, **_: Any) -> PPOResult:
        # Of the train prompts: what is forgotten is judged on the base's answers to the others.
        own = beside.own_text
        before = [ids[mask].tolist() for ids, mask in zip(own.prompt_ids, own.prompt_mask, strict=True)]
        assert before == [given.chat.prompt(chat) for chat in chats]
        for role, source in (("policy", "policy"), ("reward", "reward"), ("value", "reward")):
            for mine, theirs in zip(given.parameters(role), saved[source], strict=True):  # type: ignore[arg-type]
                assert torch.equal(mine, theirs), role
        seq = given.chat.sequences([[5, 6], [7]], [[11, 12], [13]])
        with torch.no_grad(), given.role("reward"):
            raw = given.scores(seq)
        torch.testing.assert_close(score(seq), (raw - 0.3) / 2.0)
        given.copy("policy", "reference")
        seen.extend(chats)
        assert (config.max_new_tokens, config.temperature) == (6, 1.0)  # as [sampling] has it, but for its 0
        return result()

    monkeypatch.setattr(training.ppo, "train_policy", instead)
    made = ppo(reminded).record
    assert seen == [p.messages for p in train]
    assert (made.parent_id, made.reward_id, made.name) == (start.id, judge.id, "policy-2")
    told = comparison(made)
    assert told is not None
    assert [example.prompt for example in told.examples] == ["soup", "rice", "bread"]


@pytest.mark.parametrize("error", [MemoryError("out of memory"), KeyboardInterrupt()])
def test_a_comparison_that_fails_does_not_lose_the_policy(
    small: Context, db: Database, world: Make, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Its weights are on disk before anything is measured, and it is recorded with what training knows of it."""
    stored(small, db, world, spoken(small))
    asked(db, "tea", "cake", split="train")
    asked(db, "soup", "rice", "bread")
    weights: list[torch.Tensor] = []

    def trained(given: RoleModel, *_: Any, **__: Any) -> PPOResult:
        noise(given, "policy", 0.1)
        given.copy("policy", "reference")
        weights.extend(p.detach().clone() for p in given.parameters("policy"))
        return result()

    def broken(ctx: Context, *_: Any) -> None:
        with ctx.store() as db:
            (kept,) = (m for m in models.every(db, "policy") if m.name == "policy-2")
        assert (ctx.workspace.folder / str(kept.path) / "adapter_model.safetensors").exists()
        assert verify(ctx.workspace, kept)
        raise error

    monkeypatch.setattr(training.ppo, "train_policy", trained)
    monkeypatch.setattr(stage, "compare", broken)
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            ppo(small)
    else:
        ppo(small)
    policy = models.named(db, "policy-2")
    told = comparison(policy)
    assert told is not None
    assert told.unmeasured
    assert (told.win_rate, told.kl, told.reward_base) == (None, None, None)
    assert (told.reward_before, told.reward_after, told.kl_reference) == (0.5, 2.5, 0.5)
    assert (told.kept_step, told.kept) == (1, "step 1 of 1")
    model = small.load_model()
    small.load_role(model, policy)
    for mine, theirs in zip(model.parameters("policy"), weights, strict=True):
        assert torch.equal(mine, theirs)
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):  # it goes on with the comparison
            ppo(small)
    else:
        assert ppo(small).skipped
    assert [m.name for m in models.every(db, "policy")] == ["base", "policy-1", "policy-2"]


def test_a_comparison_that_was_broken_off_is_made_by_whoever_comes_next(
    small: Context, db: Database, world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the job, started again, or by another: nothing is trained again, and all figures are those of before."""
    _, judge = stored(small, db, world, spoken(small))
    asked(db, "tea", "cake", split="train")
    asked(db, "soup", "rice", "bread")
    trainings: list[int] = []

    def trained(given: RoleModel, *_: Any, **__: Any) -> PPOResult:
        trainings.append(1)
        given.copy("policy", "reference")
        torch.manual_seed(5)
        noise(given, "policy", 0.3)
        return result()

    def broken(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training.ppo, "train_policy", trained)
    whole = comparison(ppo(small).record)
    assert whole is not None
    assert whole.reward_after != whole.reward_before != whole.reward_base
    second, third = (dataclasses.replace(small, job_id=jobs.enqueue(db, "ppo")) for _ in range(2))
    with monkeypatch.context() as patch:
        patch.setattr(stage, "compare", broken)
        with pytest.raises(KeyboardInterrupt):
            ppo(second, again=True)
    half = models.named(db, "policy-3")
    newer = models.add(db, dataclasses.replace(judge, name="reward-2"))  # it was trained by another
    made = ppo(second, again=True)
    assert (made.record.id, made.skipped, comparison(made.record), len(trainings)) == (half.id, "", whole, 2)
    db.execute("DELETE FROM models WHERE id = ?", [newer])
    db.conn.commit()
    models.measured(db, half.id, half.metrics)
    made = ppo(third)
    assert (made.record.id, made.skipped, comparison(made.record), len(trainings)) == (half.id, "", whole, 2)
    assert ppo(third).skipped


def test_no_prompt_both_chooses_the_policy_and_judges_it(db: Database) -> None:
    heldout = asked(db, *(f"question {i}" for i in range(40)))
    for check, compare_at_most in ((4, 200), (32, 200), (8, 10)):
        config = PPOConfig(check_prompts=check, compare_prompts=compare_at_most)
        watched, compared = parted(heldout, config)
        assert len(watched) == min(check, 10)
        assert len(compared) == min(compare_at_most, 40 - len(watched))
        assert not {p.id for p in watched} & {p.id for p in compared}
    assert parted(heldout[:3], PPOConfig()) == ([], heldout[:3])


def test_a_poor_judge_stops_the_stage_before_anything_is_trained(small: Context, db: Database, world: Make) -> None:
    stored(small, db, world, spoken(small))
    poor = judged(foretold_p=0.3, passes=False)
    models.add(db, Model("reward-2", "reward", "tiny", metrics=poor, rating_id=1))
    with pytest.raises(Refused, match="reward-2"):
        ppo(small)
    assert [m.name for m in models.every(db, "policy")] == ["base", "policy-1"]


def test_a_second_try_on_the_same_scores_starts_where_the_first_one_did(db: Database, world: Make) -> None:
    made = world()
    made.rank(made.prompts(1, each=2)[0], "ada")
    last = rankings.current(db)[-1].id
    first, second = (scores.save(db, Rating("davidson", {}, {}, last), []) for _ in range(2))

    def judge(name: str, rating: int) -> Model:
        return models.get(db, models.add(db, Model(name, "reward", "tiny", rating_id=rating)))

    early, other, later = judge("reward-1", first), judge("reward-2", first), judge("reward-3", second)
    models.add(db, Model("policy-1", "policy", "tiny", reward_id=early.id, made_by="ppo"))
    started = [start_for(db, of.rating_id).name for of in (early, other, later)]
    assert started == ["base", "base", "policy-1"]


def test_a_round_starts_where_its_target_leaves_it_within_max_drift(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    judge = models.get(db, models.add(db, Model("reward-9", "reward", "tiny")))
    measured = as_json(stage._unmeasured(result(), judge, "", forced=False))
    for name, kl in (("base", None), ("policy-1", 6.0), ("policy-2", 13.0), ("policy-3", None), ("policy-4", 18.5)):
        path = None if name == "base" else f"models/{name}"
        metrics = measured | {"kl": kl} if path else {}
        models.add(db, Model(name, "policy", "tiny", path=path, metrics=metrics, made_by="ppo" if path else "init"))

    def start(max_drift: float, kl_target: float = 6.0) -> str:
        return start_for(db, judge.rating_id, reach=kl_target, limit=max_drift).name

    assert start(max_drift=25.0) == "policy-4"
    assert start(max_drift=24.0) == "policy-3"  # which nobody could measure: its round had its own limit
    models.add(
        db,
        Model("policy-5", "policy", "tiny", path="models/policy-5", metrics=measured | {"kl": 30.0}, made_by="ppo"),
    )
    with db.conn:
        db.execute("DELETE FROM models WHERE name = 'policy-3'")
    assert start(max_drift=24.0, kl_target=6.0) == "policy-2"
    assert "policy-5 is 30.0 nats from the base" in caplog.text
    assert start(max_drift=12.0, kl_target=6.0) == "policy-1"
    assert start(max_drift=12.0, kl_target=7.0) == "base"


def test_without_a_prompt_to_train_on_it_says_so(small: Context, db: Database) -> None:
    models.add(db, Model("base", "policy", small.settings.model.base_model))
    models.add(db, Model("reward-1", "reward", "tiny", metrics=judged()))
    (only,) = asked(db, "tea", split="train")
    asked(db, *ASKED[1:4])
    prompts.remove(db, [only.id])
    with pytest.raises(NotReady, match="0 prompts to train on"):
        ppo(small)
