"""From the policy's pen to the reward model: the tokens that were written are those that are read."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from rlhf import training
from rlhf.settings import overlay
from rlhf.stages.context import Context
from rlhf.stages.generate import generate
from rlhf.stages.rate import rate
from rlhf.stages.reward import reward
from store import annotators, jobs, models, prompts, rankings, responses, tasks
from store.records import Model


def rank_all(db: Database, name: str) -> None:
    annotators.ensure(db, name)
    while free := tasks.free_for(db, name, 50):
        for task in free:
            shown = [r.id for r in responses.of_task(db, task)]
            lease = tasks.lease(db, task, name, shown)
            rankings.submit(db, str(lease.lease), name, {r: n for n, r in enumerate(shown, start=1)})


def test_answers_to_the_very_end_of_the_context_are_read_as_they_were_written(
    ctx: Context, db: Database, make_base: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An OPT has an embedding for each position and none beyond. Its random words are bytes of no text at all: read
    from their text they are other tokens, and more of them."""
    base, asked = str(make_base("opt", context=24)), len(["<user>", "tea", "<end>", "<bot>"])
    tables: dict[str, dict[str, Any]] = {
        "model": {"base_model": base, "rank": 4},
        "sampling": {"responses": 3, "max_new_tokens": 24 - asked},
        "generate": {"overlap_share": 0.0, "overlap_annotators": 1},
    }
    small = dataclasses.replace(ctx, settings=overlay(ctx.settings, tables), job_id=jobs.enqueue(db, "reward"))
    words = ("tea", "cake", "red", "rice", "soup", "blue")
    chats = [
        prompts.make([{"role": "user", "content": word}], source="test", split="eval" if n > 3 else "train")
        for n, word in enumerate(words)
    ]
    prompts.add(db, chats)
    models.add(db, Model("base", "policy", base))
    generate(small)
    written = responses.every(db)
    chat = training.chat.Chat(base)
    assert {len(chat.prompt(p.messages)) for p in prompts.every(db)} == {asked}
    assert max(len(r.token_ids or ()) for r in written) == 24 - asked
    again = [chat.response(r.text, finished=r.finished) for r in written]
    assert sum(len(ids) > 24 - asked for ids in again) > len(again) / 2

    rank_all(db, "ada")
    rate(small)
    taught: list[tuple[int, ...]] = []
    train = training.reward.train_reward

    def watched(model: Any, own: Any, heldout: Any, *args: Any, **kwargs: Any) -> Any:
        taught.extend(answer for ranked in (*own, *heldout) for answer in ranked.answers)
        return train(model, own, heldout, *args, **kwargs)

    monkeypatch.setattr(training.reward, "train_reward", watched)
    assert reward(small).record.name == "reward-1"
    assert sorted(taught) == sorted(r.token_ids or () for r in written)
