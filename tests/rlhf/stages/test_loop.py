"""When a round may start: by the rankings that have come since the last one."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database

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
