"""The kinds of harm that an audit of an early version found: which scenario has it now, or why it may pass.

    python -m tests.benchmarks.judgement.audit [--runs N]

Of the audit's 42 kinds 33 passed then. Its windows were others than these.
"""

import argparse
import sys

from tests.benchmarks.judgement.__main__ import results
from tests.benchmarks.judgement.scenarios import SCENARIOS

#: Kind, and the scenario that has it.
KINDS = (
    ("one of twenty instances with 15 % 5xx", "one instance of twenty fails"),
    ("slower and slower over hours", "slower and slower"),
    ("a surge of 403", "401 and 403: 0.8 % to 4.8 %"),
    ("a known dependency becomes slow", "auth by 200 ms"),
    ("ERROR lines in answers of 200", "20 lines of a new error"),
    ("many more lines at WARNING", "warnings four times as often"),
    ("a fast endpoint many times as slow", "a fast service four times as slow"),
    ("a revision without traffic", "the new revision is silent"),
    ("one request in twelve waits for a start", "one request in twelve waits for a start"),
    ("15 % of requests twenty times as slow", "15 % twenty times as slow"),
    ("2 % take 30 s", "2 % take 30 s"),
    ("the upper decile four times as slow", "10 % four times as slow"),
    ("one of twenty instances ten times as slow", "one instance of twenty is slow"),
    ("slow in the last third only", "slow in the last third"),
    ("slow in the first ten minutes", "slow in the first ten minutes"),
    ("a retry storm", "a retry storm"),
    ("traffic stops midway", "traffic ends midway"),
    ("handshakes fail, 403", "half of the handshakes rejected"),
    ("sockets live a second", "sockets live a second"),
    *((f"{status} on 30 % of an endpoint", f"{status} on 30 % of checkout") for status in (400, 404, 422, 429, 499)),
    ("one endpoint answers 404 only", "404 on all of checkout"),
    ("redirects", "302 on 30 % of checkout"),
    ("empty bodies", "all bodies empty"),
    ("an unknown dependency from 60 to 900 ms", "an unknown dependency takes 900 ms"),
    ("a nightly job fails 4 of 4", "a nightly call fails 4 of 4"),
    ("a scheduled call stopped coming", "Cloud Tasks stopped coming"),
    ("errors in INFO lines of answers of 200", "errors in lines of INFO"),
    ("504 after the timeout", "2 % end in 504"),
)

#: Kind, and where it is told though no scenario has it.
ELSEWHERE = (
    ("60 starts an hour in place of 3", "WARN by earlier runs, else INCONCLUSIVE: tests/judge/test_instances.py"),
    ("traffic at 29 % of the usual", "WARN by the same hour of earlier days: tests/judge/test_volume.py"),
    ("handshakes fail, 500", "as with 403, any status from 400 on is a rejection: sql/measures/requests.sql"),
    ("empty bodies of one path", "WARN, each endpoint by itself: tests/judge/test_volume.py"),
    ("a new INFO logger", "was INCONCLUSIVE and is no harm, so it passes: tests/judge/test_novelty.py"),
)

#: Kind, and why it may pass.
PASSES = (
    (
        "a path of 0.1 % of traffic is dead",
        "two failures in 2,000 requests; five are asked for",
    ),
    (
        "a path of 0.5 % of traffic is dead",
        "chance over all endpoints allows it; a path of 0.4 % was found in 67 % of windows",
    ),
    ("one customer's path is dead", "ids in paths are masked, so that it is a share of its endpoint"),
    (
        "an endpoint is no longer asked for",
        "nobody asks, which a release may intend; calls by Google's services are judged",
    ),
    ("start-up from 5 to 14 s", "below the limit of ten seconds more; what waits for it is in platform.restarts"),
)


def main() -> int:
    """Print each kind with its verdicts; return 1 where one that has a scenario passes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2, help="of each kind")
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    given = results([by_name[name] for _, name in KINDS], runs=parser.parse_args().runs)
    missed = 0
    for kind, name in KINDS:
        verdicts = [result.verdict for scenario, result in given if scenario.name == name]
        missed += "PASS" in verdicts
        print(f"{kind:46s}{', '.join(verdicts)}")
    for kind, reason in ELSEWHERE:
        print(f"{kind:46s}{reason}")
    for kind, reason in PASSES:
        print(f"{kind:46s}PASS: {reason}")
    print(f"\n{len(KINDS) + len(ELSEWHERE) + len(PASSES)} kinds: {missed} missed, {len(PASSES)} may pass")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
