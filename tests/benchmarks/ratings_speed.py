"""How fast the ratings are, and against evalica and choix called once a prompt in the same run."""

import time
import tracemalloc
import warnings

import choix
import evalica
import numpy as np

from rlhf.ratings import rate
from tests.benchmarks.ratings_worlds import draw_world

PROMPTS, K, EACH = 100_000, 4, 3
ANNOTATORS = 300


def show_speed(rounds=5):
    """Rankings a second, seconds with annotators, added memory, and what others take."""
    _, levels, prompt = draw_world(0, PROMPTS, K, EACH)
    annotator = np.random.default_rng(1).integers(0, ANNOTATORS, len(prompt))
    flat = np.full((PROMPTS, K), 1000.0)
    rate(levels[:300], prompt[:300])
    print(f"{PROMPTS} prompts x {K} responses x {EACH} rankings, one core, medians of {rounds}")
    calls = {
        "scores and standard errors, sigma and tie tuned": lambda: rate(levels, prompt),
        "the same, no two prompts taken for one": lambda: rate(levels, prompt, prior_mean=flat),
        "method plackett_luce": lambda: rate(levels, prompt, method="plackett_luce"),
        "method elo, without errors": lambda: rate(levels, prompt, method="elo"),
        f"with reliability of {ANNOTATORS} annotators": lambda: rate(levels, prompt, annotator, reliability=True),
    }
    ours = 0.0
    for name, call in calls.items():
        wall, cpu = times(call, rounds)
        ours = ours or wall
        print(f"  {name}: {wall:.3f} s, {len(prompt) / wall / 1e6:.2f} M rankings/s (processor {cpu:.3f} s)")
    _, tied, where = draw_world(2, PROMPTS, K, EACH, tie=0.6)
    wall, cpu = times(lambda: rate(tied, where), rounds)
    print(f"  with ties: {wall:.3f} s, {len(prompt) / wall / 1e6:.2f} M rankings/s (processor {cpu:.3f} s)")
    for name, call in list(calls.items())[::4]:
        print(f"  added memory, {name}: {peak(call) / 1e6:.0f} MB")
    _show_others(levels, prompt, ours / PROMPTS)


def _show_others(levels, prompt, ours):
    print(f"one prompt at a time, against {ours * 1e6:.2f} us a prompt here")
    for name, call, prompts in (
        ("evalica.elo", _evalica(evalica.elo), 1000),
        ("evalica.bradley_terry", _evalica(evalica.bradley_terry), 1000),
        ("choix.opt_pairwise", _choix, 300),
    ):
        rows = levels[: prompts * EACH].reshape(prompts, EACH, K)
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for own in rows:
                call(own)
        each = (time.perf_counter() - start) / prompts
        print(f"  {name}: {each * 1e6:.0f} us a prompt, {each / ours:.0f} times as long, without errors or ties")


def _pairs(rows):
    first, second = np.triu_indices(K, 1)
    better = rows[:, first] < rows[:, second]
    return np.where(better, first, second).ravel(), np.where(better, second, first).ravel()


def _evalica(method):
    def call(rows):
        winners, losers = _pairs(rows)
        method(winners.tolist(), losers.tolist(), [evalica.Winner.X] * len(winners))

    return call


def _choix(rows):
    winners, losers = _pairs(rows)
    choix.opt_pairwise(K, list(zip(winners.tolist(), losers.tolist(), strict=True)), alpha=1 / (2 * 1.4**2))


def times(call, rounds):
    """Median seconds of a call by the clock and of the processor."""
    wall, processor = [], []
    for _ in range(rounds):
        start, cpu = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - cpu)
    return float(np.median(wall)), float(np.median(processor))


def peak(call):
    """Bytes that a call adds at most."""
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak
