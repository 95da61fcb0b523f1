"""The fewest rankings a prompt that any rule of what to rank next can need, without drawing a single world.

Which prompt is ranked next depends on its rankings only, and what a prompt can show is a multiset of orders. So
an average budget makes each prompt an optimal stopping problem, and the best stops are found backwards: rank
once more where that is expected to raise tau by more than a ranking costs. No rule that sees rankings and not
the truth needs fewer, but that no prompt is ranked more than `depth` times; a seventh ranking of four responses
saves .01. What is simulated is only the prior: 20,000 score vectors, which leave .01 uncertain.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from rlhf.ratings import flip_risk, rate

MEASURES = ("tau-b", "tau-a", "tau of the posterior's order")


@dataclass
class Stage:
    """All that one prompt can show after `count` rankings, but for the names of its responses.

    `tau` (states,) by measure, `risk` (states,) the flip risk, `chance` (states, orders) of each next order
    and `child` (states, orders) the state of the next stage that it leads to.
    """

    count: int
    tau: dict
    risk: np.ndarray
    chance: np.ndarray
    child: np.ndarray


def show_bound():
    """The best possible rule, flip risk, and what both need to reach round-robin at 3."""
    print("rankings a prompt to reach round-robin at 3, exactly: flip risk, best possible rule")
    for name, k, depth, clicks in (
        ("2 responses", 2, 10, 0.0),
        ("3 responses", 3, 8, 0.0),
        ("4 responses", 4, 6, 0.0),
        ("4 responses, a fifth of rankings at random", 4, 6, 0.2),
    ):
        stages = _stages(k, depth, clicks)
        told = [f"{measure} {_by_risk(stages, measure):.2f}, {_best(stages, measure):.2f}" for measure in MEASURES]
        print(f"  {name}: {'; '.join(told)}")


def _stages(k, depth, clicks, samples=20_000, sigma=1.4):
    orders = list(permutations(range(k)))
    scores = _given_first(np.random.default_rng(0), samples, k, sigma, clicks)
    likely = np.array([_plackett_luce(scores[:, order]) for order in orders])
    likely = (1 - clicks) * likely + clicks / len(orders)
    first, second = np.triu_indices(k, 1)
    sign = np.sign(scores[:, first] - scores[:, second])
    seen = np.concatenate([likely.T, sign, np.ones((samples, 1))], axis=1).astype(np.float32)
    renamed = _renamings(orders)
    stages, states = [], [(0,)]
    for count in range(1, depth + 1):
        numbers, child = {}, np.zeros((len(states), len(orders)), int)
        for at, state in enumerate(states if count < depth else ()):
            for order in range(len(orders)):
                whole = (*state, order)
                kind = min(tuple(sorted(renamed[to, list(whole)].tolist())) for to in set(whole))
                child[at, order] = numbers.setdefault(kind, len(numbers))
        mean = _posterior_means(states, np.log(likely).astype(np.float32), seen)
        stages.append(_stage(states, orders, mean, child))
        states = list(numbers)
    return stages


def _given_first(rng, samples, k, sigma, clicks):
    """Scores from the prior (samples, k), renamed so that the first ranking put them in order."""
    scores = rng.normal(0, sigma, (samples, k))
    order = np.argsort(-(scores + rng.gumbel(size=scores.shape)), axis=1)
    order = np.where(rng.random((samples, 1)) < clicks, np.argsort(rng.random(scores.shape), axis=1), order)
    return np.take_along_axis(scores, order, 1)


def _plackett_luce(ordered):
    """Probability of the order that the columns are in."""
    strength = np.exp(ordered)
    return np.prod(strength / strength[:, ::-1].cumsum(1)[:, ::-1], axis=1)


def _renamings(orders):
    """(orders, orders): what each order is called once the first one is called 0, 1, 2, ..."""
    place = [{response: at for at, response in enumerate(order)} for order in orders]
    number = {order: at for at, order in enumerate(orders)}
    return np.array([[number[tuple(own[response] for response in order)] for order in orders] for own in place])


def _posterior_means(states, log_likely, seen, chunk=500):
    """Means of the columns of `seen` after the rankings of each state; the first is in the samples."""
    counts = np.array([np.bincount(state, minlength=len(log_likely)) for state in states], np.float32)
    counts[:, 0] -= 1
    means = []
    for at in range(0, len(states), chunk):
        power = counts[at : at + chunk] @ log_likely
        total = np.exp(power - power.max(1, keepdims=True)) @ seen
        means.append(total[:, :-1] / total[:, -1:])
    return np.concatenate(means).astype(float)


def _stage(states, orders, mean, child):
    count, k = len(states[0]), len(orders[0])
    levels = (np.argsort(orders, axis=1) + 1)[np.array(states).ravel()]
    ratings = rate(levels, np.repeat(np.arange(len(states)), count), sigma=1.4, tie=0.0)
    first, second = np.triu_indices(k, 1)
    gap, sign = ratings.elo[:, first] - ratings.elo[:, second], mean[:, len(orders) :]
    ordered = np.where(np.abs(gap) > 1e-6, np.sign(gap), 0)
    agree, told = (ordered * sign).sum(1), np.maximum(np.abs(ordered).sum(1), 1)
    tau = (agree / np.sqrt(told * len(first)), agree / len(first), np.abs(sign).mean(1))
    risk = flip_risk(ratings.elo, ratings.stderr, np.full(len(states), count))
    return Stage(count, dict(zip(MEASURES, tau, strict=True)), risk, mean[:, : len(orders)], child)


def _run(stages, measure, going):
    """Mean rankings and tau where `going` (stage by stage) tells which states are ranked once more."""
    share, used, tau = np.ones(1), 0.0, 0.0
    for stage, go in zip(stages, going, strict=True):
        used += stage.count * (share * ~go).sum()
        tau += (share * ~go * stage.tau[measure]).sum()
        onward = (share * go)[:, None] * stage.chance
        share = np.bincount(stage.child.ravel(), onward.ravel(), stage.child.max() + 1)
    return used, tau


def _needed(stages, measure, rule, low, high):
    """Mean rankings at which `rule`, given the price of a ranking, is as good as round-robin at 3."""
    robin = [np.full(len(stage.risk), stage.count < 3) for stage in stages]
    target = _run(stages, measure, robin)[1]
    for _ in range(40):
        middle = np.sqrt(low * high)
        enough = _run(stages, measure, rule(middle))[1] > target
        low, high = (middle, high) if enough else (low, middle)
    (few, worse), (many, better) = (_run(stages, measure, rule(price)) for price in (high, low))
    return few + (target - worse) / (better - worse) * (many - few)


def _by_risk(stages, measure):
    last = np.zeros(len(stages[-1].risk), bool)
    return _needed(stages, measure, lambda price: [*(stage.risk >= price for stage in stages[:-1]), last], 1e-3, 1.0)


def _best(stages, measure):
    def rule(price):
        worth, going = stages[-1].tau[measure], [np.zeros(len(stages[-1].risk), bool)]
        for stage in stages[-2::-1]:
            onward = (stage.chance * worth[stage.child]).sum(1) - price
            going.append(onward > stage.tau[measure])
            worth = np.maximum(onward, stage.tau[measure])
        return going[::-1]

    return _needed(stages, measure, rule, 1e-4, 0.3)
