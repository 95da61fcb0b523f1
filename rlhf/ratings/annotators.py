"""How far each annotator can be trusted: a temperature, the factor on every difference that annotator sees.

It is 1 for the median annotator and near 0 for one who clicks at random, whose rankings then weigh almost
nothing. Nobody is thrown out. Expectation-maximisation in the manner of Dawid and Skene (1979): scores given
temperatures, then temperatures given what the other rankings say of each ranking, so that nobody vouches for
himself.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rlhf.ratings.davidson import outcome_probability, slope_and_curvature
from rlhf.ratings.leave_out import SHORT_RULE, LeftOut, predictive
from rlhf.ratings.problem import Problem, Setting
from rlhf.ratings.rankings import Floats

SPREAD = 1.0
"""Standard deviation of the logarithm of the temperature between annotators; its median is 0."""
ROUNDS = 20
SETTLED = 0.02
"""Log temperature; the rounds stop when nobody moves more."""


def fit_annotators(problems: Sequence[Problem], setting: Setting, people: int) -> Setting:
    """`setting` with a temperature for each of `people` annotators."""
    log_heat = np.zeros(people) if setting.temperature is None else np.log(setting.temperature)
    busy = np.zeros(people, bool)
    for problem in problems:
        for batch in problem.group.batches:
            busy[batch.annotator] = True
    for _ in range(ROUNDS if busy.any() else 0):
        before = log_heat
        log_heat = log_heat + _step(problems, setting, log_heat)
        log_heat[busy] -= np.median(log_heat[busy])
        setting = replace(setting, temperature=np.exp(log_heat))
        if np.abs(log_heat - before).max() < SETTLED:
            break
    return setting


def _step(problems: Sequence[Problem], setting: Setting, log_heat: Floats) -> Floats:
    """One Newton step (A,) in log temperature, at most 1 long, towards the best left-out prediction."""
    people = len(log_heat)
    slope, information = np.zeros(people), np.zeros(people)
    for problem in problems:
        for left in problem.left_out(setting):
            pull, weight = _terms(left, setting)
            share = 1.0 / setting.model.inflation(left.size)
            slope += share * np.bincount(left.annotator, pull, people)
            information += share * np.bincount(left.annotator, weight, people)
    precision = SPREAD**-2
    return np.clip((slope - precision * log_heat) / (information + precision), -1.0, 1.0)


def _terms(left: LeftOut, setting: Setting) -> tuple[Floats, Floats]:
    """Gradient and information (n,) of each ranking in its annotator's log temperature."""
    tie = setting.model.tie
    heat = 1.0 if setting.temperature is None else setting.temperature[left.annotator]
    half = 0.5 * left.outcome
    pull, weight, total = np.zeros(left.mean.shape), np.zeros(left.mean.shape), np.zeros(left.mean.shape)
    for node, share in SHORT_RULE:
        d = (left.mean + node * left.sd) * heat
        likely = share * outcome_probability(left.outcome, d, tie)
        slope, curvature = slope_and_curvature(d, tie)
        pull += likely * d * (half - slope)
        weight += share * d * d * curvature
        total += likely
    return (pull / total).sum(0), weight.sum(0)


def log_loss_by_annotator(problems: Sequence[Problem], setting: Setting, people: int) -> tuple[Floats, Floats]:
    """Sum of -log probability, in nats, and number of the pairs of each annotator (A,), each ranking left
    out."""
    lost, pairs = np.zeros(people), np.zeros(people)
    for problem in problems:
        for left in problem.left_out(setting):
            counted = (left.outcome != 0) | (setting.model.tie > 0.0)
            chance = np.where(counted, predictive(left, setting.model.tie, setting.temperature), 1.0)
            lost += np.bincount(left.annotator, -np.log(chance).sum(0), people)
            pairs += np.bincount(left.annotator, counted.sum(0), people)
    return lost, pairs
