"""Is the reward model worth optimising against, and if not, what would it take to tell?

A policy trained against a reward model that has learned nothing gets worse while its reward rises (Gao et al. 2023),
so PPO asks first. What is asked is not how accurate the model is: one that is right on three pairs of five makes a
much better policy already. It is whether what people prefer can be foretold at all (rlhf/training/foretell.py).
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import NormalDist

from rlhf.settings import GateConfig
from store.records import Ranking
from store.results import RewardJudgement

SURE_PROMPTS = 30
"""Held-out prompts from which on the trained model's own accuracy must be above chance for certain. With fewer its
interval is so wide that this would refuse what works: there it must only not be below chance for certain."""
HINT = 0.5
"""Standard deviations above chance below which no number of rankings can be named: it would be made of noise."""
POWER = 0.8
"""How likely the number of rankings that is named should be enough, if the signal is what it seems to be."""


def vote_agreement(rankings: Sequence[Ranking]) -> float | None:
    """Share of the pairs ordered by two people that they ordered alike; None where no pair was."""
    votes: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for ranking in rankings:
        for (a, level_a), (b, level_b) in itertools.combinations(sorted(ranking.levels.items()), 2):
            if level_a != level_b:
                votes[a, b][level_a > level_b] += 1
    alike = sum(math.comb(first, 2) + math.comb(second, 2) for first, second in votes.values())
    both = sum(math.comb(first + second, 2) for first, second in votes.values())
    return alike / both if both else None


def ceiling(agreed: float) -> float:
    """Accuracy of a perfect model against single rankings of people who agree on a share `agreed` of the pairs.

    If each is right with probability p, independently, two agree with p^2 + (1 - p)^2; solved for p >= 1/2.
    """
    return (1 + math.sqrt(max(2 * agreed - 1, 0.0))) / 2


def refusal(judged: RewardJudgement, config: GateConfig) -> str | None:
    """Why PPO should not use the reward model, and what would help, as a sentence; None where it may."""
    if not judged.foretold_prompts and judged.passes:
        return None  # judged by a version that asked otherwise, and it passed
    if judged.foretold_p > config.alpha:
        return (
            f"From {judged.foretold_prompts} ranked prompts it cannot be told whether what people prefer can be "
            f"foretold (correlation {judged.foretold_correlation:.2f} on prompts left out, "
            f"p = {judged.foretold_p:.3f}, asked {config.alpha:g}): {_more(judged)}"
        )
    if judged.alpha is not None and judged.alpha_high is not None and judged.alpha_high <= 0.0:
        # Camps that rank in reverse: their weights decide by chance which of them is believed.
        return (
            f"The annotators contradict each other (alpha {judged.alpha:.2f}, at most {judged.alpha_high:.2f}): "
            "see in `rate` who differs from whom, and make the guideline clearer"
        )
    orders = (
        f"It orders {judged.accuracy:.1%} of the held-out pairs right "
        f"({judged.accuracy_low:.1%} to {judged.accuracy_high:.1%})"
    )
    sure = judged.heldout_prompts >= SURE_PROMPTS
    if (judged.accuracy_low if sure else judged.accuracy_high) <= 0.5:
        return f"{orders}, as guessing would, though the rankings can be foretold: change the [reward] settings"
    if judged.accuracy < config.min_accuracy:
        return f"{orders} and [gate] min_accuracy asks for {config.min_accuracy:.1%}: lower it, rank more"
    return None


def more_rankings(z: float, prompts: int, rankings_per_prompt: float, alpha: float) -> int | None:
    """About how many rankings more would show a signal of this strength; None where it may well be none.

    z grows with the root of the number of prompts, so n ((z_alpha + z_power) / z)^2 of them are needed.
    """
    if z < HINT:
        return None
    normal = NormalDist()
    asked = normal.inv_cdf(1 - alpha) + normal.inv_cdf(POWER)
    needed = prompts * (asked / z) ** 2
    return max(1, math.ceil((needed - prompts) * rankings_per_prompt))


def _more(judged: RewardJudgement) -> str:
    if judged.more_rankings is not None:
        return f"about {judged.more_rankings} more rankings would tell"
    return "rank more prompts, and see in `rate` whether the annotators agree"
