"""The leaderboard of versions in simulation, and votes of real people on a folder given on the command
line."""

import csv
from pathlib import Path

import numpy as np

from rlhf.ratings import rate
from rlhf.ratings.agreement import krippendorff_alpha
from rlhf.ratings.versions import compare, rank_versions, sequence_width
from tests.benchmarks.ratings_worlds import LOGIT, draw_rankings


def show_leaderboard(worlds=400):
    """Coverage of 95% intervals when rankings of one prompt share the luck of its responses."""
    theta = np.array([0, 0.2, 0.4, 0.6, 0.3, 0.9])
    truth = rank_versions(*_versions(0, theta, 100_000, 1)).elo
    print(f"leaderboard: coverage of 95% intervals, {len(theta)} versions, {worlds} worlds")
    for prompts in (60, 120, 400):
        for each in (1, 3):
            boards = (rank_versions(*_versions(seed + 1, theta, prompts, each)) for seed in range(worlds))
            covered = [(board.low[1:] <= truth[1:]) & (truth[1:] <= board.high[1:]) for board in boards]
            print(f"  {prompts} prompts x {each}: {np.mean(covered):.3f}")


def _versions(seed, theta, prompts, each):
    rng = np.random.default_rng(seed)
    version = np.argsort(rng.random((prompts, len(theta))), axis=1)[:, :4]
    quality = theta[version] + rng.normal(0, 1.4, version.shape)
    prompt = np.repeat(np.arange(prompts), each)
    return draw_rankings(rng, quality[prompt]), prompt, version[prompt]


def show_peeking(worlds=2000, prompts=1000, every=10):
    """False alarms when the newest is as good as the base, and prompts to a decision when it is better."""
    print(f"newest against base, looked at every {every} prompts up to {prompts}, {worlds} worlds")
    looks = np.arange(every, prompts + 1, every)
    reach = np.array([sequence_width(int(look), 0.05) for look in looks])
    for gap in (0, 35, 70, 100):
        rng = np.random.default_rng(gap)
        won = rng.random((worlds, prompts)) < 1 / (1 + np.exp(-gap * LOGIT))
        gains = np.where(won, 1.0, -1.0)
        mean = np.cumsum(gains, axis=1)[:, looks - 1] / looks
        _check_against_compare(gains[0], looks, reach)
        sd = np.sqrt(((1 - mean**2) * looks + 2) / (looks + 2))
        decided = (np.abs(mean) > sd * reach) & (looks >= 10)
        fixed = np.abs(mean) > 1.96 * np.sqrt((1 - mean**2) / looks)
        first = np.where(decided.any(1), looks[decided.argmax(1)], np.inf)
        print(f"  true gap {gap} Elo: decided in {decided.any(1).mean():.1%}, ", end="")
        print(f"half after {np.median(first):.0f} prompts; a fixed interval in {fixed.any(1).mean():.1%}")


def _check_against_compare(gains, looks, reach):
    """The shortcut above must be `compare`."""
    for at in (3, -1):
        count = int(looks[at])
        levels = np.where(gains[:count, None] > 0, [[1, 2]], [[2, 1]])
        verdict = compare(levels, np.arange(count), np.tile([1, 0], (count, 1)), newest=1)
        mean = gains[:count].mean()
        sd = np.sqrt(((1 - mean**2) * count + 2) / (count + 2))
        assert np.isclose(verdict.low, max(0.0, 0.5 + 0.5 * (mean - sd * reach[at])))


def show_votes(folder, folds=5):
    """Held-out votes of a folder with `crowd-comparisons.csv`: prompt, model_x, model_y, worker, winner."""
    votes = _read_votes(Path(folder))
    tied = np.mean(votes["outcome"] == 0)
    print(f"{len(votes['outcome'])} votes, {tied:.0%} ties; {folds} folds, ties not predicted")
    alpha = krippendorff_alpha(_levels(votes), votes["prompt"])
    print(f"  Krippendorff's alpha {alpha[0]:.3f} ({alpha[1]:.3f} to {alpha[2]:.3f})")
    fold = np.random.default_rng(0).permutation(len(votes["outcome"])) % folds
    for name, reliability, board in (
        ("all workers alike", False, False),
        ("temperature by worker", True, False),
        ("temperature by worker, prior mean from the leaderboard", True, True),
    ):
        chances = np.concatenate([_foretell(votes, fold == at, reliability, board) for at in range(folds)])
        print(f"  {name}: accuracy {np.mean(chances > 0.5) + np.mean(chances == 0.5) / 2:.4f}, ", end="")
        print(f"log-loss {-np.mean(np.log(chances)):.4f} on {len(chances)} votes")


def _read_votes(folder):
    with (folder / "crowd-comparisons.csv").open() as file:
        rows = list(csv.DictReader(file))
    numbers = {}
    for name, columns in {
        "prompt": ["prompt"],
        "model": ["model_x", "model_y"],
        "worker": ["worker"],
    }.items():
        known = {value: at for at, value in enumerate(sorted({row[column] for row in rows for column in columns}))}
        for column in columns:
            numbers[column] = np.array([known[row[column]] for row in rows])
        numbers[f"{name}s"] = len(known)
    numbers["outcome"] = np.array([{"left": 1, "right": -1, "tie": 0}[row["winner"]] for row in rows])
    return numbers


def _levels(votes):
    levels = np.full((len(votes["outcome"]), votes["models"]), -1)
    every = np.arange(len(levels))
    levels[every, votes["model_x"]] = np.where(votes["outcome"] >= 0, 1, 2)
    levels[every, votes["model_y"]] = np.where(votes["outcome"] <= 0, 1, 2)
    return levels


def _foretell(votes, held, reliability, board):
    """Probability given to what was chosen, for the held votes that are no ties, from a fit to all others."""
    prompt = votes["prompt"]
    levels = np.where(held[:, None], -1, _levels(votes))
    prior = None
    if board:
        models = np.tile(np.arange(votes["models"]), (len(levels), 1))
        elo = np.nan_to_num(rank_versions(levels, prompt, models).elo, nan=1000.0)
        prior = np.tile(elo, (prompt.max() + 1, 1))
    ratings = rate(levels, prompt, votes["worker"], reliability=reliability, prior_mean=prior)
    at = np.flatnonzero(held & (votes["outcome"] != 0))
    left, right, worker = votes["model_x"][at], votes["model_y"][at], votes["worker"][at]
    chance = ratings.win_probability(prompt[at], left, right, worker)
    return np.nan_to_num(np.where(votes["outcome"][at] > 0, chance, 1.0 - chance), nan=0.5)
