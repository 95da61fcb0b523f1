"""Rankings to scores on the Elo scale, with standard errors. numpy only.

    from rlhf.ratings import rate
    ratings = rate(levels=[[1, 2, 3], [1, 3, 2]], prompt=[0, 0])
    ratings.elo, ratings.stderr        # (1, 3) each

Arrays are named by one notation. The caller's own are (N,) by ranking, (N, K) by ranking and response, (P,) by
prompt, (A,) by annotator, (V,) by model version. Inside, work goes by groups and batches with the long axis last:
(k, p) by response and prompt of a group, (m, n) by response and ranking of a batch, (pairs, p) and (pairs, n) by pair
of responses, k (k - 1) / 2 or m (m - 1) / 2 of them in the order of `rankings.pair_index`. Scores inside are in
logits, outside on the Elo scale: 1 logit is 173.7 Elo.

Read in this order: `rankings` (the arrays), `likelihood` (the model of a pair, and of Plackett and Luce), `newton`
(the fit), `leave_out` (how sure a score is, and how good a fit), `problem` (a fit and what it takes for granted),
`tuning` (sigma, ties and annotators, chosen by that), `converter` (all of it, in `rate`). `distinct` saves work,
`elo` is the sequential method, `flip_risk` says which prompt to rank next. `versions` compares model versions,
`agreement` annotators.
"""

from rlhf.ratings.converter import Ratings, left_out_loss, rate
from rlhf.ratings.flip_risk import flip_risk
from rlhf.ratings.rankings import BadRankings

__all__ = ["BadRankings", "Ratings", "flip_risk", "left_out_loss", "rate"]
