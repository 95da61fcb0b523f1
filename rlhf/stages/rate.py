"""Rankings -> scores."""

import dataclasses
import logging
import time

import numpy as np

from rlhf import gate
from rlhf.agreement import krippendorff_alpha
from rlhf.ranking_table import RankingTable
from rlhf.ratings import rate as convert
from rlhf.stages.context import Context
from store import rankings, scores
from store.errors import NotReady
from store.records import Rating

log = logging.getLogger(__name__)


def rate(ctx: Context) -> Rating:
    """Scores of every ranked response. Raises NotReady where there is no ranking."""
    started = time.monotonic()
    with ctx.store() as db:
        standing = rankings.current(db)
        if not standing:
            raise NotReady("There are 0 rankings: rank some tasks on the page, or run `simulate`, then rate.")
        people, simulated = rankings.people_and_simulated(db)
        newest, last = scores.latest(db), max(r.id for r in standing)
        if newest and newest.last_ranking_id == last and newest.config == dataclasses.asdict(ctx.settings.rating):
            return newest
        if people and simulated:
            log.warning("%d rankings by people and %d by simulated annotators are rated together.", people, simulated)
        config = ctx.settings.rating
        table = RankingTable(standing)
        result = convert(
            table.levels, table.prompt, table.annotator, method=config.method, reliability=config.reliability
        )
        rows = [
            (table.response_ids[p][k], float(result.elo[p, k]), _finite(float(result.stderr[p, k])), int(n))
            for (p, k), n in np.ndenumerate(table.comparisons())
            if n
        ]
        alpha, alpha_low, alpha_high = krippendorff_alpha(table.levels, table.prompt)
        metrics = {
            "rankings": len(standing),
            "people": people,
            "simulated": simulated,
            "prompts": len(table.prompt_ids),
            "responses": len(rows),
            "annotators": len(table.names),
            "alpha": _finite(alpha),
            "alpha_low": _finite(alpha_low),
            "alpha_high": _finite(alpha_high),
            "agreement": gate.agreement(standing),
            "log_loss": _finite(result.log_loss),
            "reliability": dict(zip(table.names, map(float, result.reliability), strict=True)),
            "seconds": time.monotonic() - started,
        }
        scores.save(db, Rating(config.method, dataclasses.asdict(config), metrics, last), rows)
        return scores.newest(db)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
