"""The reward model, and what is said of models."""

from tests.mutants.record import Mutant

LOSSES, METRICS, REWARD = "rlhf/training/losses.py", "rlhf/training/metrics.py", "rlhf/training/reward.py"
FORMULAS = "tests/rlhf/training/test_losses.py"
WIRING = "tests/rlhf/training/test_reward.py"
MEASURED = "tests/rlhf/training/test_metrics.py"

MUTANTS = (
    Mutant(
        "pairs-taught-backwards",
        LOSSES,
        "target = torch.sigmoid((elo[:, i] - elo[:, j]) / ELO_PER_LOGIT)",
        "target = torch.sigmoid((elo[:, j] - elo[:, i]) / ELO_PER_LOGIT)",
        f"{FORMULAS} {WIRING}",
        "The reward model would prefer what people put last.",
    ),
    Mutant(
        "pairs-of-missing-responses",
        LOSSES,
        "masked_sum(losses, mask[:, i] & mask[:, j])",
        "masked_sum(losses, mask[:, i] | mask[:, j])",
        f"{FORMULAS} {WIRING}",
        "A prompt of two responses would be taught two more that nobody wrote.",
    ),
    Mutant(
        "head-never-fitted",
        REWARD,
        "        fit_head(model, train[: config.probe_prompts], tokens=config.microbatch_tokens)",
        "        pass",
        WIRING,
        "A zero head would hold the adapter back until it has grown.",
    ),
    Mutant(
        "old-head-fitted-anew",
        REWARD,
        "if not continued:",
        "if True:",
        WIRING,
        "A reward model that goes on would forget the head that it has learned.",
    ),
    Mutant(
        "head-of-raw-states",
        REWARD,
        "states.append(mine - mine.mean(0))",
        "states.append(mine)",
        WIRING,
        "The first head would explain how prompts differ, and not how answers do.",
    ),
    Mutant(
        "mean-penalty-off",
        REWARD,
        "config.mean_penalty * (centre**2).mean()",
        "0.0 * (centre**2).mean()",
        WIRING,
        "The scale's origin would be free to drift.",
    ),
    Mutant(
        "parts-not-put-back",
        REWARD,
        "for part in parts])[torch.cat(parts).argsort()]",
        "for part in parts])",
        WIRING,
        "Rewards would belong to other answers, sorted by length.",
    ),
    Mutant(
        "scores-in-order-of-length",
        REWARD,
        "out[rows] = model.scores(seq)",
        "out[start : start + batch] = model.scores(seq)",
        WIRING,
        "Scores would be handed to other answers.",
    ),
    Mutant(
        "judged-on-what-it-learned",
        REWARD,
        "measured = pair_metrics(raw[-len(heldout) :],",
        "measured = pair_metrics(raw[: len(heldout)],",
        WIRING,
        "The gate would be passed by rote.",
    ),
    Mutant(
        "accuracy-reversed",
        METRICS,
        "np.where(gap > 0, margin, -margin)",
        "np.where(gap > 0, -margin, margin)",
        MEASURED,
        "A good reward model would fail the gate and a bad one pass.",
    ),
    Mutant(
        "divergence-from-itself",
        METRICS,
        """with model.role(role):
                other""",
        """with model.role("base"):
                other""",
        MEASURED,
        "KL to the reference would be that to the base.",
    ),
)
