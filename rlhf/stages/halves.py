"""Policies that are kept before they are measured: hours of training are in them, and neither an error in measuring
nor a kill loses it. A stage that finds one measures it, and trains nothing anew."""

from sqlite_utils import Database

from store import models
from store.records import Model

BROKEN_OFF = "broken off"
"""Why a policy was not measured whose job ended in between: whoever finds it does that."""


def is_half(policy: Model) -> bool:
    """Whether a policy is trained and kept, and not measured yet."""
    return policy.metrics.get("unmeasured") == BROKEN_OFF


def half_done(db: Database, job_id: int) -> Model | None:
    """The policy that this job has trained, where it was killed before it had measured it; whatever came since."""
    return next((m for m in models.every(db, "policy") if m.job_id == job_id and is_half(m)), None)
