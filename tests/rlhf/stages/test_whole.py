"""A job that is ended at any of its writes, and started again, ends as if nothing had happened."""

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlhf import loop, training
from rlhf.jobs import execute
from rlhf.settings import overlay
from rlhf.stages.context import Context, Made, keep
from rlhf.training.sampling import Sample
from store import annotators, jobs, leases, models, prompts, rankings, responses, rounds, scores, tasks
from store.records import Json, Model, Task
from store.results import PolicyComparison, RewardJudgement, as_json
from store.workspace import Workspace
from tests.drills.state import differences, state
from tests.drills.writes import Writes, watch

Make = Callable[..., Any]
FEW: Json = {
    "generate": {"prompts": 2, "overlap_share": 0.0, "repeat_share": 0.3},
    "sampling": {"responses": 3},
    "round": {"min_rankings": 1},
    "rating": {"reliability": False},
}


def said(_: Any, chats: Any, config: Any, **__: Any) -> list[list[Sample]]:
    """Answers that are the same whenever they are asked for with the same seed."""
    seed, each = config.seed, range(config.responses)
    return [[Sample(f"{chat[-1]['content']} {seed} {n}", "stop", seed, (n,)) for n in each] for chat in chats]


class Weights:
    """Stands for a model in memory."""

    def save(self, role: str, folder: Path) -> None:
        (folder / "weights").write_text(role)


@pytest.fixture
def ranked(ctx: Context, world: Make, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Ten prompts, of which two versions have answered four and people have ranked these; nothing is loaded."""
    made = world([0.0, 1.0])
    for prompt in made.prompts(4):
        made.rank(prompt, "ada")
    with ctx.store() as db:
        db.execute("UPDATE models SET parent_id = ? WHERE id = ?", made.versions)
        db.conn.commit()
        chats = [[{"role": "user", "content": f"fresh {n}"}] for n in range(6)]
        prompts.add(db, [prompts.make(chat, source="test", split="train") for chat in chats])
    monkeypatch.setattr(training.sampling, "sample", said)
    monkeypatch.setattr(Context, "load_model", lambda *_: Weights())
    monkeypatch.setattr(Context, "load_role", lambda *_: None)
    monkeypatch.setattr(execute, "REPORT_SECONDS", float("inf"))
    return ctx.workspace


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round's reward model and policy, made in no time."""
    judged = RewardJudgement(0.9, 0.8, 1.0, 0.4, 0.1, 9, 8, 2, 0.0, 1.0, True)

    def reward(ctx: Context) -> Made[Model]:
        with ctx.store() as db:
            rating, done = scores.require_latest(db), models.latest(db, "reward")
        if done and done.rating_id == rating.id:
            return Made(done, "Nothing new.")
        told = Model("", "reward", "", rating_id=rating.id, metrics=as_json(judged))
        return Made(keep(ctx, Weights(), told))  # type: ignore[arg-type]

    def ppo(ctx: Context, *, force: bool) -> Made[Model]:
        with ctx.store() as db:
            judge, done = models.latest(db, "reward"), models.latest(db, "policy")
        assert judge
        assert done
        if done.reward_id == judge.id:
            return Made(done, "Nothing new.")
        told = PolicyComparison(1, "", 0.0, 1.0, force, 0.0, 1.0, 0.0, 2.0, 1.0, 0.7, judge.name, 0.5, 9.0)
        made = Model("", "policy", "", done.id, metrics=as_json(told), reward_id=judge.id, made_by="ppo")
        return Made(keep(ctx, Weights(), made))  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "reward", reward)
    monkeypatch.setattr(loop, "ppo", ppo)


def do(workspace: Workspace, number: int) -> None:
    with workspace.store() as db:
        for lease in leases.held(db):  # its process lives on here, and is to be dead
            jobs.died(db, lease.job_id, lease.number, "it was killed")
        jobs.settle(db)
        job = jobs.claim(db, os.getpid(), number)
    if job is not None:  # it may have ended before it was killed
        execute.execute(workspace, job)


def killed(workspace: Workspace, number: int, at: int) -> list[str]:
    """Do a job up to a point; the writes that were seen."""

    def die() -> None:
        raise SystemExit  # as the worker's SIGTERM does it: nothing is noted

    writes = Writes(die, at)
    with pytest.MonkeyPatch.context() as patch:
        watch(writes, patch.setattr)
        if at:
            with pytest.raises(SystemExit):
                do(workspace, number)
        else:
            do(workspace, number)
    return writes.seen


def copied(workspace: Workspace, name: str) -> Workspace:
    to = workspace.folder.parent / name
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(workspace.folder, to)
    return Workspace(to)


@pytest.mark.parametrize("kind", ["generate", "rate", "round"])
def test_killed_at_any_write_it_ends_as_if_undisturbed(ranked: Workspace, trained: None, kind: str) -> None:
    with ranked.store() as db:
        number = jobs.enqueue(db, kind, {"settings": FEW})
    whole = copied(ranked, "whole")
    points = killed(whole, number, 0)
    expected = state(whole)
    assert expected["jobs"][0]["state"] == "done"
    assert sum("of responses, tasks" in point for point in points) == (0 if kind == "rate" else 2)
    for at, point in enumerate(points, start=1):
        if point.endswith("removal"):  # there is nothing to remove
            continue
        broken = copied(ranked, "broken")
        assert killed(broken, number, at)[at - 1] == point
        do(broken, number)
        assert differences(expected, state(broken)) == [], f"{at}, {point}"


def test_a_limit_of_prompts_holds_over_a_restart_and_what_is_ranked_again_comes_once(ranked: Workspace) -> None:
    with ranked.store() as db:
        number, rate = (jobs.enqueue(db, kind, {"settings": FEW}) for kind in ("generate", "rate"))
    do(ranked, rate)
    with ranked.store() as db:
        before = responses.count(db)
    points = killed(copied(ranked, "whole"), number, 0)
    killed(ranked, number, 1 + points.index("after commit of responses, tasks, task_responses, jobs"))
    with ranked.store() as db:
        assert jobs.get(db, number).state == "queued"
        opened = tasks.count_open(db)
        told = jobs.get(db, number).result
        assert (told["prompts"], told["responses"], told["tasks"]) == (2, 2, opened)
    do(ranked, number)
    with ranked.store() as db:
        assert (tasks.count_open(db), responses.count(db)) == (opened, before + 6)
        assert len(tasks.of_reason(db, "uniform") | tasks.of_reason(db, "risk")) == 2  # 30% of four
        done = jobs.get(db, number)
        assert (done.state, done.result) == ("done", told)


def test_a_round_keeps_to_its_policy_though_rankings_came_while_it_was_down(ranked: Workspace, trained: None) -> None:
    with ranked.store() as db:
        number = jobs.enqueue(db, "round", {"settings": FEW})
    points = killed(copied(ranked, "whole"), number, 0)
    kept = [at for at, point in enumerate(points, start=1) if point == "after commit of models"]
    killed(ranked, number, kept[-1])
    with ranked.store() as db:
        annotators.ensure(db, "bo")
        shown = tasks.get(db, 1).response_ids
        (task,) = tasks.add(db, [Task(tasks.get(db, 1).prompt_id, shown)])
        rankings.submit(db, str(tasks.lease(db, task, "bo", shown).lease), "bo", dict.fromkeys(shown, 1))
    do(ranked, number)
    with ranked.store() as db:
        (turn,) = rounds.every(db)
        assert (turn.rating_id, turn.job_id, len(models.every(db, "reward"))) == (1, number, 1)
        assert [m.name for m in models.every(db, "policy")] == ["base", "policy-1", "policy-2"]
        assert rankings.count(db, since=scores.get(db, 1).last_ranking_id) == 1  # new for the next round


def test_a_loop_counts_the_rounds_it_ran_before_it_was_killed(
    ranked: Workspace, trained: None, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "POLL_SECONDS", -1.0)  # a loop that would wait for rankings fails at once
    with ranked.store() as db:
        mine, other = (jobs.enqueue(db, "loop", {"rounds": 1, "settings": FEW}) for _ in range(2))
    points = killed(copied(ranked, "whole"), mine, 0)
    killed(ranked, mine, 1 + next(at for at, point in enumerate(points) if "after" in point and "rounds" in point))
    with ranked.store() as db:
        assert (jobs.get(db, mine).result, len(rounds.every(db))) == ({}, 1)  # one round is not the whole loop
    do(ranked, mine)
    with ranked.store() as db:
        assert (jobs.get(db, mine).state, len(rounds.every(db))) == ("done", 1)
    ctx = dataclasses.replace(ctx, settings=overlay(ctx.settings, FEW), job_id=other, progress=_waits)
    with pytest.raises(RuntimeError, match="it waits: Round 2 needs 1 new rankings"):
        loop.run_loop(ctx, rounds=1)


def _waits(done: int, total: int, note: str) -> None:
    raise RuntimeError(f"it {note.replace('waiting', 'waits')}")
