"""When a round may start: by the rankings that have come since the last one."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database

from rlhf import loop
from rlhf.loop import check_ready
from rlhf.settings import overlay
from rlhf.stages.context import Context
from rlhf.stages.rate import rate
from store import models, rounds
from store.errors import NotReady
from store.records import Model, Round


def test_only_rankings_since_the_last_round_are_new(ctx: Context, db: Database, world: Callable[..., Any]) -> None:
    ctx = dataclasses.replace(ctx, settings=overlay(ctx.settings, {"round": {"min_rankings": 4}}))
    made = world()
    asked = made.prompts(10, each=2)
    for prompt in asked[:3]:
        made.rank(prompt, "ada")
    with pytest.raises(NotReady, match="Round 1 needs 4 new rankings and 3 are stored: rank 1 more"):
        check_ready(ctx)
    made.rank(asked[3], "ada")
    assert check_ready(ctx) == 1
    rating = rate(ctx).record
    made.rank(asked[4], "ada")  # while the round trains: it was not rated, so it is new afterwards
    judge = models.add(db, Model("reward-1", "reward", "tiny"))
    rounds.add(db, Round(1, rating.id, judge, made.versions[0], {}))
    with pytest.raises(NotReady, match="Round 2 needs 4 new rankings and 1 are stored: rank 3 more"):
        check_ready(ctx)
    for prompt in asked[5:8]:
        made.rank(prompt, "ada")
    assert check_ready(ctx) == 2


@pytest.mark.parametrize("way", ["ppo", "dpo"])
def test_a_loop_trains_by_the_way_that_was_asked_for(
    ctx: Context, world: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, way: Any
) -> None:
    ctx = dataclasses.replace(ctx, settings=overlay(ctx.settings, {"round": {"min_rankings": 1}}))
    made = world()
    made.rank(made.prompts(1, each=2)[0], "ada")

    class Began(Exception):
        pass

    def begin(name: str) -> Callable[..., Any]:
        def stage(*_: object, **__: object) -> Any:
            raise Began(name)

        return stage

    monkeypatch.setattr(loop, "reward", begin("ppo"))  # with DPO there is no reward model
    monkeypatch.setattr(loop, "dpo", begin("dpo"))
    for run in (lambda: loop.run_loop(ctx, rounds=1, with_=way), lambda: loop.run_round(ctx, with_=way)):
        with pytest.raises(Began, match=way):
            run()
