"""Every two rankings of one prompt: how far two people agree, and one person with oneself."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rlhf.ratings.agreement.outcomes import BLOCK, common_outcomes, ratio, shown_bits
from rlhf.ratings.rankings import Floats, Ints, Rankings


@dataclass
class Meetings:
    """Sums over every two rankings of a prompt: by annotators (A, A), by annotator (A,) or by prompt (P,).

    A meeting is two rankings of one prompt that share at least one pair of responses. `tau` (A, A) adds up
    Kendall's tau-b over the `shared` (A, A) meetings of two people. Where both rankings are one person's, it is
    one of the `repeats` (A,), and `same` (A,) of the `asked` (A,) pairs came out the same. Where they are not,
    `differ` (P,) adds up how far the two outcomes of a pair lie apart (0, 1/2 or 1), over `pairs` (P,).
    """

    tau: Floats
    shared: Ints
    same: Floats
    asked: Floats
    repeats: Ints
    differ: Floats
    pairs: Floats


def meetings(rankings: Rankings) -> Meetings:
    """The sums over all meetings."""
    people, prompts = rankings.annotators, rankings.prompts
    met = Meetings(
        tau=np.zeros((people, people)),
        shared=np.zeros((people, people), np.intp),
        same=np.zeros(people),
        asked=np.zeros(people),
        repeats=np.zeros(people, np.intp),
        differ=np.zeros(prompts),
        pairs=np.zeros(prompts),
    )
    for one, other in _pairs_of_rankings(rankings):
        _add_meetings(met, rankings, one, other)
    return met


def _add_meetings(met: Meetings, rankings: Rankings, one: Ints, other: Ints) -> None:
    """Add the meetings of the rankings at the places `one` (n,) with those at `other` (n,) to the sums."""
    for at, x, y in common_outcomes(rankings.levels[one], rankings.levels[other]):
        mine, yours, prompt = rankings.annotator[one[at]], rankings.annotator[other[at]], rankings.prompt[one[at]]
        pairs = x.shape[1]
        tau = ratio((x * y).sum(1), np.sqrt(np.abs(x).sum(1) * np.abs(y).sum(1)))
        # Repeats by one person tell of consistency, and are no agreement and no dispute.
        self_met = mine == yours
        # tau is NaN for one who tied everything: there is no order to agree with.
        counted = np.flatnonzero(~self_met & np.isfinite(tau))
        for left, right in ((mine, yours), (yours, mine)):
            np.add.at(met.tau, (left[counted], right[counted]), tau[counted])
            np.add.at(met.shared, (left[counted], right[counted]), 1)
        np.add.at(met.same, mine[self_met], (x == y).sum(1)[self_met])
        np.add.at(met.asked, mine[self_met], pairs)
        np.add.at(met.repeats, mine[self_met], 1)
        np.add.at(met.differ, prompt[~self_met], 0.5 * np.abs(x - y).sum(1)[~self_met])
        np.add.at(met.pairs, prompt[~self_met], pairs)


def _pairs_of_rankings(rankings: Rankings) -> Iterator[tuple[Ints, Ints]]:
    """Places of every two rankings of one prompt that share a pair of responses, in blocks.

    Where a prompt has fifty responses and each ranking holds two, hardly any two rankings share a pair: the bits of
    what they show are compared first, a few nanoseconds each, and only the others are looked at.
    """
    # As if all responses were shared, the most that a meeting can take.
    step = max(1, BLOCK // max(1, rankings.levels.shape[1] ** 2))
    bits = shown_bits(rankings.levels)
    one = np.arange(len(rankings.prompt))
    found: list[tuple[Ints, Ints]] = []
    waiting = 0
    for apart in range(1, len(rankings.prompt) + 1):
        # Sorted by prompt, so rankings that are not `apart` within a prompt never are any further apart.
        one = one[: np.searchsorted(one, len(rankings.prompt) - apart)]
        one = one[rankings.prompt[one] == rankings.prompt[one + apart]]
        if not len(one):
            break
        share = np.bitwise_count(bits[one] & bits[one + apart]).sum(1) > 1
        found.append((one[share], one[share] + apart))
        waiting += len(found[-1][0])
        if waiting >= step:
            yield from _in_blocks(found, step)
            found, waiting = [], 0
    yield from _in_blocks(found, step)


def _in_blocks(found: list[tuple[Ints, Ints]], step: int) -> Iterator[tuple[Ints, Ints]]:
    """The meetings `found` one after the other, at most `step` at once."""
    if found:
        one, other = (np.concatenate(side) for side in zip(*found, strict=True))
        for at in range(0, len(one), step):
            yield one[at : at + step], other[at : at + step]
