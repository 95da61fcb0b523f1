"""The letters by which responses go on the Rank page, A for the first that is shown."""

from collections.abc import Mapping, Sequence


def in_letters(levels: Mapping[int, int], shown: Sequence[int]) -> str:
    """An order of the responses `shown` (their ids) in their letters, best first, as in "B, then A = C"."""
    ranks: dict[int, list[str]] = {}
    for place, response in enumerate(shown):
        if response in levels:
            ranks.setdefault(levels[response], []).append(chr(ord("A") + place))
    return ", then ".join(" = ".join(ranks[level]) for level in sorted(ranks))
