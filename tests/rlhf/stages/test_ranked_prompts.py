"""What the reward model is taught of the scores: on which side, of which texts, and how far apart."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from sqlite_utils import Database

from rlhf.stages.context import Context
from rlhf.stages.rate import rate
from rlhf.stages.reward import ranked_prompts, tempered
from store import models, prompts, responses, scores, tasks
from store.records import Model, Rating, Response, Score

Make = Callable[..., Any]
LOGIT = np.log(10) / 400


def scored(*pairs: tuple[float, float | None]) -> list[Score]:
    return [Score(n, elo, error, 1, 1) for n, (elo, error) in enumerate(pairs, start=1)]


def odds_by_integration(gap: float, variance: float) -> float:
    """Chance that the first is preferred, averaged over a normal difference in logits."""
    d = np.linspace(-12, 12, 4001) * np.sqrt(variance) + gap
    weight = norm.pdf(d, gap, np.sqrt(variance))
    return float((weight / (1 + np.exp(-d))).sum() / weight.sum())


@pytest.mark.parametrize(("gap", "error"), [(150.0, 150.0), (400.0, 120.0), (300.0, 250.0)])
def test_two_scores_are_drawn_together_until_their_gap_gives_the_odds(gap: float, error: float) -> None:
    """Centred scores of two responses have half of their difference each, and half of its error."""
    first, second = tempered(scored((1000 + gap / 2, error), (1000 - gap / 2, error)))
    expected = odds_by_integration(gap * LOGIT, (2 * error * LOGIT) ** 2)
    assert 1 / (1 + np.exp(-(first - second) * LOGIT)) == pytest.approx(expected, abs=0.012)
    assert 1 / (1 + np.exp(-gap * LOGIT)) > expected + 0.02
    assert first + second == pytest.approx(2000)


def test_the_surer_the_scores_the_less_they_are_drawn_together() -> None:
    gaps = [tempered(scored((1100, e), (1000, e), (900, e))) for e in (1e-6, 50.0, 200.0)]
    assert gaps[0] == pytest.approx((1100, 1000, 900))
    assert gaps[0][0] > gaps[1][0] > gaps[2][0] > gaps[2][1] == pytest.approx(1000)


def test_scores_without_errors_stay() -> None:
    assert tempered(scored((1200, None), (800, None))) == (1200, 800)


def test_each_side_gets_its_own_prompts_with_what_was_said_of_them(
    ctx: Context, db: Database, world: Make, letters: Make, spelled: Make
) -> None:
    made = world()
    train, heldout = made.prompts(3, each=2), made.prompts(2, each=2, split="eval")
    for prompt in made.shown:
        made.rank(prompt, "ada")
    rating = rate(ctx).record
    sides = ranked_prompts(db, rating, letters())
    for asked, found in zip((train, heldout), sides, strict=True):
        assert len(found) == len(asked)
        for prompt, ranked in zip(asked, found, strict=True):
            own = {s.response_id: s for s in scores.of_prompt(db, rating.id, prompt)}
            assert ranked.messages == prompts.get(db, prompt).messages
            said = [(r.text, True) for r in responses.of_prompt(db, prompt)]
            assert list(map(spelled, ranked.answers)) == said
            gap = own[made.shown[prompt][0]].elo - own[made.shown[prompt][1]].elo
            drawn = ranked.tempered[0] - ranked.tempered[1]
            assert 0 < drawn / gap < 0.95
            variance = (2 * own[made.shown[prompt][0]].stderr * LOGIT) ** 2
            assert 1 / (1 + np.exp(-drawn * LOGIT)) == pytest.approx(
                odds_by_integration(gap * LOGIT, variance), abs=0.012
            )


def test_what_was_cut_off_is_not_taught_as_ended_and_one_response_teaches_nothing(
    ctx: Context, db: Database, world: Make, letters: Make, spelled: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_check_size", lambda _: None)  # a task of one, as an earlier version stored it
    made = world()
    writer = models.add(db, Model("other", "policy", "tiny"))
    (prompt,) = prompts.add(db, [prompts.make([{"role": "user", "content": "how?"}], source="test", split="train")])
    written = [("cut", "length"), ("whole", "stop"), ("somebody's", "imported")]
    ids = responses.add(db, [Response(prompt, writer, text, 0, {}, why) for text, why in written])  # type: ignore[arg-type]
    made.shown[prompt], made.truth = tuple(ids), dict(zip(ids, (0.0, 1.0, 2.0), strict=True))
    made.rank(prompt, "ada")
    (unranked,) = made.prompts(1, each=2)
    made.shown[unranked] = made.shown[unranked][:1]
    made.rank(unranked, "ada")
    train, heldout = ranked_prompts(db, rate(ctx).record, letters())
    assert heldout == []
    assert [dict(map(spelled, p.answers)) for p in train] == [{"cut": False, "whole": True, "somebody's": True}]


@pytest.fixture
def answered(ctx: Context, db: Database, world: Make) -> Callable[..., Rating]:
    """The rating of one ranked prompt of some length, to which there are these responses."""

    def make(asked: str, *said: Response) -> Rating:
        made = world()
        (prompt,) = prompts.add(db, [prompts.make([{"role": "user", "content": asked}], source="t", split="train")])
        ids = responses.add(db, [replace(r, prompt_id=prompt) for r in said])
        made.shown[prompt], made.truth = tuple(ids), {r: float(r) for r in ids}
        made.rank(prompt, "ada")
        return rate(ctx).record

    return make


def test_what_the_policy_wrote_is_taught_and_a_text_only_where_it_is_all_there_is(
    db: Database, answered: Make, letters: Make
) -> None:
    """A text may be cut into other tokens than those that it was written in, and be closed by another one."""
    here, elsewhere = (models.add(db, Model(name, "policy", name)) for name in ("here", "elsewhere"))
    rating = answered(
        "how?",
        Response(0, here, "ab", 0, {}, "stop", token_ids=(500, 7)),
        Response(0, here, "ab", 0, {}, "length", token_ids=(501,)),
        Response(0, here, "ab", 0, {}, "stop"),
        Response(0, elsewhere, "ab", 0, {}, "stop", token_ids=(500, 7)),
        Response(0, elsewhere, "ab", 0, {}, "length", token_ids=(501,)),
    )
    ((ranked,), _) = ranked_prompts(db, rating, letters("here"))
    closed, cut = (97, 98, 0), (97, 98)
    assert ranked.answers == ((500, 7), (501,), closed, closed, cut)
    ((there,), _) = ranked_prompts(db, rating, letters("elsewhere"))
    assert there.answers == (closed, cut, closed, (500, 7), (501,))


def test_nothing_goes_beyond_the_context_and_what_was_cut_is_counted(
    db: Database, answered: Make, letters: Make, caplog: pytest.LogCaptureFixture
) -> None:
    here = models.add(db, Model("here", "policy", "here"))
    rating = answered(
        "1234",
        Response(0, here, "a" * 6, 0, {}, "length", token_ids=(9,) * 6),
        Response(0, here, "b" * 5, 0, {}, "stop"),
        Response(0, here, "c" * 6, 0, {}, "stop"),
        Response(0, here, "d" * 20, 0, {}, "imported"),
    )
    ((ranked,), _) = ranked_prompts(db, rating, letters("here", context=10))
    assert ranked.answers == ((9,) * 6, (*[98] * 5, 0), (99,) * 6, (100,) * 6)
    assert "10 tokens: 2 ranked responses are longer and were cut there, 0 ranked prompts" in caplog.text
    caplog.clear()
    assert ranked_prompts(db, rating, letters("here", context=4)) == ([], [])
    assert "0 ranked responses are longer and were cut there, 1 ranked prompts fill it" in caplog.text
    caplog.clear()
    ranked_prompts(db, rating, letters("here"))
    assert not caplog.text
