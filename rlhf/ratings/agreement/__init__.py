"""How far annotators agree with each other, with themselves and with known answers.

All of it looks at pairs of responses: a ranking puts the first of a pair above the second (+1), ties them (0)
or puts it below (-1). Tastes differ, so there is no level of agreement that every task should reach; what to
look for is one annotator far below the others.
"""

from rlhf.ratings.agreement.alpha import krippendorff_alpha
from rlhf.ratings.agreement.gold import GOLD_BAR, GOLD_DOUBT, doubt_gold
from rlhf.ratings.agreement.table import Agreement, AnnotatorRow, measure_agreement

__all__ = [
    "GOLD_BAR",
    "GOLD_DOUBT",
    "Agreement",
    "AnnotatorRow",
    "doubt_gold",
    "krippendorff_alpha",
    "measure_agreement",
]
