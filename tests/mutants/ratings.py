"""From rankings to scores, annotators and versions."""

from tests.mutants.record import Mutant

ROOM, TESTS = "rlhf/ratings", "tests/rlhf/ratings"
TUNING, BOARD, TABLE = f"{TESTS}/test_tuning.py", f"{TESTS}/test_versions.py", f"{TESTS}/test_agreement.py"

MUTANTS = (
    Mutant(
        "error-without-distance",
        f"{ROOM}/leave_out.py",
        "variance = (mean.scores - fit.scores) ** 2",
        "variance = 0 * (mean.scores - fit.scores) ** 2",
        TUNING,
        "Scores of what won everything would seem surer than they are.",
    ),
    Mutant(
        "mean-on-the-wrong-side",
        f"{ROOM}/leave_out.py",
        "shift[:-1] = (-0.5 * overlap)",
        "shift[:-1] = (0.5 * overlap)",
        TUNING,
        "The posterior's mean would lie nearer to the others than its maximum.",
    ),
    Mutant(
        "left-out-ranking-left-in",
        f"{ROOM}/leave_out.py",
        'scores[:-1] -= np.einsum("ijn,jn->in", covariance, gradient[:-1])',
        'scores[:-1] += np.einsum("ijn,jn->in", covariance, gradient[:-1])',
        TUNING,
        "A ranking would vouch for itself.",
    ),
    Mutant(
        "pairs-are-independent",
        f"{ROOM}/likelihood.py",
        "return (size + 2) / 4",
        "return 1.0",
        TUNING,
        "Errors of long rankings would be too small, for their pairs hang together.",
    ),
    Mutant(
        "wins-count-twice",
        f"{ROOM}/likelihood.py",
        "wins += scatter_pairs(batch, group, batch.outcome * np.float64(0.5))",
        "wins += scatter_pairs(batch, group, batch.outcome * np.float64(1.0))",
        f"{TESTS}/test_ratings.py",
        "Each win would count twice.",
    ),
    Mutant(
        "random-clicks-weigh-more",
        f"{ROOM}/tuning.py",
        "log_heat = log_heat + _step(problems, setting, log_heat)",
        "log_heat = log_heat - _step(problems, setting, log_heat)",
        TUNING,
        "Whoever clicks at random would be trusted most.",
    ),
    Mutant(
        "board-not-clustered",
        f"{ROOM}/versions.py",
        "gradients = np.add.reduceat(rows, start, axis=0) if len(start) else rows",
        "gradients = rows",
        BOARD,
        "Ten rankings of one prompt would count as ten prompts.",
    ),
    Mutant(
        "fixed-interval-at-every-look",
        f"{ROOM}/versions.py",
        "reach = float(sd) * sequence_width(count, alpha)",
        "reach = float(sd) * NORMAL_QUANTILE / np.sqrt(count)",
        BOARD,
        "Whoever looks often enough would see a winner where there is none.",
    ),
    Mutant(
        "rankings-are-evidence-not-prompts",
        f"{ROOM}/versions.py",
        "_, prompt = np.unique(pairs.prompt[used], return_inverse=True)",
        "prompt = np.arange(int(used.sum()))",
        BOARD,
        "A prompt ranked by many would decide alone.",
    ),
    Mutant(
        "newest-and-base-swapped",
        f"{ROOM}/versions.py",
        "outcome = np.where(forward, pairs.outcome, -pairs.outcome)[used]",
        "outcome = pairs.outcome[used]",
        BOARD,
        "Who is better would depend on which was listed first.",
    ),
    Mutant(
        "own-repeats-raise-alpha",
        f"{ROOM}/agreement/table.py",
        "alpha_of_rankings(once(rankings), seed)",
        "alpha_of_rankings(rankings, seed)",
        TABLE,
        "Whoever repeats himself would make everybody agree.",
    ),
)
