"""A group of prompts to be fitted, and the settings that a fit takes as given."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rlhf.ratings.leave_out import LeftOut, leave_out, view
from rlhf.ratings.likelihood import Likelihood
from rlhf.ratings.newton import Fit, maximise
from rlhf.ratings.rankings import Floats, Group, Rankings, group_rankings


@dataclass(frozen=True)
class Setting:
    """The model with its tie parameter, the spread of scores in logits, each annotator's temperature (A,).

    `overlap` is how often the information of a ranking is counted in its pairs (`Likelihood.inflation`). At 1
    a fit is the plain maximum a posteriori. Above, it is that of the likelihood to the power 1 / overlap,
    whose posterior is as wide as it should be (Pauli, Racugno and Ventura 2011, Bayesian composite marginal
    likelihoods): the same as a prior narrower by sqrt(overlap), and variances times overlap.
    """

    model: Likelihood
    sigma: float
    overlap: float = 1.0
    temperature: Floats | None = None


@dataclass
class Problem:
    """A group with its prior mean (k, p) in logits and the latest fit, from which the next one starts."""

    group: Group
    prior_mean: Floats
    fit: Fit | None = None

    def solve(self, setting: Setting) -> Fit:
        """The fit under `setting`."""
        # A temperature multiplies every difference, and with it how fast the curvature changes along a step.
        steepness = 1.0 if setting.temperature is None else float(setting.temperature.max(initial=1.0))
        terms = setting.model.of_group(self.group, setting.temperature)
        start = None if self.fit is None else self.fit.scores
        # Tuning solves the same group dozens of times under settings close to each other: starting from the last
        # fit, most take two to five steps instead of six to ten.
        self.fit = maximise(terms, self.prior_mean, setting.sigma / setting.overlap**0.5, start, steepness)
        return self.fit

    def left_out(self, setting: Setting) -> Iterator[LeftOut]:
        """The held rankings as the fit predicts them; where none is held, each ranking as all others predict it."""
        fit = self.solve(setting)
        if self.group.held:
            return view(self.group, fit, setting.model.tie, setting.overlap)
        return leave_out(self.group, fit, setting.model, setting.temperature, setting.overlap)


def make_problems(rankings: Rankings, prior_mean: Floats | None) -> list[Problem]:
    """One problem a group; `prior_mean` (P, K) in logits, None for 0 everywhere."""
    problems = []
    for group in group_rankings(rankings):
        mean = np.zeros(group.columns.shape)
        if prior_mean is not None:
            mean = prior_mean[group.prompts, group.columns]
        problems.append(Problem(group, mean))
    return problems
