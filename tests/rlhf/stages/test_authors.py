"""Responses that no version of ours wrote go through the stages; what a stage makes says what it was taught by."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlite_utils import Database

from rlhf.stages.context import Context, keep, record, write
from rlhf.stages.generate import _prompts_in_need, _tasks
from rlhf.stages.leaderboard import OPEN, leaderboard
from rlhf.stages.rate import rate
from rlhf.stages.reward import ranked_prompts
from rlhf.training.models import RoleModel
from store import annotators, jobs, models, rankings, responses, scores
from store.digests import verify
from store.errors import BadInput
from store.records import Model, Response

Make = Callable[..., Any]


def written(db: Database, made: Any, prompt: int, **author: Any) -> int:
    """A response to a prompt by somebody else than the versions, shown beside theirs and better than all of them."""
    told = {"model_id": None, "text": f"{prompt} by hand", "seed": 0, "sampling": {}, "finish_reason": "imported"}
    (response,) = responses.add(db, [Response(prompt, **told | author)])
    made.shown[prompt] = (response, *made.shown[prompt])
    made.truth[response] = 99.0
    return response


@pytest.fixture
def mixed(db: Database, world: Make) -> Any:
    """A base and a better version on 30 prompts; a person wrote to a third of them, a model elsewhere to another."""
    made = world([0.0, 2.5])
    annotators.ensure(db, "ada")
    elsewhere = models.add(db, Model("elsewhere", "imported", "unknown", made_by="import"))
    made.persons = set()
    for number, prompt in enumerate(made.prompts(30, each=2)):
        if number % 3 == 0:
            made.persons.add(written(db, made, prompt, annotator="ada"))
        elif number % 3 == 1:
            written(db, made, prompt, model_id=elsewhere)
        for person in ("bo", "cy"):
            made.rank(prompt, person)
    return made


def test_what_no_version_wrote_counts_as_not_shown(db: Database, mixed: Any) -> None:
    standing = rankings.current(db)
    without = [
        replace(r, levels={response: level for response, level in r.levels.items() if response not in mixed.persons})
        for r in standing
    ]
    assert sum(r.levels != w.levels for r, w in zip(standing, without, strict=True)) == 20
    assert leaderboard(db) == leaderboard(db, without)


def test_a_model_elsewhere_stands_on_the_board_and_is_never_the_newest_of_ours(db: Database, mixed: Any) -> None:
    board = leaderboard(db)
    assert [v.name for v in board.versions] == ["elsewhere", "policy-1", "base"]
    assert (board.newest, board.base, board.versions[0].prompts) == ("policy-1", "base", 10)


def test_a_task_that_shows_no_version_decides_nothing(db: Database, world: Make) -> None:
    made = world([0.0, 2.5])
    annotators.ensure(db, "ada")
    (prompt,) = made.prompts(1)
    made.shown[prompt] = ()
    for _ in range(2):
        written(db, made, prompt, annotator="ada")
    made.rank(prompt, "bo")
    board = leaderboard(db)
    assert (board.decision, board.newest, board.prompts, board.rankings) == (OPEN, "base", 0, 1)


def test_a_persons_response_is_rated_and_teaches_the_reward_model(
    ctx: Context, db: Database, mixed: Any, letters: Make, spelled: Make
) -> None:
    rating = rate(ctx).record
    rated = {score.response_id for score in scores.of_rating(db, rating.id)}
    assert rated == {response for shown in mixed.shown.values() for response in shown}
    train, heldout = ranked_prompts(db, rating, letters())
    assert heldout == []
    by_hand = [p for p in train if any("by hand" in spelled(answer)[0] for answer in p.answers)]
    assert (len(train), len(by_hand)) == (30, 20)
    for prompt in by_hand:
        best = prompt.tempered.index(max(prompt.tempered))
        text, finished = spelled(prompt.answers[best])
        assert "by hand" in text
        assert finished


@pytest.mark.parametrize(("reason", "whole"), [("stop", True), ("imported", True), ("length", False)])
def test_only_a_cut_response_is_unfinished(
    ctx: Context, db: Database, world: Make, letters: Make, spelled: Make, reason: str, whole: bool
) -> None:
    made = world()
    annotators.ensure(db, "ada")
    (prompt,) = made.prompts(1)
    written(db, made, prompt, annotator="ada", finish_reason=reason)
    made.rank(prompt, "bo")
    ((ranked,), _) = ranked_prompts(db, rate(ctx).record, letters())
    assert dict(map(spelled, ranked.answers)) == {f"{prompt}.0": True, f"{prompt} by hand": whole}


def test_new_tasks_are_made_of_the_versions_responses_alone(db: Database, mixed: Any) -> None:
    base, newer = (models.get(db, version) for version in mixed.versions)
    assert _prompts_in_need(db, newer, 0) == []
    (fresh,) = mixed.prompts(1)
    written(db, mixed, fresh, annotator="ada")
    unread = models.get(db, models.add(db, Model("policy-2", "policy", "tiny", newer.id)))
    chosen = _prompts_in_need(db, unread, 0)
    assert len(chosen) == 31
    writers = {r.id: r.model_id for r in responses.every(db)}
    made = _tasks(db, chosen, [(newer.id, 1), (base.id, 1)], 4)
    assert [sorted(str(writers[r]) for r in task.response_ids) for task in made] == [["1", "2"]] * 31


class Saved:
    """Stands for a model in memory: notes what it was told to save."""

    def __init__(self) -> None:
        self.roles: list[str] = []

    def save(self, role: str, folder: Path) -> None:
        self.roles.append(role)
        (folder / "weights").write_text(role)


def test_what_is_kept_names_its_teacher_its_work_and_its_settings(ctx: Context, db: Database, world: Make) -> None:
    made = world()
    for prompt in made.prompts(2, each=2):
        made.rank(prompt, "ada")
    rating = rate(ctx).record
    ctx = replace(ctx, job_id=jobs.enqueue(db, "round"))
    weights = Saved()
    base, model = models.named(db, "base"), cast(RoleModel, weights)
    taught = Model("", "reward", "", metrics={"std": 1.0}, rating_id=rating.id, made_by="reward")
    judge = keep(ctx, model, taught)
    tables = ctx.tables("model", "ppo")
    trained = Model(
        "", "policy", "", base.id, metrics={"kl": 0.5}, reward_id=judge.id, made_by="ppo", settings=tables
    )
    policy = keep(ctx, model, trained)
    assert [m.name for m in (judge, policy)] == ["reward-1", "policy-1"]
    assert {m.job_id for m in (judge, policy)} == {ctx.job_id}
    assert (judge.rating_id, judge.reward_id, judge.made_by) == (rating.id, None, "reward")
    assert (policy.rating_id, policy.reward_id, policy.made_by) == (None, judge.id, "ppo")
    assert (judge.metrics, policy.metrics, policy.parent_id) == ({"std": 1.0}, {"kl": 0.5}, base.id)
    assert policy.settings["ppo"] == asdict(ctx.settings.ppo)
    assert weights.roles == ["reward", "policy"]
    assert [m.path for m in (judge, policy)] == [f"models/{kind}-job{ctx.job_id}" for kind in ("reward", "policy")]
    assert verify(ctx.workspace, judge)
    assert verify(ctx.workspace, policy)


def test_each_model_has_a_folder_of_its_own_and_the_next_name_that_is_free(ctx: Context, db: Database) -> None:
    """A loop makes several; neither a job beside it nor an imported model of such a name takes one away."""
    one, other = (replace(ctx, job_id=jobs.enqueue(db, "loop")) for _ in range(2))
    model, made = cast(RoleModel, Saved()), Model("", "policy", "", made_by="ppo")
    models.add(db, Model("policy-2", "imported", "elsewhere"))
    both = [write(job, model, made) for job in (one, other)]
    assert len({m.path for m in both}) == 2
    kept = [*(record(db, written) for written in both), keep(one, model, made)]
    assert [m.name for m in kept] == ["policy-1", "policy-3", "policy-4"]
    assert [m.path for m in kept] == [
        f"models/policy-job{one.job_id}",
        f"models/policy-job{other.job_id}",
        f"models/policy-job{one.job_id}-2",
    ]
    assert all(verify(ctx.workspace, m) for m in kept)


def test_what_a_killed_job_left_is_replaced_by_its_own_second_try(ctx: Context, db: Database) -> None:
    one = replace(ctx, job_id=jobs.enqueue(db, "ppo"))
    model, made = cast(RoleModel, Saved()), Model("", "policy", "", made_by="ppo")
    left = ctx.workspace.folder / str(write(one, model, made).path)
    (left / "stray").write_text("of a half-written model")
    kept = keep(one, model, made)
    assert kept.name == "policy-1"
    assert ctx.workspace.folder / str(kept.path) == left
    assert [p.name for p in left.iterdir()] == ["weights"]


def _flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


HURT: dict[str, Callable[[Path], object]] = {
    "cut": lambda f: (f / "weights").write_bytes((f / "weights").read_bytes()[:-1]),
    "emptied": lambda f: (f / "weights").write_bytes(b""),
    "deleted": lambda f: (f / "weights").unlink(),
    "one bit": lambda f: _flip(f / "weights"),
    "another's": lambda f: (f / "weights").write_bytes(b"of another version"),
    "a file more": lambda f: (f / "head.safetensors").write_bytes(b"h"),
    "renamed": lambda f: (f / "weights").rename(f / "adapter"),
    "folder gone": lambda f: f.rename(f.with_name("away")),
}


@pytest.mark.parametrize("how", HURT)
def test_weights_that_are_not_those_that_were_written_are_never_loaded(ctx: Context, db: Database, how: str) -> None:
    loaded: list[object] = []

    class Model_(Saved):
        def load(self, *told: object) -> None:
            loaded.append(told)

    one = replace(ctx, job_id=jobs.enqueue(db, "ppo"))
    model = cast(RoleModel, Model_())
    kept = keep(one, model, Model("", "policy", "", made_by="ppo"))
    one.load_role(model, kept)
    assert len(loaded) == 1
    HURT[how](ctx.workspace.folder / str(kept.path))
    with pytest.raises(BadInput, match=r"policy-job\d+ .*policy-1.*: put (them|it) back"):
        one.load_role(model, kept)
    assert len(loaded) == 1
