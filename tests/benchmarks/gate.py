"""How often the gate refuses what works and passes what does harm, over workspaces of many sizes and kinds.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.gate [--workspaces 40] [--judge]

On `tiny`, with its simulated annotators. A workspace is a draw of prompts, each with four responses of the base;
held-out prompts are ranked by eight annotators, the others by one. Its rankings are honest; or half of the annotators
click at random (clickers) or rank in reverse (flipped), which cancels out; or all are shuffled. PPO on honest
rankings makes a better policy at every size that was tried, on shuffled ones a worse one. To pass is harmful on
shuffled rankings, and wherever the scores are turned against the annotators' true utility. The rule was chosen on one
set of draws; `--judge` uses another one.
"""

import argparse
import itertools
from collections import defaultdict

import numpy as np

from rlhf.ratings import rate
from rlhf.ratings.agreement import krippendorff_alpha
from rlhf.ratings.converter import ELO_PER_LOGIT
from rlhf.settings import GateConfig, SamplingConfig
from rlhf.tiny.annotator import annotators, utility
from rlhf.tiny.prompts import TinyPrompt, ranking_prompts
from rlhf.training.foretell import foretell
from rlhf.training.models import RoleModel
from rlhf.training.reward import RankedPrompt, last_states
from rlhf.training.sampling import Sample, sample

SIZES = (20, 30, 50, 100, 200, 400)
KINDS = ("honest", "clickers", "flipped", "shuffled")
PEOPLE = 8
CHOOSE, JUDGE = 1, 1001
"""Seeds of the draws on which the rule was chosen, and on which it is judged."""


def responses(asked: list[TinyPrompt]) -> tuple[list[list[Sample]], list[np.ndarray]]:
    """Four responses of the base to each prompt, and the base's last states of them."""
    model = RoleModel("tiny")
    chats = [({"role": "user", "content": p.text},) for p in asked]
    groups = sample(model, chats, SamplingConfig(), role="base")
    ranked = [
        RankedPrompt(chat, tuple(s.token_ids for s in group), (0.0,) * 4)
        for chat, group in zip(chats, groups, strict=True)
    ]
    return groups, last_states(model, ranked, tokens=2048)


def world(
    asked: list[TinyPrompt], groups: list[list[Sample]], kind: str, rng: np.random.Generator
) -> list[np.ndarray]:
    """The scores (4,) in logits that the rankings of one workspace give each of its prompts."""
    people = annotators(PEOPLE, int(rng.integers(1000)))
    bad = set(rng.permutation(PEOPLE)[: PEOPLE // 2].tolist())
    levels, prompt, by = [], [], []
    for p, (question, group) in enumerate(zip(asked, groups, strict=True)):
        for who in rng.permutation(PEOPLE)[: PEOPLE if question.split == "eval" else 1].tolist():
            texts = [s.text for s in group]
            said = np.array(people[who].rank(question.text, texts, seed=int(rng.integers(2**31))))
            if kind == "shuffled" or (kind == "clickers" and who in bad):
                said = rng.permutation(said)
            elif kind == "flipped" and who in bad:
                said = said.max() + 1 - said
            levels.append(said)
            prompt.append(p)
            by.append(who)
    found = rate(levels, prompt, by, reliability=True)
    return list(found.elo / ELO_PER_LOGIT), krippendorff_alpha(levels, prompt)[2]


def main() -> None:
    """Print the share that passes, a line a size and kind, and the two figures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspaces", type=int, default=40, help="of each size and kind")
    parser.add_argument("--judge", action="store_true", help="the draws that the rule was not chosen on")
    arguments = parser.parse_args()
    rng, config = np.random.default_rng(JUDGE if arguments.judge else CHOOSE), GateConfig()
    asked = ranking_prompts()[:800]
    groups, states = responses(asked)
    truth = [np.array([utility(q.text, s.text) for s in group]) for q, group in zip(asked, groups, strict=True)]
    passed, harmful = defaultdict(list), []
    for size, kind in itertools.product(SIZES, KINDS):
        for number in range(arguments.workspaces):
            rows = rng.choice(len(asked), size, replace=False)
            scores, alpha_high = world([asked[r] for r in rows], [groups[r] for r in rows], kind, rng)
            looked = rng.permutation(size)[: config.prompts]
            mine = [states[rows[r]] for r in looked]
            found = foretell(mine, [scores[r] for r in looked], permutations=config.permutations, seed=number)
            passes = found.p <= config.alpha and not alpha_high <= 0.0
            against = sum(
                float((s - s.mean()) @ (truth[r] - truth[r].mean())) for s, r in zip(scores, rows, strict=True)
            )
            passed[kind, size].append(passes)
            harmful.append(passes and (kind == "shuffled" or against < 0.0))
        print(f"{size:5d} prompts, {kind:9s} pass {np.mean(passed[kind, size]):.2f}", flush=True)
    honest = np.concatenate([passed["honest", size] for size in SIZES])
    print(f"false refusals: {1 - honest.mean():.3f} of {len(honest)} honest workspaces")
    print(f"harmful passes: {np.mean(harmful):.3f} of all {len(harmful)} workspaces")


if __name__ == "__main__":
    main()
