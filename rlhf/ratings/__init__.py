"""Rankings to scores on the Elo scale, with standard errors. numpy only.

    from rlhf.ratings import rate
    ratings = rate(levels=[[1, 2, 3], [1, 3, 2]], prompt=[0, 0])
    ratings.elo, ratings.stderr        # (1, 3) each

Read in this order: `rankings` (the arrays), `likelihood` (the model of a pair, and of Plackett and Luce), `newton`
(the fit), `leave_out` (how sure a score is, and how good a fit), `problem` (a fit and what it takes for granted),
`tuning` (what is chosen by that), `converter` (all of it, in `rate`). `distinct` saves work, `elo` is the sequential
method, `flip_risk` says which prompt to rank next. `versions` compares model versions, `agreement` annotators.
"""

from rlhf.ratings.converter import Ratings, left_out_loss, rate
from rlhf.ratings.flip_risk import flip_risk
from rlhf.ratings.rankings import BadRankings

__all__ = ["BadRankings", "Ratings", "flip_risk", "left_out_loss", "rate"]
