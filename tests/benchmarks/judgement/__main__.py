"""Run every scenario, and print how often the judge and its rivals are right.

    python -m tests.benchmarks.judgement [--quick] [--only TEXT] [--seed N]

Three shares that do not hide each other: false alarms where nothing is wrong, harm that is found, and windows that say
too little. A rule that always gives the same answer is right in one of them and useless.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from pipeline.judge.stats import clopper_pearson
from tests.benchmarks.judgement.power import SHARES, needed
from tests.benchmarks.judgement.rivals import RIVALS
from tests.benchmarks.judgement.runs import Result, once, without_output
from tests.benchmarks.judgement.scenarios import QUICK, SCENARIOS, Drawn, Scenario

KINDS = ("no harm", "harm", "not enough")

#: What must hold: of runs without harm, of runs with harm, of runs that say too little.
MOST_FAIL, MOST_WARN, LEAST_FOUND, LEAST_UNKNOWN = 0.01, 0.03, 0.95, 1.0


def results(scenarios: Sequence[Scenario], *, runs: int | None = None, first: int = 0) -> list[tuple[Scenario, Result]]:
    """Run scenarios in processes of their own; runs: of each, where not its own number; first: the first seed."""
    jobs = [(one, seed) for one in scenarios for seed in range(first, first + (runs or one.runs))]
    jobs.sort(key=lambda job: not job[0].big)  # the long ones first, so that none is left alone at the end
    os.environ["POLARS_MAX_THREADS"] = "1"
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), without_output) as workers:
        found = list(workers.map(once, [one.name for one, _ in jobs], [seed for _, seed in jobs]))
    return [(one, result) for (one, _), result in zip(jobs, found, strict=True)]


def shares(found: Sequence[tuple[Scenario, Result]]) -> dict[str, tuple[int, int]]:
    """Return how many of how many: false alarms, harm found, and too little known, by the name of the share."""
    quiet, harm, unknown = ([pair for pair in found if pair[0].kind == kind] for kind in KINDS)
    strict = [pair for pair in quiet if "WARN" not in pair[0].want]
    free = [pair for pair in quiet if "WARN" in pair[0].want]
    return {
        "no harm: FAIL": (sum(one.verdict == "FAIL" for _, one in quiet), len(quiet)),
        "no harm: WARN": (sum(one.verdict == "WARN" for _, one in strict), len(strict)),
        "no harm: WARN, where permitted": (sum(one.verdict == "WARN" for _, one in free), len(free)),
        "no harm: INCONCLUSIVE": (sum(one.verdict == "INCONCLUSIVE" for _, one in quiet), len(quiet)),
        "harm: found": (sum(one.right(scenario) for scenario, one in harm), len(harm)),
        "not enough: INCONCLUSIVE": (sum(one.verdict == "INCONCLUSIVE" for _, one in unknown), len(unknown)),
    }


def holds(found: Sequence[tuple[Scenario, Result]]) -> bool:
    """Return whether the shares are within their limits, and no kind without harm fails more than once."""
    fails = Counter(scenario.name for scenario, one in found if scenario.kind == "no harm" and one.verdict == "FAIL")
    if any(n > 1 for n in fails.values()):
        return False
    share = {name: k / n if n else None for name, (k, n) in shares(found).items()}
    limits = (
        (share["no harm: FAIL"], 0.0, MOST_FAIL),
        (share["no harm: WARN"], 0.0, MOST_WARN),
        (share["harm: found"], LEAST_FOUND, 1.0),
        (share["not enough: INCONCLUSIVE"], LEAST_UNKNOWN, 1.0),
    )
    return all(value is None or low <= value <= high for value, low, high in limits)


def _print_scenarios(found: Sequence[tuple[Scenario, Result]]) -> None:
    for kind in KINDS:
        print(f"\n{kind:46s}{'runs':>5s}{'right':>6s}{'95 %':>14s}   verdicts")
        for scenario in dict.fromkeys(one for one, _ in found if one.kind == kind):
            mine = [result for one, result in found if one == scenario]
            given = [result.verdict for result in mine]
            counts = ", ".join(f"{name} {given.count(name)}" for name in dict.fromkeys(sorted(given)))
            right = sum(one.right(scenario) for one in mine)
            low, high = clopper_pearson(right, len(mine))
            print(f"  {scenario.name:44s}{len(mine):5d}{right:6d}   {low:4.0%} to {high:4.0%}   {counts}")


def _print_wrong(found: Sequence[tuple[Scenario, Result]]) -> None:
    wrong = [(scenario, one) for scenario, one in found if not one.right(scenario)]
    print(f"\n{len(wrong)} runs that are not right, and what decided them:")
    for scenario, one in wrong:
        print(f"  {scenario.kind}: {scenario.name}, seed {one.seed}: {one.verdict}, not {' or '.join(scenario.want)}")
        for check, reason in one.flagged.items():
            print(f"      {check}: {reason[:300]}")


def _print_shares(found: Sequence[tuple[Scenario, Result]]) -> None:
    print(f"\n{'':32s}{'k':>6s}{'n':>6s}{'share':>9s}   95 % (Clopper-Pearson)")
    for name, (k, n) in shares(found).items():
        low, high = clopper_pearson(k, n) if n else (0.0, 1.0)
        print(f"{name:32s}{k:6d}{n:6d}{k / n if n else 0:9.1%}   {low:.1%} to {high:.1%}")


def _print_needed(found: Sequence[tuple[Scenario, Result]]) -> None:
    print(f"\n{'requests that an exact test needs for 99 %':46s}{'of all':>8s}{'window':>9s}{'found':>10s}")
    for scenario in dict.fromkeys(one for one, _ in found if one.name in SHARES):
        assert isinstance(scenario.source, Drawn)
        before, now, share = SHARES[scenario.name]
        mine = [one.right(scenario) for other, one in found if other == scenario]
        least, there = round(needed(before, now) / share), scenario.source.new.requests
        print(f"  {scenario.name:44s}{least:8,}{there:9,}{sum(mine):5d} of {len(mine)}")


def _print_rivals(found: Sequence[tuple[Scenario, Result]]) -> None:
    print(f"\n{'share of runs':34s}{'false FAIL':>12s}{'false WARN':>12s}{'harm found':>12s}{'says unknown':>14s}")
    for name in ("runverdict", *RIVALS):
        cells = []
        for kind, wanted in (
            ("no harm", ("FAIL",)),
            ("no harm", ("WARN",)),
            ("harm", ("WARN", "FAIL")),
            ("not enough", ("INCONCLUSIVE",)),
        ):
            given = [one.rivals.get(name, one.verdict) for scenario, one in found if scenario.kind == kind]
            cells.append(sum(verdict in wanted for verdict in given) / len(given) if given else float("nan"))
        print(
            f"{name:34s}" + "".join(f"{cell:>{width}.1%}" for cell, width in zip(cells, (12, 12, 12, 14), strict=True))
        )


def main() -> int:
    """Run, print, and return 1 where a share is outside its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run of every fifth scenario")
    parser.add_argument("--only", default="", help="scenarios whose name has this text")
    parser.add_argument("--seed", type=int, default=0, help="first seed: other draws of the same kinds")
    chosen = parser.parse_args()
    scenarios = [one for one in (QUICK if chosen.quick else SCENARIOS) if chosen.only in one.name]
    start = time.perf_counter()
    found = results(scenarios, runs=1 if chosen.quick else None, first=chosen.seed)
    _print_scenarios(found)
    _print_wrong(found)
    _print_shares(found)
    _print_needed(found)
    _print_rivals(found)
    kinds = ", ".join(f"{sum(one.kind == kind for one in scenarios)} of {kind}" for kind in KINDS)
    print(f"\n{len(scenarios)} scenarios ({kinds}), {len(found)} runs, {time.perf_counter() - start:.0f} s")
    return 0 if holds(found) else 1


if __name__ == "__main__":
    sys.exit(main())
