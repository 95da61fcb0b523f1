"""`evaluate` on a small random Llama: its figures against counting by hand, its judges, and what it refuses."""

import dataclasses
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sqlite_utils import Database

import launch
from rlhf.commands.evaluation import evaluated
from rlhf.jobs import worker
from rlhf.jobs.execute import execute, start
from rlhf.settings import settings_of
from rlhf.stages import evaluate as stage
from rlhf.stages.by_people import people
from rlhf.stages.context import Context
from rlhf.stages.evaluate import evaluate
from rlhf.stages.measure import BASELINE_LUCK, BEST_LUCK, POLICY_LUCK
from rlhf.training.models import RoleModel
from rlhf.training.reward import score_answers
from rlhf.training.sampling import sample
from store import evaluations, jobs, models, prompts, responses, tasks
from store.errors import BadInput, NotFound, NotReady, WorkError
from store.records import Model, Response, Task
from store.results import Evaluation, RewardJudgement, as_json
from store.workspace import Workspace, create

ASKED = ("tea", "red green", "cake", "yes", "no", "big blue", "coffee or water", "rice")
SAMPLES, BEST = 3, 4
TOML = """[model]
base_model = "{base}"
quantization = "none"
rank = 4
[sampling]
max_new_tokens = 6
[evaluate]
samples = 3
best_of = 4
"""
JUDGED = RewardJudgement(0.9, 0.8, 1.0, 0.4, 0.1, 100, 80, 20, mean=0.3, std=2.0, passes=True)


@pytest.fixture(scope="module")
def stood(make_base: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a policy that changes nothing, two that babble otherwise, and a reward model."""
    root = tmp_path_factory.mktemp("evaluate")
    base = shutil.copytree(make_base("llama"), root / "llama")
    workspace = create(root / "w", TOML.format(base=base))
    model = RoleModel(str(base), quantization="none", rank=4)
    torch.manual_seed(3)
    with workspace.store() as db:
        first = models.add(db, Model("base", "policy", str(base)))
        for name in ("policy-1", "policy-2", "policy-3"):
            model.save("policy", workspace.models / name)
            parent = models.latest(db, "policy").id if name == "policy-2" else first  # type: ignore[union-attr]
            models.add(db, Model(name, "policy", str(base), parent, path=f"models/{name}", made_by="ppo"))
            for parameter in model.parameters("policy"):
                parameter.data.add_(torch.randn_like(parameter) * 0.4)
        model.fresh("reward")
        for parameter in model.parameters("reward"):
            parameter.data.add_(torch.randn_like(parameter) * 0.4)
        model.save("reward", workspace.models / "reward-1")
        models.add(db, Model("reward-1", "reward", str(base), path="models/reward-1", metrics=as_json(JUDGED)))
        made = [prompts.make([{"role": "user", "content": text}], source="test", split="eval") for text in ASKED]
        prompts.add(db, made)
    return root


@pytest.fixture
def workspace(stood: Path, tmp_path: Path) -> Workspace:
    """A copy of that workspace."""
    return Workspace(shutil.copytree(stood / "w", tmp_path / "w"))


@pytest.fixture
def ctx(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A context in that copy; nothing is drawn in it, which takes longer than all the rest."""
    monkeypatch.setattr(stage, "plot", lambda found, path: path)
    return Context(workspace, settings_of(workspace), 1, lambda *_: None, lambda *_: None)


def fast(ctx: Context, **sampling: float) -> Context:
    """With fewer answers and no best-of-n."""
    changed = dataclasses.replace(ctx.settings.sampling, **sampling)  # type: ignore[arg-type]
    few = dataclasses.replace(ctx.settings.evaluate, prompts=2, samples=1, best_of=0)
    return dataclasses.replace(ctx, settings=dataclasses.replace(ctx.settings, sampling=changed, evaluate=few))


@pytest.fixture
def db(workspace: Workspace) -> Any:
    with workspace.store() as opened:
        yield opened


@pytest.fixture(scope="module")
def found(stood: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Policies 2 and 3 by the reward model."""
    workspace = Workspace(shutil.copytree(stood / "w", tmp_path_factory.mktemp("found") / "w"))
    job = start(workspace, "evaluate", {"models": ["policy-3", "policy-2", "policy-3"]})
    execute(workspace, job)
    with workspace.store() as db:
        return evaluations.every(db)[-1]


class ByHand:
    """The same answers, one thing at a time."""

    def __init__(self, ctx: Context, policy: str) -> None:
        self.model = ctx.load_model()
        with ctx.store() as db:
            for name in (policy, "reward-1"):
                ctx.load_role(self.model, models.named(db, name))
            # The last quarter of the held-out prompts chooses PPO's step, and judges nobody.
            self.chats = [p.messages for p in prompts.every(db, "eval")][:6]
        self.ctx = ctx

    def drawn(self, role: str, luck: int, count: int) -> list[Any]:
        config = dataclasses.replace(self.ctx.settings.sampling, responses=count, seed=luck)
        return sample(self.model, self.chats, config, role=role)  # type: ignore[arg-type]

    def reward(self, chat: Any, answer: Any) -> float:
        return (float(score_answers(self.model, [(chat, answer.token_ids)])[0]) - 0.3) / 2.0

    def log_ratio(self, chat: Any, answer: Any) -> float:
        seq = self.model.chat.sequences([self.model.chat.prompt(chat)], [answer.token_ids])
        total = []
        for role in ("policy", "base"):
            with torch.no_grad(), self.model.role(role):  # type: ignore[arg-type]
                total.append(float(self.model.logprobs(seq)[0].sum()))
        return total[0] - total[1]


def test_figures_are_those_of_counting_by_hand(found: Evaluation, ctx: Context) -> None:
    """Win rate over all meetings, KL and its error over prompts, and the rest as their names say."""
    hand, told = ByHand(ctx, "policy-3"), found.policies[1]
    mine, theirs = hand.drawn("policy", POLICY_LUCK, SAMPLES), hand.drawn("base", BASELINE_LUCK, SAMPLES)
    won, rewards, ratios = [], [], []
    for chat, one, other in zip(hand.chats, mine, theirs, strict=True):
        scores = [hand.reward(chat, answer) for answer in one]
        against = [hand.reward(chat, answer) for answer in other]
        won.append(np.mean([(a > b) + 0.5 * (a == b) for a in scores for b in against]))
        rewards.append(np.mean(scores))
        ratios.append(np.mean([hand.log_ratio(chat, answer) for answer in one]))
    assert (told.name, told.prompts, found.prompts, found.samples) == ("policy-3", 6, 6, SAMPLES)
    assert told.win_rate == pytest.approx(np.mean(won))
    assert told.low is not None
    assert told.high is not None
    assert 0 <= told.low < told.win_rate < told.high <= 1
    assert told.reward == pytest.approx(np.mean(rewards), abs=1e-4)
    assert told.kl == pytest.approx(np.mean(ratios), abs=1e-3)
    assert told.kl_error == pytest.approx(np.std(ratios, ddof=1) / np.sqrt(6), abs=1e-3)
    assert told.kl > 0.01
    every = [answer for group in mine for answer in group]
    assert told.length == pytest.approx(np.mean([len(a.token_ids) for a in every]))
    assert told.ended == pytest.approx(np.mean([a.finish_reason == "stop" for a in every]))
    assert found.of_baseline.length == pytest.approx(np.mean([len(a.token_ids) for g in theirs for a in g]))
    assert told.forgetting is not None
    assert found.of_baseline.forgetting is not None
    assert told.forgetting > found.of_baseline.forgetting  # it babbles, and the base does not forget itself


def test_best_of_n_is_of_other_answers_of_the_baseline(found: Evaluation, ctx: Context) -> None:
    hand = ByHand(ctx, "policy-3")
    spare, theirs = hand.drawn("base", BEST_LUCK, BEST), hand.drawn("base", BASELINE_LUCK, SAMPLES)
    best, won = [], []
    for chat, many, other in zip(hand.chats, spare, theirs, strict=True):
        scores = [hand.reward(chat, answer) for answer in many]
        against = [hand.reward(chat, answer) for answer in other]
        best.append(max(scores))
        won.append(np.mean([(max(scores) > b) + 0.5 * (max(scores) == b) for b in against]))
    row = found.policies[0].best_of_n[-1]
    assert [r.n for r in found.policies[0].best_of_n] == [1, 2, 4]
    assert (row.reward, row.win_rate) == pytest.approx((np.mean(best), np.mean(won)), abs=1e-4)
    assert row.kl == pytest.approx(np.log(4) - 3 / 4)


def test_a_policy_that_changes_nothing_is_the_base_and_is_told_what_best_of_n_reaches(ctx: Context) -> None:
    done = evaluate(ctx, models=["policy-1"])
    (row,) = done.policies
    assert row.kl == pytest.approx(0.0, abs=1e-4)
    assert row.win_rate is not None
    assert 0.2 < row.win_rate < 0.8
    (said,) = [note for note in done.notes if "best of 4" in note]
    assert said.startswith("policy-1 does worse than the best of 4 answers of base by reward-1 (win rate 0.")
    assert "needs no training" in said


def test_the_launcher_prints_a_table_and_json_with_the_promised_keys(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    here = ["--workspace", str(workspace.folder)]
    assert launch.main(["evaluate", "--models", "policy-2", "policy-1", "--baseline", "base", *here]) == 0
    lines = capfd.readouterr().out.splitlines()
    names = [line.split("  ")[0] for line in lines if line.startswith(("base", "best of", "policy"))]
    assert names == ["base", "best of 2", "best of 4", "policy-1", "policy-2"]
    assert any(line.startswith("* KL: How far") for line in lines)
    assert launch.main(["evaluate", "--models", "policy-2", "policy-1", "--json", *here]) == 0
    told = json.loads(capfd.readouterr().out)
    promised = {"name", "win_rate", "low", "high", "reward", "kl", "length", "ended", "distinct", "forgetting"}
    assert {"baseline", "policies"} <= told.keys()
    for row in told["policies"]:
        assert promised | {"best_of_n"} <= row.keys()
        assert all({"n", "win_rate", "kl"} <= best.keys() for best in row["best_of_n"])
    # Given again, nothing is measured: it is what was found the first time.
    assert told["skipped"].startswith("Nothing new")
    assert (workspace.folder / told["plot"]).stat().st_size > 5_000
    few = ["--prompts", "1", "--samples", "1", "--best-of", "0"]
    assert launch.main(["evaluate", "--models", "policy-1", *few, "--json", *here]) == 0
    assert json.loads(capfd.readouterr().out)["skipped"] is None


def test_the_policies_of_the_latest_lineage_are_taken_where_none_is_named(ctx: Context, db: Database) -> None:
    db.execute("UPDATE models SET parent_id = ? WHERE name = 'policy-3'", [models.named(db, "policy-2").id])
    db.conn.commit()
    ctx = fast(ctx)
    done = evaluate(ctx)
    assert [row.name for row in done.policies] == ["policy-1", "policy-2", "policy-3"]
    assert (done.prompts, done.policies[0].best_of_n) == (2, ())
    # Each against another than the base, which is a version like any other then.
    turned = evaluate(ctx, models=["base"], baseline="policy-3")
    assert (turned.of_baseline.name, turned.policies[0].name) == ("policy-3", "base")
    hand = ByHand(ctx, "policy-3")
    hand.chats = hand.chats[:2]
    drawn = hand.drawn("base", POLICY_LUCK, 1)
    back = [-hand.log_ratio(chat, group[0]) for chat, group in zip(hand.chats, drawn, strict=True)]
    assert turned.policies[0].kl == pytest.approx(np.mean(back), abs=1e-3)
    assert evaluated(as_json(turned))[0]["name"] == "policy-3"


def test_kl_is_of_the_whole_distribution_where_answers_are_cut_to_a_nucleus(ctx: Context) -> None:
    cut, whole = (evaluate(fast(ctx, top_p=p), models=["policy-3"]) for p in (0.2, 1.0))
    assert cut.policies[0].kl == pytest.approx(whole.policies[0].kl, abs=1e-6)
    assert cut.policies[0].reward != whole.policies[0].reward
    assert cut.notes == whole.notes == ()


def test_at_temperature_0_it_is_said_what_kl_then_is(ctx: Context) -> None:
    (note,) = evaluate(fast(ctx, temperature=0.0), models=["policy-3"]).notes
    assert note.startswith("At temperature 0 all answers to a prompt are one")


SHORTER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    a, b = len(asked["a"]), len(asked["b"])
    print(json.dumps({"id": asked["id"], "scores": [-a, -b]}))
"""


def test_a_judge_from_outside_says_who_wins(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "judge.py").write_text(SHORTER)
    done = evaluate(ctx, models=["policy-3"], judge_command=f"{sys.executable} {tmp_path / 'judge.py'}")
    hand = ByHand(ctx, "policy-3")
    mine, theirs = hand.drawn("policy", POLICY_LUCK, SAMPLES), hand.drawn("base", BASELINE_LUCK, SAMPLES)
    won = []
    for one, other in zip(mine, theirs, strict=True):
        lengths = [(len(a.text), len(b.text)) for a, b in zip(one, other, strict=True)]
        won.append(np.mean([(a < b) + 0.5 * (a == b) for a, b in lengths]))
    (row,) = done.policies
    assert row.win_rate == pytest.approx(np.mean(won))
    assert (row.score, done.judge) == (None, f"the program {sys.executable}")
    spare, picked = hand.drawn("base", BEST_LUCK, BEST), []
    for chat, many, other in zip(hand.chats, spare, theirs, strict=True):
        best = max(many, key=lambda answer: hand.reward(chat, answer))
        picked.append((len(best.text) < len(other[0].text)) + 0.5 * (len(best.text) == len(other[0].text)))
    assert row.best_of_n[-1].win_rate == pytest.approx(np.mean(picked))


def rank(db: Database, prompt: int, order: dict[str, int]) -> None:
    """One ranking by a person: the level of one response of each version."""
    from store import annotators, rankings

    annotators.ensure(db, "ada")
    written = [
        Response(prompt, models.named(db, name).id, f"{name} says {'much ' * level}", 0, {"temperature": 0.5}, "stop")
        for name, level in order.items()
    ]
    shown = responses.add(db, written)
    (task,) = tasks.add(db, [Task(prompt, tuple(shown))])
    held = tasks.lease(db, task, "ada", shown)
    levels = dict(zip(shown, order.values(), strict=True))
    rankings.submit(db, str(held.lease), "ada", levels, seconds=1.0)


def test_people_judge_by_the_rankings_in_which_both_versions_stand(ctx: Context, db: Database) -> None:
    with pytest.raises(NotReady, match="0 rankings"):
        evaluate(ctx, models=["policy-3"], judge="people")
    asked = [p.id for p in prompts.every(db)]
    for prompt, order in zip(
        asked,
        [{"base": 2, "policy-3": 1}, {"base": 1, "policy-3": 1}, {"base": 1, "policy-3": 2, "policy-2": 3}] * 2,
        strict=False,
    ):
        rank(db, prompt, order)
    done = evaluate(ctx, models=["policy-3", "policy-2", "policy-1"], judge="people")
    alone, second, third = done.policies
    assert (third.name, third.win_rate, third.prompts) == ("policy-3", 0.5, 6)
    assert (second.win_rate, second.prompts, alone.win_rate, alone.prompts) == (0.0, 2, None, 0)
    with ctx.store() as opened:
        said = people(opened).verdict(models.named(opened, "policy-3"), models.named(opened, "base"))
    assert (third.low, third.high) == (said.low, said.high)  # as the leaderboard has it
    notes = " ".join(done.notes)
    assert "No ranking holds a response of base and one of policy-1" in notes
    assert "People rank answers of base, policy-2, policy-3 that were drawn at temperature 0.5; these" in notes
    assert third.best_of_n[-1].win_rate is None


def test_who_learned_to_please_the_judge_is_named(ctx: Context, db: Database) -> None:
    db.execute("UPDATE models SET reward_id = ? WHERE name = 'policy-3'", [models.named(db, "reward-1").id])
    db.conn.commit()
    notes = " ".join(evaluate(fast(ctx), models=["policy-3", "policy-2"]).notes)
    assert "reward-1 judges, and policy-3 learned to please it" in notes


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"models": ["policy-9"]}, NotFound, "no model 'policy-9': the workspace has base, policy-1"),
        ({"models": ["reward-1"]}, BadInput, "reward-1 is a reward model"),
        ({"baseline": "reward-1"}, BadInput, "reward-1 is a reward model"),
        ({"models": ["base"]}, NotReady, "no policy to compare with base"),
        ({"judge": "simulated"}, BadInput, "know the prompts of `tiny` only"),
        ({"judge": "reward", "judge_command": "cat"}, BadInput, "name two judges"),
        ({"judge_command": "'"}, BadInput, "cannot be read"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_before_anything_is_loaded(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], error: type[Exception], said: str
) -> None:
    monkeypatch.setattr(Context, "load_model", None)
    with pytest.raises(error, match=said):
        evaluate(ctx, **asked)


def test_what_is_lacking_is_named(ctx: Context, db: Database) -> None:
    db.execute("DELETE FROM models WHERE kind = 'reward'")
    db.conn.commit()
    with pytest.raises(NotReady, match="no reward model yet: run"):
        evaluate(ctx)
    with db.conn:
        db.execute("UPDATE prompts SET split = 'train'")
    with pytest.raises(NotReady, match="0 held-out prompts"):
        evaluate(ctx, judge_command="cat")


@pytest.mark.parametrize("how", ["base", "judge", "weights"])
def test_nothing_half_is_left_and_one_line_says_why(
    workspace: Workspace, stood: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], how: str
) -> None:
    """A policy whose base was changed, a judge that dies, weights that are not those that were written."""
    more = []
    if how == "base":
        base = shutil.copytree(stood / "llama", tmp_path / "llama")
        config = json.loads((base / "tokenizer_config.json").read_text())
        config["chat_template"] = "{% for m in messages %}{{ m.content }}<end>{% endfor %}"
        (base / "tokenizer_config.json").write_text(json.dumps(config))
        for file in base.glob("chat_template*"):
            file.write_text(config["chat_template"])
        toml = workspace.folder / "workspace.toml"
        toml.write_text(TOML.format(base=base))
    elif how == "judge":
        more = ["--judge-command", f"{sys.executable} -c 'import sys; sys.exit(7)'"]
    else:
        (workspace.models / "policy-3" / "adapter_model.safetensors").unlink()
    argv = ["evaluate", "--models", "policy-3", *more, "--workspace", str(workspace.folder)]
    assert launch.main(argv) == (1 if how == "judge" else 2)
    out, err = capfd.readouterr()
    line = err.replace("\r", "\n").strip().splitlines()[-1].strip()
    assert out == ""
    said = {"base": "was trained on another", "judge": "status 7 after 0 of", "weights": "holds no adapter"}[how]
    assert said in line, err
    assert not list(workspace.runs.glob("*.png"))
    with workspace.store() as db:
        assert evaluations.every(db) == []
        (job,) = jobs.recent(db)
        assert (job.state, job.result) == ("failed", {})
        assert job.error == line


def test_a_program_from_the_queue_is_not_run(workspace: Workspace, tmp_path: Path) -> None:
    """Whoever may ask for jobs on the page is not thereby to run programs on this machine."""
    with workspace.store() as db:
        jobs.enqueue(db, "evaluate", {"judge_command": f"touch {tmp_path / 'seen'}"})
    job = worker.take(workspace)
    assert job is not None
    assert worker._do(workspace, job.id, job.lease) == 1
    with workspace.store() as db:
        done = jobs.get(db, job.id)
    assert (done.state, done.result) == ("failed", {})
    assert done.error.startswith("judge_command names a program to be run: give it by hand, `python launch.py evalu")
    assert not (tmp_path / "seen").exists()


def test_a_judge_that_answers_nonsense_leaves_nothing(ctx: Context) -> None:
    with pytest.raises(WorkError, match="Line 1 of the judge is no verdict"):
        evaluate(ctx, models=["policy-3"], judge_command="echo hello")
