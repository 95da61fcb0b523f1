"""Central lines, each changed once, to see that the quick tests notice: `python -m tests.mutants`.

A line is worth a place here if training would go on without an error after the change, only worse: a sign, a role,
an order, a bound. Add one as a record in the list of its room; a quick test holds every `old` text to its file.
"""

from tests.mutants import doors, evaluation, pages, ratings, reward, rollouts, stages, store, tuning, update, voices
from tests.mutants.record import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *rollouts.MUTANTS,
    *update.MUTANTS,
    *reward.MUTANTS,
    *ratings.MUTANTS,
    *stages.MUTANTS,
    *evaluation.MUTANTS,
    *tuning.MUTANTS,
    *store.MUTANTS,
    *pages.MUTANTS,
    *doors.MUTANTS,
    *voices.MUTANTS,
)
