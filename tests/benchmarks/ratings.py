"""Figures of the ratings: `python -m tests.benchmarks.ratings [part ...] [--votes FOLDER]`.

Parts are speed, arena, coverage, clickers, methods, tasks, bound, leaderboard and peeking; without any, all of them.
FOLDER holds `crowd-comparisons.csv` as the LLMFAO data set publishes it (https://github.com/dustalov/llmfao). Set
OMP_NUM_THREADS=1 for figures of one core.
"""

import argparse
import time

from tests.benchmarks.ratings_arena import show_arena
from tests.benchmarks.ratings_boards import show_leaderboard, show_peeking, show_votes
from tests.benchmarks.ratings_bound import show_bound
from tests.benchmarks.ratings_quality import show_clickers, show_coverage, show_methods, show_tasks
from tests.benchmarks.ratings_speed import show_speed

PARTS = {
    "speed": show_speed,
    "arena": show_arena,
    "coverage": show_coverage,
    "clickers": show_clickers,
    "methods": show_methods,
    "tasks": show_tasks,
    "bound": show_bound,
    "leaderboard": show_leaderboard,
    "peeking": show_peeking,
}


def main():
    """Run the parts named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--votes", metavar="FOLDER", help="also predict held-out votes of real people")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    for part in options.parts or ([] if options.votes else PARTS):
        start = time.perf_counter()
        PARTS[part]()
        print(f"  ({time.perf_counter() - start:.0f} s)\n")
    if options.votes:
        show_votes(options.votes)


if __name__ == "__main__":
    main()
