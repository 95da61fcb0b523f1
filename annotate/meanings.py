"""What each metric of a training says, and where it lies while all is well: for the page and for the docs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """What a metric is, with its unit, and what is healthy: a range, or the way it should go."""

    told: str
    healthy: str


MEANINGS = {
    # PPO
    "reward/score": Meaning(
        "Mean score that the reward model gives the answers of a step, in deviations of the starting policy’s.",
        "Rises by 0.5 to 2 and then slows; a jump beyond 3 is mostly gaming.",
    ),
    "reward/score_std": Meaning("Spread of those scores.", "0.5 to 1.5; near 0 all answers are alike."),
    "reward/total": Meaning(
        "Mean of score minus KL penalty, summed over an answer: what PPO maximises.",
        "Rises, though not at every step.",
    ),
    "kl/k1": Meaning(
        "KL from the reference policy, in nats an answer, by the plain estimate, which may dip below 0.",
        "Near kl_target (6) at the end; beyond max_kl (12) training ends.",
    ),
    "kl/k3": Meaning(
        "The same KL by an estimate that is never below 0 (Schulman 2020).",
        "Near kl/k1; far above it: too few samples.",
    ),
    "kl/beta": Meaning(
        "Weight of the KL penalty, which adapts itself to hold the KL at its target.",
        "0.01 to 0.5, without swinging.",
    ),
    "policy/entropy": Meaning(
        "How undecided the policy is at a token, in nats.", "Falls slowly; below a third of its start answers repeat."
    ),
    "policy/approx_kl": Meaning(
        "KL between the policy before and after the step’s updates, in nats a token.",
        "0.001 to 0.02; above stop_kl (0.02) a step ends early.",
    ),
    "policy/clipfrac": Meaning(
        "Share of the tokens whose ratio was clipped.", "0.02 to 0.3; more: lower the learning rate."
    ),
    "policy/ratio": Meaning("Mean ratio of new to old probability of a token.", "0.98 to 1.02."),
    "policy/first_ratio": Meaning(
        "That ratio before any update of the step.", "1.000; anything else is an error of the program."
    ),
    "policy/epochs": Meaning("Passes over the answers of a step.", "All of [ppo] epochs; fewer: stopped early."),
    "policy/updates": Meaning("Optimiser steps that were taken in a step.", "Above 0."),
    "policy/grad_norm": Meaning(
        "Length of the policy’s gradient before it is cut to max_grad_norm (1).", "0.05 to 5, without spikes."
    ),
    "losses/policy": Meaning("Loss of the clipped objective.", "Around 0, of either sign; it need not fall."),
    "losses/value": Meaning("Loss of the value model, which foretells the reward.", "Falls, then stays."),
    "losses/ptx": Meaning(
        "Negative log likelihood of texts of the base’s own, in nats a token (with ptx_coef).",
        "Stays near its start: a rise is forgetting.",
    ),
    "value/explained_variance": Meaning(
        "Share of the spread of returns that the value model foretells.", "0.3 to 0.9; below 0 it misleads."
    ),
    "advantages/mean": Meaning("Mean advantage after whitening.", "0."),
    "advantages/raw_std": Meaning(
        "Spread of the advantages before whitening.", "Above 0.05; near 0 nothing is learnt."
    ),
    "responses/length": Meaning("Mean length of an answer in tokens.", "0.5 to 2 times its start."),
    "responses/ended": Meaning(
        "Share of the answers that ended by themselves and were not cut.", "Not below its start by more than 0.15."
    ),
    "responses/fill": Meaning("Share of a batch that is text and not padding.", "Above 0.5; less only costs time."),
    "heldout/reward": Meaning(
        "Score on prompts that are not trained on, in deviations of the starting policy’s.",
        "Rises with reward/score; where it falls while that rises, the reward is being gamed.",
    ),
    "heldout/kl": Meaning("KL from the starting policy on those prompts, in nats an answer.", "Below max_kl (12)."),
    "heldout/drift": Meaning(
        "KL from the base on those prompts, in nats an answer.", "Below max_drift where it is set."
    ),
    "heldout/length": Meaning("Mean length of their answers in tokens.", "0.3 to 2.5 times its start."),
    "heldout/ended": Meaning("Share of their answers that ended by themselves.", "Not 0.15 below its start."),
    "heldout/distinct": Meaning(
        "Share of the pairs of words over all their answers that are distinct.", "Above half of its start."
    ),
    "heldout/repeated": Meaning(
        "Share of the pairs of words inside an answer that repeat.", "Not 0.25 above its start."
    ),
    # The reward model
    "losses/reward": Meaning(
        "Cross entropy between the model’s odds and those of the scores, in nats a pair.",
        "Falls from 0.69, which is a blind guess.",
    ),
    # SFT and DPO
    "loss": Meaning(
        "What is minimised: nats a token (SFT), or nats a pair (DPO, which begins at 0.69).",
        "Falls; to nearly 0 it learns by heart.",
    ),
    "grad_norm": Meaning("Length of the gradient before it is cut.", "0.05 to 10, without spikes."),
    "learning_rate": Meaning("Step size at this moment.", "Rises at the start, then falls to 0."),
    "entropy": Meaning(
        "How undecided the model is at a token, in nats.", "Falls slowly; near 0 it says one thing only."
    ),
    "num_tokens": Meaning("Tokens seen so far.", "Rises."),
    "mean_token_accuracy": Meaning(
        "Share of the tokens that were the model’s likeliest.", "Rises; above 0.95 it learns by heart."
    ),
    "rewards/chosen": Meaning(
        "Beta times how much likelier the better answer became than under the reference.",
        "At or above 0; where both fall, answers are unlearnt.",
    ),
    "rewards/rejected": Meaning("The same for the worse answer.", "Falls below rewards/chosen."),
    "rewards/margins": Meaning("The first minus the second.", "Rises; beyond 5 lower epochs or learning rate."),
    "rewards/accuracies": Meaning(
        "Share of the pairs whose better answer has the higher reward.",
        "Rises from 0.5 to 0.65 to 0.9; above annotators’ agreement it learns their mistakes.",
    ),
    "logps/chosen": Meaning("Log likelihood of the better answers, in nats.", "Stays or rises."),
    "logps/rejected": Meaning("Log likelihood of the worse answers, in nats.", "Falls below its start."),
    "logits/chosen": Meaning("Mean logit over the better answers.", "Stays near its start."),
    "logits/rejected": Meaning("Mean logit over the worse answers.", "Stays near its start."),
}
"""Each metric by the name under which it is logged."""
