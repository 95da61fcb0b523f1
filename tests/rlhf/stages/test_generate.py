"""Which responses are shown together, and which version wrote them."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sqlite_utils import Database

from rlhf.settings import overlay
from rlhf.stages.context import Context
from rlhf.stages.generate import _prompts_in_need, _tasks, generate
from rlhf.training.sampling import sample
from store import models, prompts, responses, tasks
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
    answered(db, done, policy.id, "a")
    assert _prompts_in_need(db, policy, 0) == [idle, late, busy]
    assert _prompts_in_need(db, policy, 2) == [idle, late]


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
