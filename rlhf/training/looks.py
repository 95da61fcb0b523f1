"""Looks at held-out prompts while PPO trains: which policy to keep, and when to stop.

Gao et al. 2023, "Scaling Laws for Reward Model Overoptimization": the reward that is optimised goes on rising when
the answers have long become worse. So the policy is judged on prompts that it is not trained on, and watched for the
usual ways of pleasing a reward model instead of a reader.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from rlhf.settings import PPOConfig
from rlhf.training.losses import paid_scores
from rlhf.training.metrics import distinct, log_ratios, repeated
from rlhf.training.models import RoleModel
from rlhf.training.rollout import ScoreFn, has_ended, sample

PATIENCE, FALL = 4, 0.2
"""Training ends when so many looks in a row lie so far below the best one, in deviations of the starting policy's
scores: the mean of 32 answers wavers by as much, and a slow start is no fall."""
LONGEST, SHORTEST = 2.5, 0.3
"""Mean length beyond these multiples of the starting policy's is a sign of gaming."""
LEAST_DISTINCT = 0.5
"""Share of the starting policy's distinct pairs of words below which answers have become the same ones."""
MOST_REPEATED = 0.25
"""Repeated pairs of words inside an answer, beyond the starting policy's, that are a sign of gaming."""
MOST_UNENDED = 0.15
"""Share of the answers that ended with the starting policy and are cut now that is a sign of gaming."""


@dataclass(frozen=True)
class Look:
    """The policy after `step` iterations, on prompts that it is not trained on.

    Means over responses: `reward` in deviations of the starting policy's scores, `kl` from the starting policy in
    nats, `drift` from the base likewise, `length` in tokens, shares of `ended` ones and of `repeated` pairs of words
    in each. `distinct` pairs of words are counted over all of them.
    """

    step: int
    reward: float
    kl: float
    drift: float
    length: float
    ended: float
    distinct: float
    repeated: float

    def metrics(self) -> dict[str, float]:
        """By the names under which they are logged."""
        names = ("reward", "kl", "drift", "length", "ended", "distinct", "repeated")
        return {f"heldout/{name}": float(getattr(self, name)) for name in names}


@dataclass(frozen=True)
class Limits:
    """How far, in nats a response, a policy may be from where it started (`kl`) and from the base (`drift`)."""

    kl: float
    drift: float = math.inf

    @classmethod
    def of(cls, config: PPOConfig) -> "Limits":
        """Those of the settings."""
        return cls(config.max_kl, config.max_drift)

    def passed(self, look: Look) -> str:
        """Which limit a policy is beyond, in words; empty where it is within both."""
        if look.kl > self.kl:
            return f"held-out KL {look.kl:.1f} passed max_kl {self.kl:g}"
        if look.drift > self.drift:
            return f"held-out KL from the base {look.drift:.1f} passed max_drift {self.drift:g}"
        return ""


def signs_of_gaming(start: Look, now: Look) -> list[str]:
    """In words, what came with a gain in reward that a better answer would not need; empty where nothing did."""
    if now.reward <= start.reward:
        return []
    signs = []
    if now.length > LONGEST * start.length or now.length < SHORTEST * start.length:
        signs.append(f"answers have {now.length:.0f} tokens, {start.length:.0f} at the start")
    if now.distinct < LEAST_DISTINCT * start.distinct:
        signs.append(f"{now.distinct:.0%} of their pairs of words are distinct, {start.distinct:.0%} at the start")
    if now.repeated > start.repeated + MOST_REPEATED:
        signs.append(f"an answer repeats {now.repeated:.0%} of its pairs of words, {start.repeated:.0%} at the start")
    if now.ended < start.ended - MOST_UNENDED:
        signs.append(f"{now.ended:.0%} of them end within the limit, {start.ended:.0%} at the start")
    return signs


def best_look(looks: Sequence[Look], limits: Limits) -> Look:
    """The look of the highest reward within the limits and without signs of gaming; the first is of the start."""
    start = looks[0]
    allowed = [look for look in looks[1:] if not limits.passed(look) and not signs_of_gaming(start, look)]
    return max([start, *allowed], key=lambda look: look.reward)


def reason_to_stop(looks: Sequence[Look], limits: Limits) -> str:
    """Why training should end after the last look, in words; empty where it should go on."""
    start, now = looks[0], looks[-1]
    if passed := limits.passed(now):
        return f"{passed} at step {now.step}"
    if signs := signs_of_gaming(start, now):
        return f"the reward is gamed at step {now.step}: it rose to {now.reward:+.2f}, but {'; '.join(signs)}"
    best = best_look(looks, limits)
    fallen = [look for look in looks[-PATIENCE:] if look.step > best.step and look.reward < best.reward - FALL]
    if len(fallen) == PATIENCE:
        return (
            f"the held-out reward has been below that of step {best.step} ({best.reward:+.2f}) for {PATIENCE} "
            f"looks: it is {now.reward:+.2f} at step {now.step}"
        )
    return ""


def why_kept(looks: Sequence[Look], limits: Limits) -> str:
    """Which look's policy is kept and why, in a sentence."""
    best, start = best_look(looks, limits), looks[0]
    if best is start:
        return f"step 0, the policy it started from: none of {len(looks) - 1} looks had a higher held-out reward"
    return (
        f"step {best.step} of {looks[-1].step}: held-out reward {best.reward:+.2f} ({start.reward:+.2f} at the "
        f"start) at KL {best.kl:.1f}, the highest of {len(looks)} looks within {limits.kl:g} nats"
    )


@dataclass
class Watch:
    """Looks at the policy on fixed prompts, each with the same luck, and keeps the weights of the best one."""

    model: RoleModel
    prompts: list[list[int]]
    score: ScoreFn
    config: PPOConfig
    looks: list[Look] = field(default_factory=list)
    weights: dict[int, list[torch.Tensor]] = field(default_factory=dict)
    """Those of the policy at the best look, by its step; with `keep_looks` at every one."""

    @torch.no_grad()
    def look(self, step: int) -> Look:
        """Measure the policy as it is after so many iterations."""
        model, config = self.model, self.config
        seq = sample(model, self.prompts, config, seed=config.seed * 1_000_003 + 700_000)
        ended = has_ended(model, seq)
        kl, drift = log_ratios(model, seq, config.temperature, "reference", "base", tokens=config.microbatch_tokens)
        rows = zip(seq.response_ids, seq.response_mask, strict=True)
        texts = [model.chat.text(ids[real].tolist()) for ids, real in rows]
        seen = Look(
            step=step,
            reward=float(paid_scores(self.score(seq).float(), ended, config.missing_eos_penalty).mean()),
            kl=float(kl.mean()),
            drift=float(drift.mean()),
            length=float(seq.lengths.float().mean()),
            ended=float(ended.float().mean()),
            # Answers of one word have no pairs, and are not the same ones for that.
            distinct=distinct(texts) if any(len(text.split()) > 1 for text in texts) else 1.0,
            repeated=float(np.mean([repeated(text) for text in texts])),
        )
        self.looks.append(seen)
        best = best_look(self.looks, Limits.of(config))
        if config.keep_looks or best is seen:
            self.weights[step] = [weight.detach().cpu().clone() for weight in model.parameters("policy")]
        if not config.keep_looks:
            self.weights = {best.step: self.weights[best.step]}
        return seen

    def put_back(self) -> Look:
        """Give the policy the weights of the best look."""
        best = best_look(self.looks, Limits.of(self.config))
        _give(self.model, self.weights[best.step])
        return best


def save_looks(model: RoleModel, weights: Mapping[int, Sequence[torch.Tensor]], folder: Path) -> None:
    """Write the policy at each look, but the one at the start, as `step-5`, ...; the policy stays what it is."""
    now = [weight.detach().clone() for weight in model.parameters("policy")]
    for step in sorted(weights.keys() - {0}):
        _give(model, weights[step])
        (folder / f"step-{step}").mkdir(parents=True)
        model.save("policy", folder / f"step-{step}")
    _give(model, now)


@torch.no_grad()
def _give(model: RoleModel, weights: Sequence[torch.Tensor]) -> None:
    for weight, given in zip(model.parameters("policy"), weights, strict=True):
        weight.copy_(given)
