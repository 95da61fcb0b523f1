"""Decoding that lets ended rows leave, against transformers' generate: `python -m tests.benchmarks.decoding`.

Both in one run, in turn, on the same 4-bit model, prompts and limit; the ratio is what counts.
"""

import statistics
import time
from collections.abc import Callable

import torch

from rlhf.settings import SamplingConfig
from rlhf.tiny.prompts import ranking_prompts
from rlhf.training.models import RoleModel
from rlhf.training.sampling import generate

BATCH, LIMIT, TURNS = 256, 64, 5


def main() -> None:
    """Print the seconds of each, their ratio by pairs, and the mean length."""
    model = RoleModel("tiny")
    prompts = [model.chat.prompt([{"role": "user", "content": p.text}]) for p in ranking_prompts()[:BATCH]]
    seq = model.chat.sequences(prompts, [[] for _ in prompts])
    lengths: list[float] = []

    def ours() -> None:
        drawn = generate(model, prompts, SamplingConfig(max_new_tokens=LIMIT), role="base", seed=len(lengths))
        lengths.append(float(drawn.lengths.float().mean()))

    def theirs() -> None:
        with torch.no_grad(), model.role("base"):
            model.peft.generate(
                input_ids=seq.prompt_ids,
                attention_mask=seq.prompt_mask.long(),
                do_sample=True,
                top_k=0,
                max_new_tokens=LIMIT,
                eos_token_id=model.chat.stop_ids,
                pad_token_id=model.chat.pad_id,
            )

    ours(), theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(TURNS)]
    ratios = [b / a for a, b in pairs]
    print(f"{BATCH} responses of at most {LIMIT} tokens, {statistics.mean(lengths):.1f} in the mean")
    mine, his = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"ours {mine:.2f} s, generate {his:.2f} s")
    print(f"ratio {min(ratios):.2f} to {max(ratios):.2f}, median {statistics.median(ratios):.2f}")


def _seconds(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
