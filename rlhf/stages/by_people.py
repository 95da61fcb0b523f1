"""People as judges: the rankings in which both versions stand, which are there already. numpy only."""

from dataclasses import dataclass

import numpy as np
from sqlite_utils import Database

from rlhf.ratings.length_control import length_controlled
from rlhf.ratings.versions import VersionVerdict, compare
from rlhf.stages.leaderboard import Rankings, by_version
from store import responses
from store.records import Model


@dataclass(frozen=True)
class ByPeople:
    """All standing rankings by version, and the `length` (N, K) of each response in characters."""

    held: Rankings
    length: np.ndarray

    @property
    def name(self) -> str:
        """People, or simulated annotators where no person has ranked."""
        return f"rankings by {self.held.judges}"

    def verdict(self, mine: Model, theirs: Model) -> VersionVerdict:
        """How one version does against another, as on the leaderboard: its interval holds at every look together."""
        newest, base = self._number(mine), self._number(theirs)
        return compare(self.held.levels, self.held.prompt, self.held.version, newest=newest, base=base)

    def length_controlled(self, mine: Model, theirs: Model) -> float | None:
        """The win rate foretold for responses of one length."""
        outcome, difference, prompt = self.meetings(mine, theirs)
        return length_controlled(outcome, difference, np.unique(prompt, return_inverse=True)[1])

    def meetings(self, mine: Model, theirs: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Each pair of responses of the two versions in one ranking: 1, 0.5 or 0, how much longer mine is, and the
        number of the prompt, (n,) each."""
        levels, version = self.held.levels, self.held.version
        left, right = ((version == self._number(m)) & (levels >= 0) for m in (mine, theirs))
        ranking, one, other = np.nonzero(left[:, :, None] & right[:, None, :])
        outcome = 0.5 + 0.5 * np.sign(levels[ranking, other] - levels[ranking, one])
        difference = self.length[ranking, one] - self.length[ranking, other]
        return outcome, difference.astype(float), self.held.prompt[ranking]

    def _number(self, model: Model) -> int:
        return next(i for i, version in enumerate(self.held.versions) if version.id == model.id)


def people(db: Database) -> ByPeople:
    """The standing rankings as a judge; raises NotReady where there are none."""
    held = by_version(db)
    written = {r.id: len(r.text) for r in responses.every(db)}
    by_prompt = np.zeros((len(held.table.prompt_ids), held.levels.shape[1]), dtype=np.int64)
    for p, ids in enumerate(held.table.response_ids):
        by_prompt[p, : len(ids)] = [written[response] for response in ids]
    return ByPeople(held, by_prompt[held.prompt])
