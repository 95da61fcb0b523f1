"""How far simulated annotators agree, counted over pairs of replies: for the test of its band and for `measure`."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from rlhf.tiny.annotator import annotators, utility


def agreement(groups: Iterable[tuple[str, Sequence[str]]]) -> tuple[float, float]:
    """The share of pairs that five annotators order as the noiseless utility does, and as one another do.

    `groups` are questions with their replies. Ties count on neither side.
    """
    people = annotators(5)
    right, pairs, agree, both = 0, 0, 0, 0
    for number, (asked, replies) in enumerate(groups):
        true = [utility(asked, reply) for reply in replies]
        levels = [one.rank(asked, replies, seed=number) for one in people]
        for i, j in combinations(range(len(replies)), 2):
            signs = [(one[i] < one[j]) - (one[i] > one[j]) for one in levels]
            if true[i] != true[j]:
                pairs += sum(sign != 0 for sign in signs)
                right += sum(sign == (1 if true[i] > true[j] else -1) for sign in signs)
            both += sum(a != 0 and b != 0 for a, b in combinations(signs, 2))
            agree += sum(a == b != 0 for a, b in combinations(signs, 2))
    return right / pairs, agree / both
