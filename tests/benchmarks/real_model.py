"""The whole path on a real chat model: `python -m tests.benchmarks.real_model --out results.jsonl`.

SmolLM2-135M-Instruct answers everyday prompts, a program of plain taste (tests/benchmarks/plain_judge.py) ranks the
answers in place of people, and its rankings train a policy by supervised fine-tuning on the best answers, by DPO and
by PPO. Each is judged against the base by the same program, at the same temperature, on prompts that served no
training and no choice. A line of JSON is written after each stage, so that a run that is cut has told of what ended.
"""

import argparse
import dataclasses
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from rlhf.commands.init import begin, import_prompts
from rlhf.commands.options import InitOptions
from rlhf.jobs.execute import execute, start
from rlhf.settings import SamplingConfig, ppo_config, settings_of
from rlhf.stages.ppo import parted
from rlhf.training.models import RoleModel
from rlhf.training.sampling import sample
from store import annotators, models, prompts, rankings, responses, tasks
from store.db import writing
from store.records import Json
from store.workspace import Workspace
from tests.benchmarks import plain_judge

HERE = Path(__file__).parent
JUDGE = [sys.executable, str(HERE / "plain_judge.py")]
ANNOTATOR = "program:plain"
PAIRS = 10
"""Judged prompts whose answers before and after are told word for word."""


@dataclass(frozen=True)
class Sizes:
    """How much is done: a run with the defaults takes about an hour on two cores."""

    prompts: int = 200
    """Everyday prompts, the first ones of the file."""
    heldout: int = 60
    """Of them, those that are held out."""
    ranked: int = 16
    """Of these, those whose answers are ranked, to judge the reward model."""
    tokens: int = 48
    """Of an answer at most."""
    pairs: int = 140
    """Pairs of DPO at most."""
    steps: int = 10
    """Of PPO."""
    batch: int = 16
    """Prompts of a step of PPO."""
    samples: int = 2
    """Answers of a version to each judged prompt."""


def main() -> None:
    """Go through the stages, and write a line of JSON after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base-model", default="smollm2")
    for size in dataclasses.fields(Sizes):
        parser.add_argument(f"--{size.name}", type=int, default=size.default)
    options = vars(parser.parse_args())
    out, base_model = options.pop("out"), options.pop("base_model")
    sizes = Sizes(**options)
    with TemporaryDirectory() as folder:
        way = Way(Workspace(Path(folder) / "workspace"), sizes, out)
        way.begin(base_model)
        way.train()


class Way:
    """One workspace on its way through the stages."""

    def __init__(self, workspace: Workspace, sizes: Sizes, out: Path) -> None:
        self.workspace, self.sizes, self.out, self.began = workspace, sizes, out, time.monotonic()

    def tell(self, stage: str, seconds: float, told: Mapping[str, object]) -> None:
        """Append a line; `seconds` is the stage's time, `minutes` since the beginning."""
        minutes = (time.monotonic() - self.began) / 60
        line = {"stage": stage, "seconds": round(seconds, 1), "minutes": round(minutes, 1), **told}
        with self.out.open("a") as out:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")

    def begin(self, base_model: str) -> None:
        """Make the workspace with its settings; the prompts that are judged later are not in it yet."""
        start_of = time.monotonic()
        begin(self.workspace.folder, InitOptions(base_model=base_model))
        toml = self.workspace.folder / "workspace.toml"
        toml.write_text(toml.read_text().split("[sampling]")[0] + settings(self.sizes))
        shutil.copy(HERE / "english.txt", self.workspace.folder / "english.txt")
        self.tell("init", time.monotonic() - start_of, dataclasses.asdict(self.sizes))

    def run(self, stage: str, kind: str, **options: object) -> Json:
        """One job; what it tells is written, without what is long."""
        start_of = time.monotonic()
        told = execute(self.workspace, start(self.workspace, kind, options))
        self.tell(stage, time.monotonic() - start_of, {k: v for k, v in told.items() if len(json.dumps(v)) < 1000})
        return told

    def ask(self, part: Sequence[tuple[str, str]]) -> None:
        """Import prompts, each with its split."""
        file = self.workspace.folder / "asked.jsonl"
        file.write_text("\n".join(json.dumps({"prompt": p, "split": split}) for p, split in part))
        import_prompts(self.workspace, file, skip_bad=False)

    def train(self) -> None:
        """Every stage, each policy judged as soon as it is there."""
        train, judge, rest = divided(self.sizes)
        self.ask([*((p, "train") for p in train), *((p, "eval") for p in judge)])
        self.run("generate", "generate")
        self.tell("rank", 0.0, ranked(self.workspace))
        self.run("rate", "rate")
        self.ask([(p, "eval") for p in rest])
        shown = self.run("sft", "sft", from_="rankings", start="base")
        self.judge("SFT", shown["policy"])
        preferred = self.run("dpo", "dpo", start=shown["policy"])
        self.judge("SFT, then DPO", preferred["policy"])
        self.run("reward", "reward")
        self.judge("SFT, then PPO", self.run("ppo", "ppo", force=True)["policy"])

    def judge(self, made: str, policy: str) -> None:
        """A policy against the base, and some answers of both."""
        self.run(f"judged: {made}", "evaluate", models=[policy], judge_command=" ".join(JUDGE), again=True)
        self.tell(f"pairs: {made}", 0.0, {"policy": policy, "pairs": pairs(self.workspace, policy)})


def settings(sizes: Sizes) -> str:
    """The settings that the defaults do not have: sizes, and learning rates for so few examples."""
    return f"""
[sampling]
temperature = 0.7
max_new_tokens = {sizes.tokens}
[generate]
overlap_share = 0.0
[forgetting]
text = "english.txt"
[sft]
learning_rate = 5e-4
epochs = 2
batch_size = 8
microbatch_size = 8
[dpo]
learning_rate = 4e-4
beta = 0.1
pairs = "extremes"
max_pairs = {sizes.pairs}
batch_size = 8
microbatch_size = 8
[reward]
learning_rate = 5e-4
probe_prompts = 48
prompts_per_step = 8
[gate]
permutations = 99
prompts = 100
[ppo]
steps = {sizes.steps}
prompts_per_step = {sizes.batch}
learning_rate = 2e-4
value_learning_rate = 5e-4
calibration = {2 * sizes.batch}
microbatch_tokens = 1024
check_prompts = 8
[evaluate]
samples = {sizes.samples}
best_of = 0
"""


def divided(sizes: Sizes) -> tuple[list[str], list[str], list[str]]:
    """Prompts to train on, held-out ones that are ranked, and held-out ones that are answered in the end alone."""
    asked = (HERE / "everyday.txt").read_text(encoding="utf-8").splitlines()[: sizes.prompts]
    random.Random(0).shuffle(asked)
    cut = len(asked) - sizes.heldout
    return asked[:cut], asked[cut : cut + sizes.ranked], asked[cut + sizes.ranked :]


def ranked(workspace: Workspace) -> Json:
    """The program ranks every open task, by leases of an annotator of its own; scores a quarter apart are a tie."""
    with workspace.store() as db:
        annotators.ensure(db, ANNOTATOR)
        free = tasks.free_for(db, ANNOTATOR, limit=tasks.count_open(db))
        shown = {task: responses.of_task(db, task) for task in free}
        asked = {task: prompts.get(db, tasks.get(db, task).prompt_id).text for task in free}
    lines = [{"id": t, "prompt": asked[t], "answers": [r.text for r in shown[t]]} for t in free]
    said = subprocess.run(JUDGE, input="\n".join(map(json.dumps, lines)), capture_output=True, text=True, check=True)
    scores = {told["id"]: told["scores"] for told in map(json.loads, said.stdout.splitlines())}
    with workspace.store() as db, writing(db):
        for task in free:
            lease = tasks.lease(db, task, ANNOTATOR, [r.id for r in shown[task]])
            levels = np.unique([-round(4 * score) for score in scores[task]], return_inverse=True)[1] + 1
            given = {r.id: int(level) for r, level in zip(shown[task], levels, strict=True)}
            rankings.submit(db, str(lease.lease), ANNOTATOR, given)
    every = [score for task in free for score in scores[task]]
    best = [max(scores[task]) for task in free]
    return {"rankings": len(free), "score": float(np.mean(every)), "score_of_the_best": float(np.mean(best))}


def pairs(workspace: Workspace, policy: str) -> list[Json]:
    """Judged prompts with an answer of the base and one of the policy, and what the judge thinks of each."""
    config = settings_of(workspace)
    with workspace.store() as db:
        asked = parted(prompts.every(db, "eval"), ppo_config(config))[1][:PAIRS]
        version = models.named(db, policy)
    model = RoleModel(**dataclasses.asdict(config.model))
    model.load("policy", workspace.folder / str(version.path))
    drawn = SamplingConfig(
        responses=1, temperature=config.sampling.temperature, max_new_tokens=config.sampling.max_new_tokens, seed=3
    )
    before, after = (sample(model, [p.messages for p in asked], drawn, role=role) for role in ("base", "policy"))
    return [
        {"prompt": p.text, "base": b.text, "policy": a.text}
        | {"scores": [round(plain_judge.taste(p.text, s.text), 2) for s in (b, a)]}
        for p, (b,), (a,) in zip(asked, before, after, strict=True)
    ]


if __name__ == "__main__":
    main()
