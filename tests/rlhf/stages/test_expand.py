"""Prompts that a version proposes: new, marked, waiting, and never made of what is held out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from rlhf.settings import ModelConfig, SamplingConfig, Settings
from rlhf.stages.context import Base, Context
from rlhf.stages.expand import expand
from rlhf.stages.generate import generate
from rlhf.tiny.prompts import ranking_prompts
from rlhf.training import proposals
from rlhf.training.likeness import rouge_l, words
from store import models, prompts, tasks
from store.errors import BadInput, NotReady, WorkError
from store.records import Model, Prompt


@pytest.fixture(scope="module")
def base() -> Base:
    """`tiny` in memory, for all tests here."""
    return Base()


@pytest.fixture
def tiny(ctx: Context, db: Database, base: Base) -> Context:
    """A workspace on `tiny` with 100 of its prompts, and a version that stands for a trained one."""
    stored = [prompts.make([{"role": "user", "content": p.text}], source="tiny") for p in ranking_prompts()[:100]]
    prompts.add(db, stored)
    models.add(db, Model("base", "policy", "tiny"))
    models.add(db, Model("policy-1", "policy", "tiny", parent_id=1))
    return replace(ctx, base=base)


def texts(found: list[Prompt]) -> set[str]:
    return {prompt.text for prompt in found}


def test_what_is_proposed_is_new_marked_and_waits(tiny: Context, db: Database) -> None:
    before = texts(prompts.every(db))
    done = expand(tiny, count=80, likeness=0.7)
    found = prompts.waiting(db)
    assert (done.model, done.proposed, len(found)) == ("policy-1", 80, 80)
    assert done.drawn == done.proposed + done.unfit + done.alike
    assert {prompt.source for prompt in found} == {"expanded:policy-1"}
    assert texts(prompts.every(db)) == before
    told = [words(text) for text in (*before, *texts(found))]
    for prompt in found:
        others = [other for other in told if other != words(prompt.text)]
        assert len(others) == len(told) - 1
        assert max(rouge_l(words(prompt.text), other) for other in others) < 0.7
        assert prompt.text[-1] in ".?"


def test_nobody_is_shown_what_waits_and_no_model_answers_it(tiny: Context, db: Database) -> None:
    expand(tiny, count=3, likeness=0.9)
    asked = replace(tiny, settings=replace(tiny.settings, sampling=SamplingConfig(max_new_tokens=4, responses=3)))
    with db.conn:
        db.execute("UPDATE prompts SET removed = 'then' WHERE id NOT IN (1, 2) AND waiting = 0")
    waits = {prompt.id for prompt in prompts.waiting(db)}
    generate(asked, model="base")
    answered = {row[0] for row in db.execute("SELECT DISTINCT prompt_id FROM responses")}
    assert answered == {1, 2}
    assert set(tasks.per_prompt(db)) <= {1, 2}
    prompts.accept(db, waits)
    generate(asked, model="base")
    answered = {row[0] for row in db.execute("SELECT DISTINCT prompt_id FROM responses")}
    assert answered == {1, 2, *waits}


def test_a_second_call_goes_on_and_proposes_nothing_that_was_refused(tiny: Context, db: Database) -> None:
    expand(tiny, count=8, likeness=1.0)
    first = prompts.waiting(db)
    prompts.remove(db, [prompt.id for prompt in first])
    again = expand(tiny, count=8, likeness=1.0)
    assert again.alike < 8  # other draws than those of the first call
    second = prompts.waiting(db)
    assert len(second) == 8
    assert not {tuple(words(text)) for text in texts(first)} & {tuple(words(text)) for text in texts(second)}


def test_whoever_was_killed_has_stored_nothing_and_draws_the_same_again(tiny: Context, db: Database) -> None:
    seen: list[set[str]] = []

    def killed(stored: Database, product: object) -> None:
        seen.append(texts(prompts.waiting(stored)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        expand(replace(tiny, made=killed), count=5, likeness=0.9)
    assert prompts.waiting(db) == []
    expand(tiny, count=5, likeness=0.9)
    assert [texts(prompts.waiting(db))] == seen


def test_a_version_that_finds_nothing_new_says_how_to_get_on(tiny: Context, db: Database) -> None:
    with pytest.raises(WorkError, match=r"0 prompts of 2: of 20 drawn \d+ were too like .*Raise --likeness"):
        expand(tiny, count=2, likeness=0.0)
    assert prompts.waiting(db) == []


def test_only_a_policy_proposes(tiny: Context, db: Database) -> None:
    models.add(db, Model("reward-1", "reward", "tiny"))
    with pytest.raises(BadInput, match="reward-1 is a reward model"):
        expand(tiny, model="reward-1")


def on(ctx: Context, db: Database, folder: Path) -> Context:
    """The context on another base, with one policy."""
    models.add(db, Model("base", "policy", str(folder)))
    settings = Settings(model=ModelConfig(base_model=str(folder), quantization="none"))
    return replace(ctx, settings=settings)


def test_a_chat_model_is_shown_train_prompts_in_turn_with_the_opening(
    ctx: Context, db: Database, make_base: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = on(ctx, db, make_base("qwen2", context=256))
    made = [(f"tea {n}?", "eval" if n % 3 == 0 else "train") for n in range(30)]
    for text, split in made:
        prompts.add(db, [prompts.make([{"role": "user", "content": text}], source="t", split=split)])
    told: list[str] = []
    starts: list[Any] = []
    whole, draw = proposals.shown, proposals.propose

    def shown(chat: Any, seeds: list[str]) -> list[int]:
        told.extend(seeds)
        return whole(chat, seeds)

    def propose(model: Any, begins: Any, *args: Any, **named: Any) -> Any:
        starts.extend(begins)
        return draw(model, begins, *args, **named)

    monkeypatch.setattr(proposals, "shown", shown)
    monkeypatch.setattr(proposals, "propose", propose)
    with pytest.raises(WorkError):
        expand(other, count=1, likeness=0.0)
    assert set(told) <= {text for text, split in made if split == "train"}
    assert len(set(told)) > 8
    lengths = [len(start) for start in starts]
    assert len(starts) == 10
    assert set(lengths[::2]) == {1}  # <user>
    assert min(lengths[1::2]) > 20


def test_without_an_opening_and_without_prompts_there_is_nothing_to_start_from(
    ctx: Context, db: Database, make_base: Callable[..., Path]
) -> None:
    other = on(ctx, db, make_base("qwen2", template="{% for m in messages %}{{ m.content }}<end>{% endfor %}"))
    with pytest.raises(NotReady, match="there are 0 prompts to show instead: import some"):
        expand(other, count=1)
