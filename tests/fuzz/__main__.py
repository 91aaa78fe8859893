"""`make fuzz`: thousands of broken exports, and a hundred kills. Exit code 1 where something is wrong."""

import argparse
import os
import time
from multiprocessing import get_context

from tests.fuzz.kills import killed
from tests.fuzz.run import problems_of

#: Files of one run of check.
_TOGETHER = 10


def main() -> int:
    """Run both, and print what they found."""
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz")
    arguments.add_argument("--files", type=int, default=3000)
    arguments.add_argument("--first", type=int, default=1000, help="The first seed.")
    arguments.add_argument("--kills", type=int, default=100)
    given = arguments.parse_args()
    began = time.monotonic()
    last = given.first + given.files
    groups = [range(first, min(first + _TOGETHER, last)) for first in range(given.first, last, _TOGETHER)]
    problems: list[str] = []
    with get_context("spawn").Pool(min(2, os.cpu_count() or 1)) as workers:
        for found in workers.imap(problems_of, groups):
            for problem in found:
                print(problem, flush=True)
            problems += found
    print(
        f"{given.files} files from seed {given.first}: {len(problems)} problems, {time.monotonic() - began:.0f} s",
        flush=True,
    )
    began = time.monotonic()
    count, wrong = killed(given.kills, given.first)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{count} of {given.kills} runs were killed: {len(wrong)} problems, {time.monotonic() - began:.0f} s")
    return 1 if problems or wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
