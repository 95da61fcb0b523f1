"""Rankings -> scores, and how far to trust them."""

import dataclasses
import logging
import math
import time
from typing import Any

import numpy as np
from sqlite_utils import Database

from rlhf.ratings import Ratings
from rlhf.ratings import rate as convert
from rlhf.ratings.agreement import Agreement, measure_agreement
from rlhf.settings import RatingConfig
from rlhf.stages import gate
from rlhf.stages.context import Context
from rlhf.stages.leaderboard import leaderboard
from rlhf.stages.ranking_table import RankingTable
from store import checks, rankings, scores, tasks
from store.errors import NotReady
from store.records import PairAgreement, Ranking, Rating

log = logging.getLogger(__name__)


def rate(ctx: Context) -> Rating:
    """Scores of every ranked response, agreement, and the leaderboard. Raises NotReady where there is no ranking."""
    started = time.monotonic()
    config = ctx.settings.rating
    with ctx.store() as db:
        standing = rankings.current(db)
        if not standing:
            raise NotReady("There are 0 rankings: rank some tasks on the page, or run `simulate`, then rate.")
        last, gold = max(r.id for r in standing), checks.gold(db)
        if newest := _done_before(db, config, last, gold):
            return newest
        people, simulated = rankings.people_and_simulated(db)
        if people and simulated:
            log.warning("%d rankings by people and %d by simulated annotators are rated together.", people, simulated)
        table, board = RankingTable(standing), leaderboard(db, standing)
        result = _convert(table, config, _unbiased(db, standing))
        repeats = tasks.of_reason(db, "repeat")
    agreed = _agreement(table, standing, gold, result if config.method == "davidson" and config.reliability else None)
    rows = [
        (table.response_ids[p][k], float(result.elo[p, k]), _finite(float(result.stderr[p, k])), int(n))
        for (p, k), n in np.ndenumerate(table.comparisons())
        if n
    ]
    metrics = {
        "rankings": len(standing),
        "people": people,
        "simulated": simulated,
        "prompts": len(table.prompt_ids),
        "responses": len(rows),
        "annotators": len(table.names),
        "alpha": _finite(agreed.alpha),
        "alpha_low": _finite(agreed.low),
        "alpha_high": _finite(agreed.high),
        "agreement": gate.agreement([r for r in standing if r.task_id not in repeats]),
        "log_loss": _finite(result.log_loss),
        "sigma": _finite(result.sigma),
        "by_annotator": _by_annotator(table, agreed),
        "gold": [answer.id for answer in gold],
        "disputed": _disputed(table, agreed),
        "leaderboard": board,
        "seconds": time.monotonic() - started,
    }
    with ctx.store() as db:
        rating = Rating(config.method, dataclasses.asdict(config), metrics, last)
        scores.save(db, rating, rows, _pairs(table, agreed))
        return scores.require_latest(db)


def _done_before(db: Database, config: RatingConfig, last: int, gold: list[Ranking]) -> Rating | None:
    """The newest rating, if nothing that it rests on has changed."""
    newest = scores.latest(db)
    if newest and (newest.last_ranking_id, newest.config) == (last, dataclasses.asdict(config)):
        return newest if newest.metrics.get("gold") == [answer.id for answer in gold] else None
    return None


def _unbiased(db: Database, standing: list[Ranking]) -> np.ndarray:
    """Which rankings were not asked for because an order was unsure: the spread of scores is learned from these."""
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
    """Agreement of all annotators; whoever gave a known answer is not judged by it."""
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


def _by_annotator(table: RankingTable, agreed: Agreement) -> list[dict[str, Any]]:
    """One row a person, the least like the others first; None where there is nothing to tell from."""
    rows = []
    for row in sorted(agreed.annotators, key=lambda r: (math.isnan(r.tau), r.tau)):
        told = {key: _finite(value) for key, value in dataclasses.asdict(row).items() if key != "annotator"}
        rows.append({"name": table.names[row.annotator], **told})
    return rows


def _disputed(table: RankingTable, agreed: Agreement) -> list[dict[str, Any]]:
    times = np.bincount(table.prompt)
    return [
        {
            "prompt_id": table.prompt_ids[p],
            "disputed": float(agreed.disputed[p]),
            "rankings": int(times[p]),
        }
        for p in agreed.most_disputed()
    ]


def _pairs(table: RankingTable, agreed: Agreement) -> list[PairAgreement]:
    met = zip(*np.nonzero(np.triu(agreed.shared, 1)), strict=True)
    return [
        PairAgreement(table.names[a], table.names[b], float(agreed.tau[a, b]), int(agreed.shared[a, b]))
        for a, b in met
    ]


def _finite(value: Any) -> Any:
    """NaN and infinity are not JSON: None."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
