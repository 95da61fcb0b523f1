"""Which responses are shown together, and which version wrote them."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sqlite_utils import Database

from rlhf import training
from rlhf.settings import overlay
from rlhf.stages.context import Context
from rlhf.stages.generate import _prompts_in_need, _tasks, generate
from rlhf.training.chat import Chat
from rlhf.training.sampling import Sample, sample
from store import models, prompts, responses, tasks
from store.errors import WorkError
from store.records import Model, Prompt, Response, Task


def asked(db: Database, *texts: str) -> list[Prompt]:
    chats = [prompts.make([{"role": "user", "content": text}], source="test", split="train") for text in texts]
    return [prompts.get(db, prompt) for prompt in prompts.add(db, chats)]


def answered(db: Database, prompt: Prompt, model: int, *texts: str) -> list[int]:
    return responses.add(db, [Response(prompt.id, model, text, 0, {}, "stop") for text in texts])


def test_equal_texts_are_shown_once_and_one_text_makes_no_task(db: Database) -> None:
    base, policy = (models.add(db, Model(name, "policy", "tiny")) for name in ("base", "policy-1"))
    several, one = asked(db, "several", "one")
    answered(db, several, base, "yes", "no")
    answered(db, several, policy, "yes", "maybe", "maybe")
    answered(db, one, base, "yes")
    answered(db, one, policy, "yes", "yes")
    (task,) = _tasks(db, [several, one], [(policy, 3), (base, 2)], 4)
    assert task.prompt_id == several.id
    texts = {r.id: r.text for r in responses.every(db)}
    assert sorted(texts[r] for r in task.response_ids) == ["maybe", "no", "yes"]


def test_the_newest_of_each_version_are_shown_and_no_more_than_the_limit(db: Database) -> None:
    base, policy = (models.add(db, Model(name, "policy", "tiny")) for name in ("base", "policy-1"))
    (prompt,) = asked(db, "which?")
    answered(db, prompt, base, "base 1", "base 2")
    ids = answered(db, prompt, policy, "old", "new", "newer")
    (task,) = _tasks(db, [prompt], [(policy, 2), (base, 1)], 4)
    texts = {r.id: r.text for r in responses.every(db)}
    assert {texts[r] for r in task.response_ids} == {"new", "newer", "base 2"}
    assert len(_tasks(db, [prompt], [(policy, 3), (base, 2)], 4)[0].response_ids) == 4
    assert ids[0] not in task.response_ids


def test_what_has_the_fewest_tasks_is_answered_first_and_what_is_answered_not_at_all(db: Database) -> None:
    base = models.add(db, Model("base", "policy", "tiny"))
    policy = models.get(db, models.add(db, Model("policy-1", "policy", "tiny", parent_id=base)))
    busy, done, idle, late = asked(db, "busy", "done", "idle", "late")
    shown = tuple(answered(db, busy, base, "a", "b"))
    tasks.add(db, [Task(busy.id, shown)] * 2)
    tasks.add(db, [Task(done.id, tuple(answered(db, done, policy.id, "a", "b")))])
    assert _prompts_in_need(db, policy, 0) == [idle, late, busy]
    assert _prompts_in_need(db, policy, 2) == [idle, late]
    answered(db, idle, policy.id, "a", "a")  # of one text: there was nothing to make a task of
    assert _prompts_in_need(db, policy, 2) == [late, busy]
    assert _prompts_in_need(db, policy, 0) == [late, busy, idle]


@pytest.fixture
def small(ctx: Context, make_base: Callable[..., Path]) -> Context:
    """A random Llama that always says its likeliest words."""
    tables = {
        "model": {"base_model": str(make_base("llama")), "rank": 4},
        "sampling": {"responses": 3, "max_new_tokens": 6, "temperature": 0.0},
    }
    return dataclasses.replace(ctx, settings=overlay(ctx.settings, tables))


def test_each_version_speaks_for_itself(small: Context, db: Database) -> None:
    """What is stored under a version's name is what its own weights say, beside the base's own words."""
    texts = asked(db, "tea", "red green", "cake")
    model = small.load_model()
    torch.manual_seed(0)
    for parameter in model.parameters("policy"):
        parameter.data.add_(torch.randn_like(parameter) * 0.3)
    model.save("policy", small.workspace.models / "policy-1")
    base = models.add(db, Model("base", "policy", small.settings.model.base_model))
    models.add(db, Model("policy-1", "policy", small.settings.model.base_model, base, path="models/policy-1"))
    chats = [p.messages for p in texts]
    one = dataclasses.replace(small.settings.sampling, responses=1)
    expected = {role: [g[0].text for g in sample(model, chats, one, role=role)] for role in ("policy", "base")}  # type: ignore[arg-type]
    assert expected["policy"] != expected["base"]
    made = generate(small)
    assert (made.model, made.prompts) == ("policy-1", 3)
    for name, role, count in (("policy-1", "policy", 1), ("base", "base", 2)):
        own = responses.of_model(db, models.named(db, name).id)
        said = {p.id: [r.text for r in own if r.prompt_id == p.id] for p in texts}
        assert said == {p.id: [text] * count for p, text in zip(texts, expected[role], strict=True)}


def turned(ctx: Context, **tables: dict[str, Any]) -> Context:
    return dataclasses.replace(ctx, settings=overlay(ctx.settings, tables))


def test_answers_all_alike_are_an_error_that_another_temperature_mends(small: Context, db: Database) -> None:
    asked(db, "tea", "red green", "cake")
    models.add(db, Model("base", "policy", small.settings.model.base_model))
    for _ in range(2):
        with pytest.raises(WorkError, match=r"^3 prompts made no task, .* raise the temperature .*it is 0\)"):
            generate(small)
        assert responses.count(db) == 9  # the likeliest words stay the same: nobody is asked for them twice
        assert tasks.per_prompt(db) == {}
    made = generate(turned(small, sampling={"temperature": 1.0}, generate={"overlap_share": 0.0}))
    assert (made.prompts, made.responses, made.alike) == (3, 9, None)
    assert sorted(tasks.per_prompt(db)) == [1, 2, 3]


def test_what_came_out_alike_is_said_and_tried_again_with_other_luck(
    small: Context, db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A model that has one answer to one of three prompts, with the first two seeds."""
    asked(db, "tea", "stuck", "cake")
    base = models.add(db, Model("base", "policy", small.settings.model.base_model))
    seeds: list[int] = []
    said: list[list[str]] = []

    def luck(_: Any, chats: Any, config: Any, **__: Any) -> list[list[Sample]]:
        seeds.append(config.seed)
        said.append([chat[-1]["content"] for chat in chats])
        alike = len(seeds) <= 2
        return [
            [
                Sample("yes" if alike and chat[-1]["content"] == "stuck" else f"{n}", "stop", config.seed, (n, 1))
                for n in range(config.responses)
            ]
            for chat in chats
        ]

    monkeypatch.setattr(training.sampling, "sample", luck)
    warm = turned(small, sampling={"temperature": 0.3}, generate={"overlap_share": 0.0, "repeat_share": 0.0})
    first, second, third, last = (generate(warm) for _ in range(4))
    told = "1 prompts made no task, for all answers to them are the same text: raise the temperature"
    assert [str(made.alike)[: len(told)] for made in (first, second, third)] == [told, told, "None"]
    assert caplog.text.count(told) == 2
    assert [(made.prompts, made.responses) for made in (first, second, third)] == [(3, 9), (1, 3), (1, 3)]
    assert said == [["tea", "stuck", "cake"], ["stuck"], ["stuck"]]
    assert len(set(seeds)) == 3
    assert last.skipped
    texts = {r.id: (r.text, r.seed, r.token_ids) for r in responses.of_model(db, base)}
    held = {tasks.get(db, t).prompt_id: tasks.get(db, t).response_ids for t in range(1, 4)}
    assert {texts[r] for r in held[2]} == {("0", seeds[2], (0, 1)), ("1", seeds[2], (1, 1)), ("2", seeds[2], (2, 1))}


def test_the_tokens_that_were_written_are_kept(small: Context, db: Database) -> None:
    """They say the text, and they end with the end of a turn where the answer does."""
    asked(db, "tea", "cake")
    base = models.add(db, Model("base", "policy", small.settings.model.base_model))
    loud = turned(small, sampling={"temperature": 1.0, "max_new_tokens": 100})
    generate(loud)
    chat = Chat(small.settings.model.base_model)
    kept = responses.of_model(db, base)
    assert {r.finish_reason for r in kept} == {"stop", "length"}
    for r in kept:
        assert r.token_ids is not None
        assert chat.text(r.token_ids) == r.text
        assert (r.token_ids[-1] == chat.end_id) == r.finished
        assert len(r.token_ids) == 100 or r.finished
