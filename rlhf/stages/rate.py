"""Rankings -> scores, and how far to trust them."""

import dataclasses
import logging
import math
import statistics
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlite_utils import Database

from rlhf.ratings import Ratings
from rlhf.ratings import rate as convert
from rlhf.ratings.agreement import Agreement, measure_agreement
from rlhf.settings import RatingConfig
from rlhf.stages import gate
from rlhf.stages.context import Context, Made, same_settings
from rlhf.stages.leaderboard import leaderboard
from rlhf.stages.ranking_table import RankingTable, told_apart
from store import checks, rankings, scores, tasks
from store.db import writing
from store.errors import NotReady
from store.records import SIMULATED, PairAgreement, Ranking, Rating
from store.results import AnnotatorFigures, DisputedPrompt, RatingFigures, as_json, figures

log = logging.getLogger(__name__)


def rate(ctx: Context, *, again: bool = False) -> Made[Rating]:
    """Turn all rankings into scores of every ranked response, and measure agreement and the leaderboard beside them.

    Where rankings, known answers and settings are those of the newest rating, that one is returned, unless `again`.
    Raises NotReady where there is no ranking.
    """
    started = time.monotonic()
    config = ctx.settings.rating
    with ctx.store() as db:
        standing = rankings.current(db)
        if not standing:
            raise NotReady("There are 0 rankings: rank some tasks on the page, or run `simulate`, then rate.")
        last, gold = max(r.id for r in standing), checks.gold(db)
        if (done := _done_before(db, config, standing, gold)) and not again:
            return Made(done, f"Nothing new since rating {done.id}: pass --again.")
        people, simulated = rankings.people_and_simulated(db)
        if people and simulated:
            log.warning("%d rankings by people and %d by simulated annotators are rated together.", people, simulated)
        board = leaderboard(db, standing)
        apart = told_apart(standing, tasks.of_reason(db, tasks.OWN))
        table = RankingTable(apart)
        result = _convert(table, config, _unbiased(db, apart))
        repeats = tasks.of_reason(db, "repeat")
    fitted = result if config.method == "davidson" and config.reliability else None
    agreed = _agreement(table, apart, gold, fitted)
    rows = [
        (table.response_ids[p][k], float(result.elo[p, k]), _finite(float(result.stderr[p, k])), int(n))
        for (p, k), n in np.ndenumerate(table.comparisons())
        if n
    ]
    measured = RatingFigures(
        rankings=len(standing),
        people=people,
        simulated=simulated,
        prompts=len(table.prompt_ids),
        responses=len(rows),
        annotators=len(table.names),
        alpha=_finite(agreed.alpha),
        alpha_low=_finite(agreed.low),
        alpha_high=_finite(agreed.high),
        # A person's repeats are left out: to agree with oneself is no agreement of two people.
        vote_agreement=gate.vote_agreement([r for r in apart if r.task_id not in repeats]),
        log_loss=_finite(result.log_loss),
        sigma=_finite(result.sigma),
        by_annotator=_by_annotator(table, agreed, Counter(r.annotator for r in standing), _lasted(standing)),
        gold=tuple(answer.id for answer in gold),
        disputed=_disputed(table, agreed, Counter(r.prompt_id for r in standing)),
        leaderboard=board,
        seconds=time.monotonic() - started,
    )
    with ctx.store() as db, writing(db):
        rating = Rating(config.method, dataclasses.asdict(config), as_json(measured), last)
        made = Made(scores.get(db, scores.save(db, rating, rows, _pairs(table, agreed))))
        ctx.made(db, made)
    return made


def _done_before(db: Database, config: RatingConfig, standing: list[Ranking], gold: list[Ranking]) -> Rating | None:
    """The newest rating, if nothing that it rests on has changed."""
    newest = scores.latest(db)
    if newest is None or newest.last_ranking_id != max(r.id for r in standing):
        return None
    # A prompt that was taken out or put back changes neither the last ranking nor, with another, their number.
    compared = {response for r in standing if len(r.levels) > 1 for response in r.levels}
    if compared != {score.response_id for score in scores.of_rating(db, newest.id)}:
        return None
    unchanged = figures(newest).gold == tuple(answer.id for answer in gold)
    return newest if unchanged and same_settings(newest.config, dataclasses.asdict(config)) else None


def _unbiased(db: Database, standing: list[Ranking]) -> np.ndarray:
    """Which of the N rankings were asked for whatever was known of the order, (N,): sigma is learned from these."""
    asked = tasks.of_reason(db, "risk")
    return np.array([r.task_id not in asked for r in standing])


def _convert(table: RankingTable, config: RatingConfig, unbiased: np.ndarray) -> Ratings:
    """Scores of all rankings. Where prompts are ranked again because their order is unsure, left-out rankings are no
    fair sample of how well scores foretell, and sigma would drift upwards: it comes from the other rankings then."""
    levels, prompt, person = table.levels, table.prompt, table.annotator
    how: dict[str, Any] = {"method": config.method, "reliability": config.reliability}
    if unbiased.all() or not unbiased.any() or config.method == "elo":
        return convert(levels, prompt, person, **how)
    fair = convert(levels[unbiased], prompt[unbiased], person[unbiased], **how)
    return convert(levels, prompt, person, sigma=fair.sigma, **how)


def _agreement(
    table: RankingTable, standing: list[Ranking], gold: list[Ranking], fitted: Ratings | None
) -> Agreement:
    """Agreement of all annotators. Nobody is compared with a known answer that they gave themselves."""
    answers = {answer.prompt_id: answer for answer in gold}
    known = np.full(table.levels.shape, -1)
    for n, ranking in enumerate(standing):
        answer = answers.get(ranking.prompt_id)
        if answer and answer.annotator != ranking.annotator:
            shown = table.response_ids[table.prompt[n]]
            known[n, : len(shown)] = [answer.levels.get(response, -1) for response in shown]
    return measure_agreement(
        table.levels,
        table.prompt,
        table.annotator,
        seconds=np.array([math.nan if r.seconds is None else r.seconds for r in standing]),
        gold=known,
        fitted=fitted,
    )


def _lasted(standing: list[Ranking]) -> dict[str, float]:
    """The median time that each person had a task, by the server's clock; simulated annotators take none."""
    lasted: dict[str, list[float]] = {}
    for ranking in standing:
        if ranking.lasted is not None and not ranking.annotator.startswith(SIMULATED):
            lasted.setdefault(ranking.annotator, []).append(ranking.lasted)
    return {name: statistics.median(each) for name, each in lasted.items()}


def _by_annotator(
    table: RankingTable, agreed: Agreement, times: Mapping[str, int], lasted: Mapping[str, float]
) -> tuple[AnnotatorFigures, ...]:
    """One row for each person, first those who differ most from the others; None for what cannot be told.

    `times` says how many rankings each has made, `lasted` how long one took them by the server's clock.
    """
    return tuple(
        AnnotatorFigures(
            name=table.names[row.annotator],
            rankings=times[table.names[row.annotator]],
            tau=_finite(row.tau),
            log_loss=_finite(row.log_loss),
            reliability=_finite(row.reliability),
            consistency=_finite(row.consistency),
            repeats=row.repeats,
            gold_accuracy=_finite(row.gold_accuracy),
            gold=row.gold,
            flagged=row.flagged,
            seconds=_finite(row.seconds),
            lasted=lasted.get(table.names[row.annotator]),
        )
        for row in sorted(agreed.annotators, key=lambda r: (math.isnan(r.tau), r.tau))
    )


def _disputed(table: RankingTable, agreed: Agreement, times: Mapping[int, int]) -> tuple[DisputedPrompt, ...]:
    """The prompts on which people differ most; `times` says how many rankings each has."""
    worst = [(table.prompt_ids[p], float(agreed.disputed[p])) for p in agreed.most_disputed()]
    return tuple(DisputedPrompt(prompt, share, times[prompt]) for prompt, share in worst)


def _pairs(table: RankingTable, agreed: Agreement) -> list[PairAgreement]:
    met = zip(*np.nonzero(np.triu(agreed.shared, 1)), strict=True)
    return [
        PairAgreement(table.names[a], table.names[b], float(agreed.tau[a, b]), int(agreed.shared[a, b]))
        for a, b in met
    ]


def _finite(value: float) -> float | None:
    """The value, or None for NaN and infinity: JSON has neither, and both say that there is nothing to tell from."""
    return value if math.isfinite(value) else None
