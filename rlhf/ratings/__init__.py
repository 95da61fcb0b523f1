"""Rankings to scores on the Elo scale, with standard errors. numpy only.

    from rlhf.ratings import rate
    ratings = rate(levels=[[1, 2, 3], [1, 3, 2]], prompt=[0, 0])
    ratings.elo, ratings.stderr        # (1, 3) each

Read in this order: `rankings` (the arrays), `davidson` (the model of a pair), `newton` (the fit), `leave_out`
(how good it is), `tuning` and `annotators` (what is chosen by that), `laplace` (how sure a score is),
`converter` (all of it, in `rate`). `distinct` saves work. `plackett_luce` and `elo` are the other methods,
`flip_risk` says which prompt to rank next.
"""

from rlhf.ratings.converter import Ratings, left_out_loss, rate
from rlhf.ratings.flip_risk import flip_risk
from rlhf.ratings.rankings import BadRankings

__all__ = ["BadRankings", "Ratings", "flip_risk", "left_out_loss", "rate"]
