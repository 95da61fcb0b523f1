"""How good the ratings are where the truth is known: intervals, clickers, methods, and what to rank next."""

import numpy as np

from rlhf.ratings import flip_risk, rate
from tests.benchmarks.ratings_worlds import LOGIT, coverage, draw_rankings, draw_world, mean_taus

CELLS = 36_000
"""Scores in one cell of the table of coverage."""


def show_coverage():
    """Coverage of 90% intervals with everything tuned, by size of prompt, rankings and ties."""
    print("coverage of 90% intervals, sigma and tie tuned; rankings a prompt 1, 2, 3, 5")
    lowest, highest = 1.0, 0.0
    for tie in (0.0, 0.4, 1.0):
        for k in (2, 3, 4, 6, 9):
            row, shares, sigmas = [], [], []
            for each in (1, 2, 3, 5):
                scores, levels, prompt = draw_world(100 * k + each, CELLS // k, k, each, tie=tie)
                ratings = rate(levels, prompt)
                row.append(coverage(ratings, scores))
                sigmas.append(ratings.sigma)
                first, second = np.triu_indices(k, 1)
                shares.append(np.mean(levels[:, first] == levels[:, second]))
            lowest, highest = min(lowest, *row), max(highest, *row)
            cells = "  ".join(f"{cell:.3f}" for cell in row)
            found = " ".join(f"{sigma:.2f}" for sigma in sigmas)
            print(f"  tie {tie:.1f} ({np.mean(shares):4.0%} of pairs) K = {k}: {cells}   sigma {found}")
    print(f"  from {lowest:.3f} to {highest:.3f}")


def show_clickers(seeds=5, prompts=2000):
    """Kendall's taus where a fifth of the annotators click at random, fitted and known."""
    print(f"a fifth of the annotators click at random, {prompts} prompts x 4 x 3, {seeds} seeds: tau-b (tau-a)")
    for people, tie in ((20, 0.0), (50, 0.4), (200, 0.0)):
        runs = [_clickers(seed, prompts, people, tie) for seed in range(seeds)]
        taus, losses = (np.mean([run[part] for run in runs], axis=0) for part in range(2))
        told = [f"{both:.4f} ({plain:.4f})" for both, plain in taus]
        print(f"  {people} annotators, tie {tie}: {told[0]} trusting all, {told[1]} with reliability, ", end="")
        print(f"{told[2]} knowing them; log-loss {losses[0]:.4f} and {losses[1]:.4f}")


def _clickers(seed, prompts, people, tie):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.4, (prompts, 4))
    prompt = np.repeat(np.arange(prompts), 3)
    annotator = rng.integers(0, people, len(prompt))
    clicking = annotator < people // 5
    levels = draw_rankings(rng, scores[prompt], tie=tie, clicking=clicking)
    plain = rate(levels, prompt)
    fitted = rate(levels, prompt, annotator, reliability=True)
    known = rate(np.where(clicking[:, None], -1, levels), prompt)
    return [mean_taus(ratings, scores) for ratings in (plain, fitted, known)], [
        plain.log_loss,
        fitted.log_loss,
    ]


def show_methods(prompts=8000):
    """Order, log-loss on the true odds, and dependence on the order of arrival, by method."""
    print(f"methods, {prompts} prompts x 4 x 3: tau-b, log-loss of fresh votes, pairs that a shuffle flips")
    scores, levels, prompt = draw_world(7, prompts, 4, 3)
    order = np.random.default_rng(0).permutation(len(prompt))
    first, second = np.triu_indices(4, 1)
    truth = 1 / (1 + np.exp(scores[:, second] - scores[:, first]))
    for method in ("davidson", "plackett_luce", "elo"):
        ratings = rate(levels, prompt, method=method)
        again = rate(levels[order], prompt[order], method=method)
        gap = ratings.elo[:, first] - ratings.elo[:, second]
        flips = np.mean(gap * (again.elo[:, first] - again.elo[:, second]) < -1e-9)
        spread = np.nan_to_num(ratings.stderr[:, first] ** 2 + ratings.stderr[:, second] ** 2) * 4 / 3
        chance = 1 / (1 + np.exp(-gap * LOGIT / np.sqrt(1 + np.pi / 8 * spread * LOGIT**2)))
        loss = -np.mean(truth * np.log(chance) + (1 - truth) * np.log(1 - chance))
        print(f"  {method}: {mean_taus(ratings, scores)[0]:.4f}, {loss:.4f}, {flips:.2%}")


def show_tasks(seeds=4, prompts=6000):
    """Rankings a prompt that a rule needs to order as well as three rankings of every prompt do."""
    print(f"rankings a prompt to reach round-robin at 3, {prompts} prompts, {seeds} seeds: by tau-b (tau-a)")
    worlds = {
        "2 responses": {"k": 2},
        "4 responses": {"k": 4},
        "4 responses, 10% of pairs tied": {"k": 4, "tie": 0.6},
        "4 responses, a fifth of rankings at random": {"k": 4, "clicks": 0.2},
        "4 responses, spread differs by prompt": {"k": 4, "uneven": 1.0},
    }
    for name, world in worlds.items():
        told = []
        for rule, floor in (("random", 1.0), ("flip risk, a fifth at random", 0.2), ("flip risk", 0.0)):
            runs = [_learn(seed, prompts, floor, **world) for seed in range(seeds)]
            target, curve = (np.mean([run[part] for run in runs], axis=0) for part in range(2))
            needed = [np.interp(target[at], curve[:, at + 1], curve[:, 0]) for at in range(2)]
            told.append(f"{rule} {needed[0]:.2f} ({needed[1]:.2f})")
        print(f"  {name}: {', '.join(told)}")
    _show_drift(seeds, prompts)


def _show_drift(seeds, prompts):
    """Sigma tuned on rankings of which risk picked most, and on the others alone.

    True spreads other than 1.4 are among them, for 1.4 is also what `rate` takes where it cannot tell.
    """
    print("sigma at 3 rankings a prompt, four fifths of the picks after the first by flip risk (sd over seeds)")
    for k in (2, 4):
        for true in (0.9, 1.4, 2.0):
            found = np.array([_drift(seed, prompts, k, true) for seed in range(seeds)])
            cells = [f"{mean:.2f} ({sd:.2f})" for mean, sd in zip(found.mean(0), found.std(0, ddof=1), strict=True)]
            print(f"  {k} responses, true {true}: tuned on all {cells[0]}, ", end="")
            print(f"on those not picked by risk {cells[1]}, on round-robin {cells[2]}")


def _drift(seed, prompts, k, true, *, floor=0.2, batch=0.1, most=3):
    """Sigma tuned on all rankings, on the first and uniformly picked ones, and on a round-robin of as many.

    Picks are made as in use: with the sigma tuned on the rankings so far that risk did not pick.
    """
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, true, (prompts, k))
    prompt = np.arange(prompts)
    levels, risky = draw_rankings(rng, scores[prompt]), np.zeros(prompts, bool)
    while len(prompt) < most * prompts:
        sigma = rate(levels[~risky], prompt[~risky]).sigma
        ratings = rate(levels, prompt, sigma=sigma)
        picks, by_risk = _pick(rng, ratings, prompt, batch, floor)
        prompt, risky = np.concatenate([prompt, picks]), np.concatenate([risky, by_risk])
        levels = np.concatenate([levels, draw_rankings(rng, scores[picks])])
    every = np.repeat(np.arange(prompts), most)
    robin = rate(draw_rankings(rng, scores[every]), every)
    return rate(levels, prompt).sigma, rate(levels[~risky], prompt[~risky]).sigma, robin.sigma


def _pick(rng, ratings, prompt, batch, floor):
    """The prompts of the next batch, and which of them were picked by risk; a share `floor` is uniform."""
    prompts = len(ratings.elo)
    uniform = round(batch * prompts * floor)
    risk = flip_risk(ratings.elo, ratings.stderr, np.bincount(prompt, minlength=prompts))
    riskiest = np.argsort(-risk)[: round(batch * prompts) - uniform]
    picks = np.concatenate([riskiest, rng.integers(0, prompts, uniform)])
    return picks, np.arange(len(picks)) < len(riskiest)


def _learn(seed, prompts, floor, *, k, tie=0.0, clicks=0.0, uneven=0.0, batch=0.1, most=4.0):
    """Tau of round-robin at 3, and the curve (rankings a prompt, tau) of a rule that picks a batch at a
    time."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.4, (prompts, k)) * np.exp(uneven * rng.normal(size=(prompts, 1)))

    def ask(prompt):
        return draw_rankings(rng, scores[prompt], tie=tie, clicking=rng.random(len(prompt)) < clicks)

    every = np.repeat(np.arange(prompts), 3)
    target = mean_taus(rate(ask(every), every, sigma=1.4), scores)
    prompt = np.arange(prompts)
    levels, curve = ask(prompt), []
    while True:
        ratings = rate(levels, prompt, sigma=1.4)
        curve.append((len(prompt) / prompts, *mean_taus(ratings, scores)))
        if curve[-1][0] >= most:
            return np.array(target), np.array(curve)
        picks, _ = _pick(rng, ratings, prompt, batch, floor)
        prompt, levels = np.concatenate([prompt, picks]), np.concatenate([levels, ask(picks)])
