"""What `evaluate` rests on: win rates, best-of-n, length control, judges."""

from tests.mutants.record import Mutant

WINS, WON = "rlhf/ratings/wins.py", "tests/rlhf/ratings/test_wins.py"
BEST, LENGTH = "rlhf/ratings/best_of_n.py", "rlhf/ratings/length_control.py"
MEASURE, STAGE = "rlhf/stages/measure.py", "rlhf/stages/evaluate.py"
TESTED = "tests/rlhf/stages/test_evaluate.py"
OUTSIDE, ASKED = "rlhf/stages/outside.py", "tests/rlhf/stages/test_outside.py"

MUTANTS = (
    Mutant(
        "ties-lose",
        WINS,
        "(left > right) + 0.5 * (left == right)",
        "(left > right) + 0.0 * (left == right)",
        WON,
        "A policy equal to its rival would win less than half.",
    ),
    Mutant(
        "ten-of-ten-is-certain",
        WINS,
        "(((won - mean) ** 2).sum() + PRIOR_VOTES / 4) / (count + PRIOR_VOTES)",
        "((won - mean) ** 2).sum() / count",
        WON,
        "A policy that won the few prompts that there are would be certain to win all.",
    ),
    Mutant(
        "meetings-as-prompts",
        MEASURE,
        "won = outcome.mean(1)\n",
        "won = outcome.ravel()\n",
        TESTED,
        "More draws of the same prompts would make a win rate seem sure.",
    ),
    Mutant(
        "best-of-n-of-the-first",
        BEST,
        "math.comb(i, n - 1) for i in range(count)",
        "math.comb(count - 1 - i, n - 1) for i in range(count)",
        WON,
        "The worst of n would be called the best.",
    ),
    Mutant(
        "best-of-n-for-free",
        BEST,
        "return math.log(n) - (n - 1) / n",
        "return math.log(n) - 1",
        WON,
        "Best-of-n would seem nearer than it is.",
    ),
    Mutant(
        "length-not-controlled",
        LENGTH,
        "design = np.stack([np.ones_like(longer), longer], axis=1)",
        "design = np.stack([np.ones_like(longer), 0 * longer], axis=1)",
        WON,
        "A policy that only says more would seem better at one length too.",
    ),
    Mutant(
        "often-judged-prompts-count-more",
        LENGTH,
        "weight = 1.0 / np.bincount(prompt)[prompt]",
        "weight = np.ones(len(prompt))",
        WON,
        "One prompt that many ranked would decide.",
    ),
    Mutant(
        "the-luck-of-the-policy-for-the-baseline",
        MEASURE,
        "return self.answers(self.home, BASELINE_LUCK)",
        "return self.answers(self.home, POLICY_LUCK)",
        TESTED,
        "A policy that is hardly better would win nearly always.",
    ),
    Mutant(
        "best-of-n-meets-itself",
        MEASURE,
        "return self.answers(self.home, BEST_LUCK,",
        "return self.answers(self.home, BASELINE_LUCK,",
        TESTED,
        "Best-of-n would draw with itself where it should win.",
    ),
    Mutant(
        "kl-of-a-nucleus",
        MEASURE,
        "    if sampling.top_p < 1:\n",
        "    if False:\n",
        TESTED,
        "The KL would be above what it is wherever answers are cut to a nucleus.",
    ),
    Mutant(
        "evaluated-on-what-chose-the-policy",
        STAGE,
        'parted(prompts.every(db, "eval"), ppo_config(ctx.settings))[1]',
        'prompts.every(db, "eval")',
        TESTED,
        "A policy would be judged on the prompts by which it was chosen.",
    ),
    Mutant(
        "outside-order-not-turned-back",
        OUTSIDE,
        "1.0 - first if turned[asked] else first",
        "first",
        ASKED,
        "A judge would be believed the wrong way round half of the time.",
    ),
    Mutant(
        "outside-order-never-turned",
        OUTSIDE,
        "turned = [rng.random() < 0.5 for _ in pairs]",
        "turned = [False for _ in pairs]",
        ASKED,
        "A judge who likes the first of two would like the policy.",
    ),
    Mutant(
        "a-failed-judge-is-believed",
        OUTSIDE,
        "if answered == asked and status in (0, None):",
        "if answered == asked:",
        ASKED,
        "What a judge says before it fails would be its verdict.",
    ),
    Mutant(
        "programs-from-the-queue",
        "rlhf/jobs/worker.py",
        "        if refused := _by_hand_only(job):\n",
        "        if False:\n            refused = ''\n",
        TESTED,
        "Whoever may start jobs on the page could run any program here.",
    ),
)
