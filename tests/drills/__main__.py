"""The drills: what is broken on purpose, and what survives it. docs/reliability.md keeps the last table.

    python -m tests.drills                       short forms of all, about five minutes
    python -m tests.drills --long                the counts of docs/reliability.md, some hours
    python -m tests.drills people --kills 100    one of them

The exit status is 1 where something was lost or broken.
"""

import argparse
import sys

from tests.drills import crash_points, doubles, full_disk, killed_jobs, people, soak, trouble
from tests.drills.table import Row, table

NAMES = ("people", "jobs", "points", "doubles", "left", "lock", "full", "soak")


def rows(name: str, arguments: argparse.Namespace) -> Row:
    """Do one drill, in the form that was asked for."""
    long = arguments.long
    match name:
        case "people":
            return people.drill(arguments.kills or (100 if long else 3), 30 if long else 10)
        case "jobs":
            return killed_jobs.drill(arguments.kills or (100 if long else 3))
        case "points":
            return crash_points.row([crash_points.drill(kind, short=not long) for kind in crash_points.BEFORE])
        case "doubles":
            return doubles.drill(arguments.times or (300 if long else 20))
        case "left":
            return doubles.drill_left(arguments.times or (100 if long else 20))
        case "full":
            return full_disk.drill(arguments.times or (25 if long else 5))
        case "soak":
            return soak.drill(arguments.minutes or (60.0 if long else 0.5), 50 if long or arguments.minutes else 20)
        case _:
            return trouble.drill(arguments.seconds or (60.0 if long else 16.0))


def main() -> int:
    """Do the named drills, or all of them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("drills", nargs="*", choices=[*NAMES, []], help="which (default: all)")
    parser.add_argument("--long", action="store_true", help="the counts of docs/reliability.md")
    parser.add_argument("--kills", type=int, help="how often something is killed")
    parser.add_argument("--times", type=int, help="how often something is done at once")
    parser.add_argument("--minutes", type=float, help="how long people rank")
    parser.add_argument("--seconds", type=float, help="how long the lock is held")
    arguments = parser.parse_args()
    done = [rows(name, arguments) for name in arguments.drills or NAMES]
    print(table(done))
    return int(any(row.broken for row in done))


if __name__ == "__main__":
    sys.exit(main())
