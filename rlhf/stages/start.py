"""Where the training of a policy starts: from which version, so that a second try does not start from the first."""

import logging
import math

from sqlite_utils import Database

from store import models
from store.errors import BadInput, NotReady
from store.records import Model
from store.results import comparison, tuned

log = logging.getLogger(__name__)


def taught_by(db: Database) -> dict[int, int]:
    """The rating that taught each policy: DPO's by itself, PPO's through its reward model."""
    rating_of = {m.id: m.rating_id for m in models.every(db)}
    found = {}
    for policy in models.every(db, "policy"):
        rating = rating_of.get(policy.reward_id or 0) if policy.made_by == "ppo" else policy.rating_id
        if rating is not None and policy.made_by in ("ppo", "dpo"):
            found[policy.id] = rating
    return found


def start_for(db: Database, rating_id: int | None, *, reach: float = 0.0, limit: float = math.inf) -> Model:
    """The newest policy that preferences of the same rating have not trained yet, so that a second try starts where
    the first one did, and from which `reach` nats more do not pass `limit`. Raises NotReady where there is none."""
    taught = taught_by(db)
    for policy in reversed(models.every(db, "policy")):
        if rating_id is not None and taught.get(policy.id) == rating_id:
            continue
        drift = drift_of(policy)
        if drift + reach <= limit:
            return policy
        log.warning(
            "%s is %.1f nats from the base, and %.1f more (kl_target) would pass max_drift (%g): PPO starts from an "
            "earlier version.",
            policy.name,
            drift,
            reach,
            limit,
        )
    raise NotReady("The workspace has no policy: make it again with `python launch.py init`.")


def named_start(db: Database, name: str) -> Model:
    """The policy that training is told to start from. Raises NotFound, BadInput for a model that is no policy."""
    found = models.named(db, name)
    if found.kind != "policy":
        raise BadInput(f"{name} is a {found.kind} model and cannot be trained to answer: name a policy.")
    return found


def drift_of(policy: Model) -> float:
    """KL of a policy from the base in nats a response, so far as it was measured."""
    known = (comparison(policy) or tuned(policy)) if policy.path else None
    return (known.kl or 0.0) if known else 0.0
