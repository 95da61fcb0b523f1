"""Where the reward model of a demo errs: `python -m tests.benchmarks.reward_errors WORKSPACE [reward-1]`.

Pairs of responses to held-out prompts of the first rating, against the noiseless utility: by whether both, one or
neither of the two answer what was asked.
"""

import sys
from itertools import combinations
from pathlib import Path

import numpy as np

from rlhf.stages.reward import ranked_prompts
from rlhf.tiny.annotator import AVERAGE, worth
from rlhf.tiny.reading import read
from rlhf.training.models import RoleModel
from rlhf.training.reward import score_prompts
from store import models, scores
from store.workspace import Workspace


def main(folder: str, name: str = "reward-1") -> None:
    """Print the share of pairs in the right order, by kind of pair."""
    workspace = Workspace(Path(folder))
    with workspace.store() as db:
        judge = models.named(db, name)
    model = RoleModel(judge.base_model)
    with workspace.store() as db:
        _, heldout = ranked_prompts(db, scores.get(db, judge.rating_id or 0), model.chat)
    model.fresh("reward")
    model.load("reward", workspace.folder / str(judge.path))
    right: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for prompt, scored in zip(heldout, score_prompts(model, heldout), strict=True):
        seen = [read(prompt.messages[-1]["content"], model.chat.text(ids)) for ids in prompt.answers]
        for i, j in combinations(range(len(seen)), 2):
            gap = worth(seen[i], AVERAGE) - worth(seen[j], AVERAGE)
            if gap:
                right[seen[i].answers + seen[j].answers].append(float((scored[i] - scored[j]) * gap > 0))
    print(f"{name} of {folder}: {len(heldout)} held-out prompts")
    for answering, kind in ((1, "one of the two answers"), (2, "both answer"), (0, "neither answers")):
        print(f"  {kind}: {np.mean(right[answering]):.3f} of {len(right[answering])} pairs")


if __name__ == "__main__":
    main(*sys.argv[1:])
